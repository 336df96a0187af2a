import { leasePerHour, type Prices } from '../core/evaluation/cost.ts';
import type { Estimate, FinalEstimate } from '../core/run/estimate.ts';
import type { LeaseTerms } from '../core/run/lease.ts';
import { type ValidationLeases, validationLeasesUsd } from '../core/run/lease-estimate.ts';
import type { Pipeline } from '../core/run/pipeline.ts';
import type { PlannedCandidate } from '../core/run/run-plan.ts';
import { usdText } from '../core/text/format.ts';
import { TuneloopError } from '../errors.ts';
import type { ProviderProfile } from '../providers/profile.ts';

/**
 * The terms of the leases of these models; null where models are called without, as those in no catalogue are too.
 *
 * @param servesBase whether models with the original prompt are asked at this provider
 */
export function leaseTerms(
  prices: Prices,
  profile: ProviderProfile,
  models: readonly string[],
  servesBase: boolean,
): LeaseTerms | null {
  const { lease: traits } = profile.serving;
  if (!traits) return null;
  const known = models.filter((model) => profile.models.some(({ id, name }) => id === model || name === model));
  const perHour = (isPaid: boolean) =>
    Object.fromEntries(known.map((model) => [model, isPaid ? leasePerHour(prices, profile.billing, model) : 0]));
  return {
    traits: { ...traits, servesBase: servesBase && traits.servesBase },
    perHour: perHour(traits.paidByHour),
    keptPerHour: perHour(traits.keptByHour ?? traits.paidByHour),
  };
}

/** @throws TuneloopError BUDGET_EXCEEDED where a limit is set that an unknown price would pass unseen */
export function refuseUnknownPrices(
  { budget_usd: budget, evaluation: { judge } }: Pipeline,
  monthly: boolean,
  unknownPrices: readonly string[],
): void {
  const cap =
    budget !== undefined
      ? 'budget_usd'
      : monthly
        ? 'TUNELOOP_MONTHLY_BUDGET_USD'
        : judge?.budget_usd !== undefined && unknownPrices.includes(judge.model)
          ? 'evaluation.judge.budget_usd'
          : null;
  if (unknownPrices.length === 0 || cap === null) return;
  throw new TuneloopError(
    'BUDGET_EXCEEDED',
    `${cap} is set, but the price file has no price for ${unknownPrices.join(', ')}: add one with TUNELOOP_PRICES`,
  );
}

/** The number of candidates, in their order, that the budget pays for. @throws TuneloopError if it pays for none. */
export function countAffordable(
  budget: number | null,
  candidates: readonly PlannedCandidate[],
  { testUsd, baselineUsd, championUsd, alternativesUsd, judgeUsd, leasesUsd }: FinalEstimate,
  leases: ValidationLeases,
): number {
  if (budget === null) return candidates.length;
  let left = [testUsd, baselineUsd, championUsd, judgeUsd, leasesUsd ?? 0, ...alternativesUsd].reduce<number>(
    (rest, usd) => rest - (usd ?? 0),
    budget,
  );
  const paid: PlannedCandidate[] = [];
  let leased = 0;
  for (const candidate of candidates) {
    const { trainingUsd, evaluationUsd } = candidate.reserve;
    const withIt = validationLeasesUsd(leases, [...paid, candidate]);
    const usd = (trainingUsd ?? 0) + (evaluationUsd ?? 0) + withIt - leased;
    if (usd > left) continue;
    left -= usd;
    leased = withIt;
    paid.push(candidate);
  }
  if (paid.length > 0) return paid.length;
  throw new TuneloopError(
    'BUDGET_EXCEEDED',
    `budget_usd is ${usdText(budget)}, which does not pay for a single candidate with its evaluation: raise it, or take fewer rows or epochs`,
  );
}

export function estimateText(
  {
    trainingUsd,
    evaluationUsd,
    leasesUsd = 0,
    leaseHours = 0,
    totalUsd,
    machineUsdPerHour,
    unknownPrices,
  }: Omit<Estimate, 'candidates'>,
  budget: number | null,
  affordable: number,
  candidates: number,
): string {
  if (machineUsdPerHour !== null)
    return `Estimate: machine time at ${usdText(machineUsdPerHour)} an hour (local trainer)`;
  if (totalUsd === null || trainingUsd === null || evaluationUsd === null) {
    return `Estimate: no price known for ${unknownPrices.join(', ')}`;
  }
  const leases = leasesUsd ? ` + ${usdText(leasesUsd)} for ${leaseHours.toFixed(1)} hours of serving` : '';
  const parts = `${usdText(trainingUsd)} training + ${usdText(evaluationUsd)} evaluation${leases}`;
  const sum = `Estimate: ${parts} = ${usdText(totalUsd)}`;
  if (budget === null || affordable === candidates) return sum;
  return `${sum}; budget_usd of ${usdText(budget)} pays for about ${affordable} of ${candidates} candidates`;
}
