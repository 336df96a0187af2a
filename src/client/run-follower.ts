import type { Client } from '@temporalio/client';
import type { JobHeartbeat } from '../core/run/job-heartbeat.ts';
import type { RunProgress } from '../core/run/run-progress.ts';
import type { StepProgress } from '../core/run/step-progress.ts';
import { followUntilEnded } from './follow.ts';
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

/** The view of a running run. */
export interface RunLook {
  progress: RunProgress;
  /** The last report of each candidate's job, by the candidate's id. */
  jobs: ReadonlyMap<string, JobHeartbeat>;
  /** The progress of the run's own step; undefined where it reports none. */
  step: StepProgress | undefined;
}

export interface FollowOptions {
  /** Ends the following with the signal's reason; the run itself continues. */
  signal?: AbortSignal;
  /** Is called about every 400 ms while a worker answers. */
  onLook?: (look: RunLook) => void;
}

/**
 * Waits until a run has ended. A server that does not answer for a minute ends the waiting.
 *
 * @throws TuneloopError RUN_NOT_FOUND
 */
export async function followRun(
  client: Client,
  handle: RunHandle,
  { signal, onLook }: FollowOptions = {},
): Promise<RunJson> {
  const jobs = new Map<string, JobHeartbeat>();
  await followUntilEnded(async () => {
    const description = await describeRun(handle);
    if (onLook) await look(client, handle, jobs, stepProgressOf(description), onLook);
    return statusOf(description) !== 'running';
  }, signal);
  return runJson(handle);
}

async function look(
  client: Client,
  handle: RunHandle,
  jobs: Map<string, JobHeartbeat>,
  step: StepProgress | undefined,
  onLook: (look: RunLook) => void,
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
  onLook({ progress, jobs, step });
}
