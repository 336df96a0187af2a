import type { ArtifactRef } from '../../core/run/artifact-ref.ts';
import { checkpointsToEvaluate } from '../../core/run/checkpoints.ts';
import { type CandidateOutcome, contendingModels } from '../../core/run/contenders.ts';
import type { Plan } from '../../core/run/run-plan.ts';
import { type Evaluations, tuned } from './evaluation.ts';
import type { RunStatus } from './run-status.ts';
import { refuseIfAllFailed } from './survivors.ts';
import type { TrainedCandidates } from './training.ts';

/** The candidates with their contenders: the trained models, and the checkpoints that are worth evaluating. */
export function outcomesOf(
  { candidates, checkpoints }: Pick<Plan, 'candidates' | 'checkpoints'>,
  { trained, stops }: Pick<TrainedCandidates, 'trained' | 'stops'>,
): CandidateOutcome[] {
  return candidates.map((candidate, place) => {
    const job = trained[place]?.job;
    if (!job) throw new Error(`${candidate.id} was not trained`);
    const evaluated =
      job.state === 'succeeded' && !candidate.half
        ? checkpointsToEvaluate(job.checkpoints, candidate.hyperparameters.epochs, checkpoints)
        : [];
    return {
      candidate,
      job,
      stop: stops.get(candidate.id) ?? null,
      contenders: contendingModels(candidate, job, evaluated),
    };
  });
}

/**
 * Evaluates all contenders on the validation rows, and keeps the result with each.
 *
 * @throws ApplicationFailure ALL_CANDIDATES_FAILED where none could be evaluated
 */
export async function evaluateContenders(
  evaluations: Evaluations,
  status: RunStatus,
  examples: ArtifactRef,
  outcomes: readonly CandidateOutcome[],
  { trained, forLeases }: Pick<TrainedCandidates, 'trained' | 'forLeases'>,
): Promise<void> {
  for (const { candidate, contenders } of outcomes) {
    if (contenders.length > 0) status.updateCandidate(candidate.id, { stage: 'evaluating' });
  }
  const evaluated = await evaluations.evaluate(
    { name: 'validation', examples },
    outcomes.flatMap(({ contenders }, place) => {
      const reservation = trained[place]?.forEvaluation;
      return reservation ? contenders.map((model) => ({ subject: tuned(model.id, model), reservation })) : [];
    }),
    forLeases,
  );
  const contenders = outcomes.flatMap((outcome) => outcome.contenders);
  for (const contender of contenders) {
    Object.assign(contender, evaluated.get(contender.id));
    const { candidate, epoch, evaluation, failure } = contender;
    if (epoch !== null) continue;
    if (!evaluation) status.updateCandidate(candidate.id, { stage: 'failed', note: failure });
    else {
      const { score, costPer1kUsd, p95Ms } = evaluation;
      status.updateCandidate(candidate.id, { stage: 'evaluated', score, costPer1kUsd, p95Ms });
    }
  }
  refuseIfAllFailed(
    'no candidate survived its evaluation',
    contenders.map(({ evaluation, failure }) => (evaluation ? null : (failure ?? 'it was not evaluated'))),
  );
}
