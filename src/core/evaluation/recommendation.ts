import { millisecondsText, savingText, signedPoints } from '../text/format.ts';
import type { Comparison } from './comparison.ts';
import { savingPercent } from './cost.ts';

export type Recommendation = 'fine-tune' | 'do-not-fine-tune' | 'inconclusive';

/** The cost and the speed of a model. Null for unknown figures. */
interface Served {
  /** USD. */
  costPer1kUsd: number | null;
  /** The same if the provider caches the prefix that all prompts share. */
  cachedCostPer1kUsd: number | null;
  p95Ms: number | null;
}

export interface RecommendationInput {
  /** Null where no candidate passed the limits, or the best candidate could not be measured. */
  winner: Served | null;
  /** Why the best candidate has no figures; null where it has, or where no candidate passed the limits. */
  winnerFailure: string | null;
  baseline: Served;
  /** The winner against the baseline; null where the baseline has no score. */
  comparison: Comparison | null;
  /** Other models with the original prompt, and the winner against each of them. */
  alternatives: readonly { model: string; judged: Served | null; comparison: Comparison | null }[];
  /** The cost of the run, in USD. */
  spentUsd: number;
}

export interface Recommended {
  recommendation: Recommendation;
  /** The reason, in a sentence or two with figures. */
  reason: string;
  /**
   * The number of requests after which their savings have paid for the run: against the baseline as it is billed, and with a cached prefix;
   * null where nothing is saved or a cost is not known.
   */
  breakEvenRequests: number | null;
  breakEvenCachedRequests: number | null;
}

/** A difference of cost or p95 of at most this, in percent, is no reason for a change. */
const SAME_PERCENT = 5;

/**
 * Decides whether the winner should replace the original prompt: if it is better, or if it is hardly worse and cheaper or faster. It should
 * not where another model with the original prompt is as good and cheaper. If the rows are too few to decide, the recommendation is open
 * too. Costs are compared with those of a cached prefix where the provider has them, because that saving needs no training.
 */
export function recommend(input: RecommendationInput): Recommended {
  const { winner, baseline, spentUsd } = input;
  const saving = (usd: number | null) => breakEven(spentUsd, usd, winner?.costPer1kUsd ?? null);
  return {
    ...decide(input),
    breakEvenRequests: saving(baseline.costPer1kUsd),
    breakEvenCachedRequests: saving(baseline.cachedCostPer1kUsd),
  };
}

function decide(input: RecommendationInput): Pick<Recommended, 'recommendation' | 'reason'> {
  const { winner, winnerFailure, comparison } = input;
  if (winnerFailure) {
    return inconclusive(`The winner could not be measured against the baseline: ${winnerFailure}.`);
  }
  if (!winner) return keep('No candidate passed the limits of the pipeline.');
  const instead = cheaperAlternative(input, winner);
  if (instead) return keep(instead);
  if (!comparison) {
    return inconclusive(
      'The quality of the baseline is not known: write down right answers (`actual`), or set evaluation.baseline to { live: MODEL }.',
    );
  }
  const quality = qualityText(comparison);
  const gain = gainOf(winner, input.baseline);
  switch (comparison.verdict) {
    case 'better':
      return { recommendation: 'fine-tune', reason: `The winner is better: ${quality}${gain.text}.` };
    case 'worse':
      return keep(`The winner is worse: ${quality}${gain.text}.`);
    case 'non-inferior':
      return gain.isGain
        ? { recommendation: 'fine-tune', reason: `The winner is as good within the margin: ${quality}${gain.text}.` }
        : keep(`The winner is as good within the margin, but neither cheaper nor faster: ${quality}${gain.text}.`);
    case 'inconclusive': {
      const { n, rowsNeeded } = comparison;
      const rows = rowsNeeded === null ? '' : ` About ${rowsNeeded.toLocaleString('en')} rows would be enough.`;
      return inconclusive(`${n} rows are too few to decide: ${quality}${gain.text}.${rows}`);
    }
  }
}

function keep(reason: string) {
  return { recommendation: 'do-not-fine-tune', reason } as const;
}

function inconclusive(reason: string) {
  return { recommendation: 'inconclusive', reason } as const;
}

/** Another model with the original prompt that is hardly worse than the winner and no more expensive; in words. */
function cheaperAlternative({ alternatives }: RecommendationInput, { costPer1kUsd }: Served): string | null {
  for (const { model, judged, comparison } of alternatives) {
    const usd = judged && (judged.cachedCostPer1kUsd ?? judged.costPer1kUsd);
    if (usd === null || costPer1kUsd === null || comparison === null) continue;
    // Holds for the whole interval: the winner is ahead by no more than the margin.
    if (usd > costPer1kUsd || comparison.interval.high > comparison.margin) continue;
    return `${model} with the original prompt does as well without any training, and costs no more: the winner is ${qualityText(comparison)} against it.`;
  }
  return null;
}

function qualityText({ difference, interval, n }: Comparison): string {
  return `${signedPoints(difference)} points (95 % interval ${signedPoints(interval.low)} to ${signedPoints(interval.high)}, ${n} rows)`;
}

/** The savings of the winner, in words, and whether one of them is large enough to count. */
function gainOf(winner: Served, baseline: Served): { isGain: boolean; text: string } {
  const cached = baseline.cachedCostPer1kUsd;
  const saving = savingPercent(baseline.costPer1kUsd, winner.costPer1kUsd);
  const cachedSaving = savingPercent(cached, winner.costPer1kUsd);
  const cheaper = cachedSaving ?? saving;
  const faster = savingPercent(baseline.p95Ms, winner.p95Ms);
  const cost =
    saving === null
      ? ''
      : `, ${savingText(saving)}${cachedSaving === null ? '' : ` (${savingText(cachedSaving)} than with a cached prompt)`}`;
  const latency =
    winner.p95Ms === null || baseline.p95Ms === null
      ? ''
      : `, p95 ${millisecondsText(winner.p95Ms)} against ${millisecondsText(baseline.p95Ms)}`;
  const dearer = cheaper !== null && cheaper < -SAME_PERCENT;
  return {
    isGain: (cheaper !== null && cheaper > SAME_PERCENT) || (!dearer && faster !== null && faster > SAME_PERCENT),
    text: `${cost}${latency}`,
  };
}

/** The money spent once, divided by the saving of each request. */
function breakEven(spentUsd: number, beforePer1k: number | null, afterPer1k: number | null): number | null {
  if (beforePer1k === null || afterPer1k === null || beforePer1k <= afterPer1k) return null;
  return Math.ceil(spentUsd / ((beforePer1k - afterPer1k) / 1000));
}
