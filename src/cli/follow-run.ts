import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { JobHeartbeat } from '../activities/await-job.ts';
import { createProgressView, type ProgressView } from './progress-view.ts';
import { describeRun, jobProgressOf, progressOf, type RunHandle, type RunJson, runJson, statusOf } from './runs.ts';

const LOOK_EVERY_MS = 400;

/**
 * Shows a run until it has ended.
 *
 * @param signal stops the looking; the run itself goes on.
 */
export async function followRun(
  client: Client,
  handle: RunHandle,
  options: { signal?: AbortSignal; onView?: (view: ProgressView) => void } = {},
): Promise<RunJson> {
  const view = createProgressView();
  options.onView?.(view);
  const jobs = new Map<string, JobHeartbeat>();
  try {
    for (;;) {
      const { status } = await describeRun(handle).then((description) => ({ status: statusOf(description) }));
      const progress = await progressOf(client, handle);
      if (progress) {
        const training = progress.candidates.filter(({ stage }) => stage === 'training');
        await Promise.all(
          training.map(async ({ id }) => {
            const job = await jobProgressOf(client, handle.workflowId, id);
            if (job) jobs.set(id, job);
          }),
        );
        view.show(progress, jobs);
      }
      if (status !== 'running') break;
      await delay(LOOK_EVERY_MS, undefined, options.signal ? { signal: options.signal } : {});
    }
  } finally {
    view.end();
  }
  return runJson(handle);
}
