import { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { tariffOf, trainingCost } from '../evaluation/cost.ts';
import type { Job, JobProgress } from '../providers/provider.ts';
import type { ArtifactRef } from '../storage/artifact-store.ts';
import { type Dependencies, loadPipeline } from './dependencies.ts';

export interface AwaitJobInput {
  definition: ArtifactRef;
  jobId: string;
  baseModel: string;
}

export type JobOutcome =
  | { state: 'succeeded'; jobId: string; model: string; trainingUsd: number | null; trainingSeconds: number | null }
  | { state: 'failed' | 'cancelled'; jobId: string | null; reason: string };

/** What a waiting job shows as heartbeat details, in the Web UI and to the command line. */
export interface JobHeartbeat extends JobProgress {
  status: string;
}

/**
 * Asks once how a job is, and fails with JOB_PENDING and the time of the next question while it has not ended: waiting
 * by retries writes no event, however long it takes. The failure is benign, so that it is no alarm in logs and metrics.
 */
export function createAwaitJob(dependencies: Dependencies) {
  return async ({ definition, jobId, baseModel }: AwaitJobInput): Promise<JobOutcome> => {
    const { provider: choice } = await loadPipeline(dependencies, definition);
    const provider = dependencies.connectProvider(choice);
    const job = await provider.getJob(jobId);
    if (job.state === 'pending') {
      const progress = await provider.getJobProgress(jobId);
      const context = Context.current();
      const details: JobHeartbeat = { status: job.status, ...progress };
      context.heartbeat(details);
      throw ApplicationFailure.create({
        message: `${jobId} is ${job.status}`,
        type: 'JOB_PENDING',
        category: ApplicationFailureCategory.BENIGN,
        nextRetryDelay: pollDelayMs(context.info.attempt),
      });
    }
    if (job.state === 'succeeded' && job.model) {
      const seconds = trainingSeconds(job, await provider.getTrainingStart(jobId));
      const tariff = tariffOf(dependencies.prices, provider, baseModel, true);
      const trainingUsd = trainingCost(tariff, job.trainedTokens ?? 0, seconds ?? 0);
      return { state: 'succeeded', jobId, model: job.model, trainingUsd, trainingSeconds: seconds };
    }
    const reason = job.failure ?? (job.state === 'cancelled' ? 'cancelled at the provider' : 'ended without a model');
    return { state: job.state === 'cancelled' ? 'cancelled' : 'failed', jobId, reason };
  };
}

/** Half a second at first, 10 % longer each time, at most 30 seconds: short jobs are seen soon, long ones cost little. */
export function pollDelayMs(attempt: number): number {
  return Math.round(Math.min(30_000, 500 * 1.1 ** (attempt - 1)));
}

/** Time spent training, without validation and queue where the provider says when training began. */
function trainingSeconds({ createdAt, finishedAt }: Job, startedAt: number | null): number | null {
  return finishedAt === null ? null : finishedAt - (startedAt ?? createdAt);
}
