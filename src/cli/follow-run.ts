import { setTimeout as delay } from 'node:timers/promises';
import { type Client, ServiceError } from '@temporalio/client';
import type { JobHeartbeat } from '../activities/await-job.ts';
import type { StepProgress } from '../activities/step-progress.ts';
import { createProgressView, type ProgressView } from './progress-view.ts';
import {
  describeRun,
  jobProgressOf,
  progressOf,
  type RunHandle,
  type RunJson,
  runJson,
  statusOf,
  stepProgressOf,
} from './runs.ts';

const LOOK_EVERY_MS = 400;
/** A server that is started again answers within seconds; one that is silent for longer is gone. */
const SILENCE_LIMIT_MS = 60_000;

/**
 * Shows a run until it has ended. A server that does not answer for a while is asked again.
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
  let answered = Date.now();
  try {
    for (;;) {
      options.signal?.throwIfAborted();
      try {
        const description = await describeRun(handle);
        const status = statusOf(description);
        await look(client, handle, view, jobs, stepProgressOf(description));
        answered = Date.now();
        if (status !== 'running') break;
      } catch (error) {
        if (!(error instanceof ServiceError) || Date.now() - answered > SILENCE_LIMIT_MS) throw error;
      }
      await delay(LOOK_EVERY_MS, undefined, options.signal ? { signal: options.signal } : {});
    }
  } finally {
    view.end();
  }
  return runJson(handle);
}

async function look(
  client: Client,
  handle: RunHandle,
  view: ProgressView,
  jobs: Map<string, JobHeartbeat>,
  step: StepProgress | undefined,
): Promise<void> {
  const progress = await progressOf(client, handle);
  if (!progress) return;
  const training = progress.candidates.filter(({ stage }) => stage === 'training');
  await Promise.all(
    training.map(async ({ id }) => {
      const job = await jobProgressOf(client, handle.workflowId, id);
      if (job) jobs.set(id, job);
    }),
  );
  view.show(progress, jobs, step);
}
