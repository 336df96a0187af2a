import { setTimeout as delay } from 'node:timers/promises';
import { type Client, ServiceError } from '@temporalio/client';
import type { JobHeartbeat } from '../core/run/job-heartbeat.ts';
import type { RunProgress } from '../core/run/run-progress.ts';
import type { StepProgress } from '../core/run/step-progress.ts';
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
/** A restarted server answers within seconds; one that is silent for longer is gone. */
const SILENCE_LIMIT_MS = 60_000;

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
  let answered = Date.now();
  for (;;) {
    signal?.throwIfAborted();
    try {
      const description = await describeRun(handle);
      const status = statusOf(description);
      if (onLook) await look(client, handle, jobs, stepProgressOf(description), onLook);
      answered = Date.now();
      if (status !== 'running') break;
    } catch (error) {
      if (!(error instanceof ServiceError) || Date.now() - answered > SILENCE_LIMIT_MS) throw error;
    }
    await delay(LOOK_EVERY_MS, undefined, signal ? { signal } : {});
  }
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
