import type { Client } from '@temporalio/client';
import { followRun } from '../client/run-follower.ts';
import type { RunHandle, RunJson } from '../client/runs.ts';
import { createProgressView, type ProgressView } from './progress-view.ts';

/**
 * Shows a run until it has ended.
 *
 * @param signal stops the display; the run itself continues.
 */
export async function showRun(
  client: Client,
  handle: RunHandle,
  { signal, onView }: { signal?: AbortSignal; onView?: (view: ProgressView) => void } = {},
): Promise<RunJson> {
  const view = createProgressView();
  onView?.(view);
  try {
    return await followRun(client, handle, {
      ...(signal && { signal }),
      onLook: ({ progress, jobs, step }) => view.show(progress, jobs, step),
    });
  } finally {
    view.end();
  }
}
