import { millisecondsText, savingText, signedPoints } from '../text/format.ts';
import type { Comparison } from './comparison.ts';
import { savingPercent } from './cost.ts';

export type Recommendation = 'fine-tune' | 'do-not-fine-tune' | 'inconclusive';

/** What a model costs and how fast it is. Null for what is not known. */
interface Served {
  /** USD. */
  costPer1kUsd: number | null;
  /** The same where the provider caches the prefix that all prompts share. */
  cachedCostPer1kUsd: number | null;
  p95Ms: number | null;
}

export interface RecommendationInput {
  /** Null where no candidate passed the limits, or the winner could not be measured. */
  winner: Served | null;
  /** Why there are no figures of the winner; null where there are, or nobody won. */
  winnerFailure: string | null;
  baseline: Served;
  /** The winner against the baseline; null where the baseline has no score. */
  comparison: Comparison | null;
  /** Other models with the original prompt, and the winner against each of them. */
  alternatives: readonly { model: string; judged: Served | null; comparison: Comparison | null }[];
  /** What the run has cost, in USD. */
  spentUsd: number;
}

export interface Recommended {
  recommendation: Recommendation;
  /** Why, in a sentence or two with figures. */
  reason: string;
  /** Requests after which the run is paid for by what each saves, against the baseline as it is billed, and with a cached
   * prefix; null where nothing is saved or a cost is not known. */
  breakEvenRequests: number | null;
  breakEvenCachedRequests: number | null;
}

/** A cost this close, in percent, or a p95, is no reason for anything. */
const SAME_PERCENT = 5;

/**
 * Whether to put the winner in the place of the original prompt: if it is better, or if it is hardly worse and cheaper or
 * faster. Not where another model with the original prompt is as good and cheaper. Where the rows do not tell, neither does
 * this. Costs are compared with those of a cached prefix where the provider has them: that saving needs no training.
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
      const rows = rowsNeeded === null ? '' : ` About ${rowsNeeded.toLocaleString('en')} rows would tell.`;
      return inconclusive(`${n} rows do not tell: ${quality}${gain.text}.${rows}`);
    }
  }
}

function keep(reason: string) {
  return { recommendation: 'do-not-fine-tune', reason } as const;
}

function inconclusive(reason: string) {
  return { recommendation: 'inconclusive', reason } as const;
}

/** Another model with the original prompt that is hardly worse than the winner, and not dearer; in words. */
function cheaperAlternative({ alternatives }: RecommendationInput, { costPer1kUsd }: Served): string | null {
  for (const { model, judged, comparison } of alternatives) {
    const usd = judged && (judged.cachedCostPer1kUsd ?? judged.costPer1kUsd);
    if (usd === null || costPer1kUsd === null || comparison === null) continue;
    // The whole interval: the winner is ahead by no more than the margin.
    if (usd > costPer1kUsd || comparison.interval.high > comparison.margin) continue;
    return `${model} with the original prompt does as well without any training, and costs no more: the winner is ${qualityText(comparison)} against it.`;
  }
  return null;
}

function qualityText({ difference, interval, n }: Comparison): string {
  return `${signedPoints(difference)} points (95 % interval ${signedPoints(interval.low)} to ${signedPoints(interval.high)}, ${n} rows)`;
}

/** What the winner saves, in words, and whether it saves anything that counts. */
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

/** Spent once / saved by each request. */
function breakEven(spentUsd: number, beforePer1k: number | null, afterPer1k: number | null): number | null {
  if (beforePer1k === null || afterPer1k === null || beforePer1k <= afterPer1k) return null;
  return Math.ceil(spentUsd / ((beforePer1k - afterPer1k) / 1000));
}
