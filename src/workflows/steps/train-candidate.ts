import { CancellationScope, type ChildWorkflowHandle, isCancellation, startChild } from '@temporalio/workflow';
import { jobWorkflowId } from '../../contract/ids.ts';
import type { JobInput } from '../../core/run/job-input.ts';
import type { JobOutcome } from '../../core/run/job-outcome.ts';
import type { Candidate } from '../../core/run/plan.ts';
import type { PlannedCandidate } from '../../core/run/run-plan.ts';
import type { CandidateProgress } from '../../core/run/run-progress.ts';
import { fineTuningJob } from '../fine-tuning-job.ts';
import { reasonOf } from './failure-reason.ts';
import type { LeaseHold } from './lease-hold.ts';
import { type Pause, pauseReasonOf } from './pause.ts';
import type { Reservation, RunBudget } from './run-budget.ts';

/** The input that the candidates of a run share. */
export interface Training {
  job: Omit<JobInput, 'candidate' | 'generation' | 'trainingFile' | 'validationFile'>;
  /** Uploaded files, by {@link trainingFileKey}. */
  files: ReadonlyMap<string, UploadedFiles>;
  /** The running jobs, by candidate, with a way to stop them. */
  running: Map<string, ChildWorkflowHandle<typeof fineTuningJob>>;
  /** Whether jobs signal `epochEnded` to this workflow. */
  reportEpochs: boolean;
  budget: RunBudget;
  hold: LeaseHold;
  pause: Pause;
  update(id: string, change: Partial<CandidateProgress>): void;
}

/** The key of a candidate's training file: its treatment of the prompts, and its share of the rows. */
export function trainingFileKey({ treatment, half }: Pick<Candidate, 'treatment' | 'half'>): string {
  return half ? `${treatment}-half` : treatment;
}

/** Ids of a provider's files. */
export interface UploadedFiles {
  trainingFile: string;
  validationFile: string;
}

export interface TrainedCandidate {
  job: JobOutcome;
  /** The reservation for the evaluation; null for a candidate without a model. */
  forEvaluation: Reservation | null;
}

/** Trains one candidate in a child workflow, if the budget pays for that and for its evaluation. */
export async function trainCandidate(training: Training, candidate: PlannedCandidate): Promise<TrainedCandidate> {
  const { budget, hold, update } = training;
  const { id, reserve } = candidate;
  const reserved = await hold.reserve(candidate, [
    { what: `training of ${id}`, usd: reserve.trainingUsd },
    { what: `evaluation of ${id}`, usd: reserve.evaluationUsd },
  ]);
  if ('refused' in reserved) {
    update(id, { stage: 'skipped', note: reserved.refused });
    return { job: { state: 'skipped', jobId: null, reason: reserved.refused }, forEvaluation: null };
  }
  const [forTraining, forEvaluation] = reserved;
  update(id, { stage: 'training' });
  const job = await runJob(training, candidate);
  await budget.settle(forTraining, costOf(job));
  if (job.state === 'succeeded') {
    update(id, { stage: 'trained' });
    return { job, forEvaluation };
  }
  await budget.settle(forEvaluation, 0);
  update(id, { stage: job.state, note: job.reason });
  return { job, forEvaluation: null };
}

function costOf(job: JobOutcome): number | null {
  if (job.state === 'skipped') return 0;
  const { trainingUsd } = job;
  return trainingUsd === null || job.state !== 'succeeded' ? trainingUsd : trainingUsd + (job.askedUsd ?? 0);
}

/** Runs the job, and makes a new one after the pause if a quota ended it. */
async function runJob(training: Training, candidate: PlannedCandidate): Promise<JobOutcome> {
  const { pause } = training;
  for (let generation = 1; ; ) {
    const outcome = await pause.around(() => runJobOnce(training, candidate, generation));
    if (outcome.state !== 'failed' || !outcome.pause) return outcome;
    await pause.wait({ code: outcome.pause, message: outcome.reason });
    // A refused job does not exist and needs no new identity. A job that was created and then failed exists, so the new one needs another.
    if (outcome.jobId) generation += 1;
  }
}

async function runJobOnce(
  { job, files, running, reportEpochs }: Training,
  { id, baseModel, hyperparameters, treatment, half }: PlannedCandidate,
  generation: number,
): Promise<JobOutcome> {
  const candidate: Candidate = { id, baseModel, hyperparameters, treatment, ...(half ? { half } : {}) };
  const uploaded = files.get(trainingFileKey(candidate));
  if (!uploaded) throw new Error(`nothing was uploaded for ${id}`);
  try {
    const child = await startChild(fineTuningJob, {
      workflowId: jobWorkflowId(job.runId, id),
      args: [{ ...job, ...uploaded, candidate, generation, reportEpochs: reportEpochs && !half }],
      staticSummary: id,
      staticDetails: `Trains ${baseModel} for the run ${job.runId}`,
      cancellationType: 'WAIT_CANCELLATION_COMPLETED',
      // If the run is terminated, its jobs must not continue to cost money.
      parentClosePolicy: 'REQUEST_CANCEL',
    });
    running.set(id, child);
    return await child.result();
  } catch (error) {
    // A single job that a person cancelled is a lost candidate, and not the end of the run.
    if (CancellationScope.current().consideredCancelled || pauseReasonOf(error)) throw error;
    const state = isCancellation(error) ? 'cancelled' : 'failed';
    return { state, jobId: null, reason: reasonOf(error), trainingUsd: null, pause: null };
  } finally {
    running.delete(id);
  }
}
