import type { Stop } from './early-stop.ts';
import type { Evaluation } from './evaluation.ts';
import type { JobOutcome } from './job-outcome.ts';
import type { PlannedCandidate } from './run-plan.ts';
import type { Checkpoint } from './training-metrics.ts';

/** A candidate and the outcome of its job. */
export interface CandidateOutcome {
  candidate: PlannedCandidate;
  job: JobOutcome;
  /** Why its job was told to stop; null where it was not. */
  stop: Stop | null;
  /** Its model, and those of its checkpoints that are worth evaluating; none where it has no model. */
  contenders: Contending[];
}

/** A trained model that could win. */
export interface Contending {
  /** The candidate's id, and for a checkpoint its epoch: `local-base-lr1-e4@2`. */
  id: string;
  candidate: PlannedCandidate;
  model: string;
  /** The epoch of a checkpoint; null for the model at the end. */
  epoch: number | null;
  /** Its evaluation on the validation rows; null before it is made. */
  evaluation: Evaluation | null;
  /** Why it could not be evaluated. */
  failure: string | null;
}

/** The contenders of a candidate, before any evaluation. */
export function contendingModels(
  candidate: PlannedCandidate,
  job: JobOutcome,
  checkpoints: readonly Checkpoint[],
): Contending[] {
  if (job.state !== 'succeeded') return [];
  const { id } = candidate;
  const common = { candidate, evaluation: null, failure: null };
  return [
    { id, model: job.model, epoch: null, ...common },
    ...checkpoints.map(({ epoch, model }) => ({ id: `${id}@${epoch}`, model, epoch, ...common })),
  ];
}
