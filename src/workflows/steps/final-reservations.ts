import { ApplicationFailure } from '@temporalio/workflow';
import { askedAlternatives } from '../../core/run/alternatives.ts';
import type { FinalEstimate } from '../../core/run/estimate.ts';
import type { Pipeline } from '../../core/run/pipeline.ts';
import type { Reservation, RunBudget } from './run-budget.ts';

/** The reservations for the models that answer the test rows, and for the judge of their answers. */
export interface FinalReservations {
  winner: Reservation;
  baseline: Reservation;
  champion: Reservation;
  judge: Reservation;
  /** In the order of `askedAlternatives`. */
  alternatives: readonly Reservation[];
  /** For the serving leases; none without leases. */
  leases: readonly Reservation[];
}

/**
 * Holds back the money for the final test.
 *
 * @throws ApplicationFailure BUDGET_EXCEEDED where the budget does not pay for it
 */
export async function reserveFinalTest(
  budget: RunBudget,
  evaluation: Pick<Pipeline['evaluation'], 'alternatives' | 'constrain' | 'judge'>,
  estimate: FinalEstimate,
): Promise<FinalReservations> {
  const reserved = await budget.reserve([
    { what: 'winner on the test rows', usd: estimate.testUsd },
    { what: 'baseline', usd: estimate.baselineUsd },
    { what: 'champion', usd: estimate.championUsd },
    { what: 'judge', usd: estimate.judgeUsd },
  ] as const);
  if ('refused' in reserved) throw ApplicationFailure.nonRetryable(reserved.refused, 'BUDGET_EXCEEDED');
  const [forWinner, forBaseline, forChampion, forJudge] = reserved;
  const forAlternatives = await budget.reserve(
    askedAlternatives(evaluation).map(({ model }, place) => ({
      what: model,
      usd: estimate.alternativesUsd[place] ?? null,
    })),
  );
  if ('refused' in forAlternatives) throw ApplicationFailure.nonRetryable(forAlternatives.refused, 'BUDGET_EXCEEDED');
  // Not at all where there are no leases, as in runs of earlier versions.
  const forLeases = estimate.leasesUsd
    ? await budget.reserve([{ what: 'serving of the final test', usd: estimate.leasesUsd }])
    : [];
  if ('refused' in forLeases) throw ApplicationFailure.nonRetryable(forLeases.refused, 'BUDGET_EXCEEDED');
  if (!evaluation.judge) await budget.settle(forJudge, 0);
  return {
    winner: forWinner,
    baseline: forBaseline,
    champion: forChampion,
    judge: forJudge,
    alternatives: forAlternatives,
    leases: forLeases,
  };
}
