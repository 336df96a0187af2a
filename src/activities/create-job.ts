import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { JobInput } from '../core/run/job-input.ts';
import { ProviderError } from '../providers/provider-error.ts';
import type { Job, JobIdentity, Training } from '../providers/training.ts';
import { type Dependencies, loadPipeline } from './support/dependencies.ts';
import { cancelExtras } from './support/extra-jobs.ts';
import { jobIdentity } from './support/job-input.ts';

export type CreatedJob =
  /** `adopted`: the job was found, and not created by this attempt. */
  | { jobId: string; adopted: boolean }
  /** The provider refused for good, and no job exists. */
  | { refused: { code: string; message: string } };

/**
 * Creates the job of a candidate, unless it exists already. An attempt before this one may have sent the request and died before it could
 * say so, and an answer may get lost: so every attempt looks for the job first, and after an unknown outcome for as long as a new job may
 * be missing from the list. If there are several jobs in spite of that, all but the oldest are cancelled.
 */
export function createCreateJob(dependencies: Dependencies) {
  return async (input: JobInput): Promise<CreatedJob> => {
    const { name, provider: choice } = await loadPipeline(dependencies, input.definition);
    const { training } = dependencies.connectProvider(choice);
    const identity = jobIdentity(input);
    const { attempt, workflowExecution } = Context.current().info;
    let existing: Job | undefined;
    try {
      existing = attempt === 1 ? (await training.findJobs(identity))[0] : await settle(training, identity);
    } catch (error) {
      // Nothing was sent before the first look.
      if (attempt === 1 && error instanceof ProviderError && !error.retryable) return refusedBy(error);
      throw error;
    }
    if (existing) return keepOldest(dependencies, training, identity, existing, true);
    // Meanwhile the run may have been cancelled, or the server may have given up this attempt and started another one.
    Context.current().cancellationSignal.throwIfAborted();
    try {
      const job = await training.createJob({
        ...identity,
        owner: {
          pipeline: name,
          workflowId: workflowExecution?.workflowId ?? '',
          executionId: workflowExecution?.runId ?? '',
        },
        validationFile: input.validationFile,
        hyperparameters: input.candidate.hyperparameters,
      });
      return await keepOldest(dependencies, training, identity, job, false);
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      if (!error.retryable) return refusedBy(error);
      const job = error.mayHaveExecuted ? await settle(training, identity) : undefined;
      if (!job) throw error;
      return keepOldest(dependencies, training, identity, job, true);
    }
  };
}

function refusedBy({ code, message }: ProviderError): CreatedJob {
  return { refused: { code, message } };
}

const LOOKS = 10;
const SHORTEST_LOOK_MS = 100;

/** Looks for a job until it shows, at most for the time in which a new one may be missing from the list. */
export async function settle(training: Training, identity: JobIdentity): Promise<Job | undefined> {
  const deadline = performance.now() + training.settlingMs;
  for (;;) {
    const last = performance.now() >= deadline;
    try {
      const [job] = await training.findJobs(identity);
      if (job || last) return job;
    } catch (error) {
      // The last look decides. If the provider asks for a wait, Temporal waits.
      const mayPass = error instanceof ProviderError && error.retryable && error.retryAfterMs === undefined;
      if (last || !mayPass) throw error;
    }
    await delay(Math.max(SHORTEST_LOOK_MS, training.settlingMs / LOOKS));
  }
}

async function keepOldest(
  dependencies: Dependencies,
  training: Training,
  identity: JobIdentity,
  job: Job,
  adopted: boolean,
): Promise<CreatedJob> {
  try {
    const listed = await training.findJobs(identity);
    // The list may not show the newest job yet.
    const jobs = listed.some(({ id }) => id === job.id) ? listed : [...listed, job];
    const [oldest = job] = jobs;
    await cancelExtras(dependencies, training, jobs, oldest.id);
    return { jobId: oldest.id, adopted: adopted || oldest.id !== job.id };
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    // The job exists, and that is enough now: extras are looked for again while it runs.
    return { jobId: job.id, adopted };
  }
}
