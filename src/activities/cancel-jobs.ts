import { ApplicationFailure } from '@temporalio/common';
import { trainingCost, trainingTariffOf } from '../core/evaluation/cost.ts';
import type { JobInput } from '../core/run/job-input.ts';
import { ProviderError } from '../providers/provider-error.ts';
import type { Job, Training } from '../providers/training.ts';
import { settle } from './create-job.ts';
import { type Dependencies, loadPipeline } from './support/dependencies.ts';
import { jobIdentity } from './support/job-input.ts';

export interface CancelledJobs {
  cancelled: string[];
  /** The cost of all jobs of the candidate, in USD; null where that is not known. */
  trainingUsd: number | null;
}

/**
 * Cancels every job of a candidate that has not ended; tried again until none is left. By identity and not by id, because a job may exist
 * although its id never came back. If the id is known, there is no wait until the job shows in the list.
 */
export function createCancelJobs(dependencies: Dependencies) {
  return async (input: JobInput & { jobId: string | null }): Promise<CancelledJobs> => {
    const { provider: choice } = await loadPipeline(dependencies, input.definition);
    const { training, profile } = dependencies.connectProvider(choice);
    try {
      const before = await jobsOf(training, input);
      const pending = before.filter(({ state }) => state === 'pending');
      const after = await Promise.all(pending.map(({ id }) => training.cancelJob(id)));
      const running = after.filter(({ state }) => state === 'pending');
      if (running.length > 0) {
        throw notYet(`not cancelled yet: ${running.map(({ id, status }) => `${id} is ${status}`).join(', ')}`);
      }
      const tariff = trainingTariffOf(dependencies.prices, profile.billing, input.candidate.baseModel);
      const costs = before.map((job) => {
        const { trainedTokens = null, costUsd = null } = after.find(({ id }) => id === job.id) ?? job;
        if (costUsd !== null) return costUsd;
        if (trainedTokens !== null) return trainingCost(tariff, trainedTokens, 0);
        // A job that was cancelled before it trained cost nothing; the cost of a cancelled training is documented nowhere.
        return job.state === 'failed' || (job.state === 'pending' && job.phase !== 'running') ? 0 : null;
      });
      const trainingUsd = costs.reduce((sum, usd) => (sum === null || usd === null ? null : sum + usd), 0);
      return { cancelled: after.map(({ id }) => id), trainingUsd };
    } catch (error) {
      // Even a refusal may pass, with a new key for example, and until then the job costs money.
      if (error instanceof ProviderError && !error.retryable) throw notYet(error.message);
      throw error;
    }
  };
}

async function jobsOf(training: Training, input: JobInput & { jobId: string | null }): Promise<Job[]> {
  const identity = jobIdentity(input);
  const { jobId } = input;
  if (jobId === null) await settle(training, identity);
  const jobs = await training.findJobs(identity);
  if (jobId === null || jobs.some(({ id }) => id === jobId)) return jobs;
  try {
    return [...jobs, await training.getJob(jobId)];
  } catch (error) {
    // A job that the provider does not know costs nothing.
    if (error instanceof ProviderError && error.status === 404) return jobs;
    throw error;
  }
}

function notYet(message: string): ApplicationFailure {
  return ApplicationFailure.create({ message, type: 'PROVIDER_UNAVAILABLE' });
}
