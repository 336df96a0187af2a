import type { Comparison } from '../evaluation/comparison.ts';
import { savingPercent } from '../evaluation/cost.ts';
import type { Recommendation } from '../evaluation/recommendation.ts';
import type { Pipeline } from '../run/pipeline.ts';
import { savingText, signedPoints } from '../text/format.ts';
import type { PromotionPolicy } from './deployment.ts';

interface Costs {
  /** USD. */
  costPer1kUsd: number | null;
}

export interface PromotionInput {
  recommendation: Recommendation;
  /** The recommendation in words. */
  reason: string;
  winner: Costs | null;
  /** The serving model; null for the original prompt. */
  champion:
    | (Costs & {
        model: string;
        /** The winner against the champion, on rows that neither was trained on; null where there are none. */
        comparison: Comparison | null;
        /** Why the champion could not be asked; null where it could. */
        failure: string | null;
        /** When its provider switches it off, ISO 8601; null where that is not near. */
        endsAt: string | null;
      })
    | null;
}

/** Whether the winner of a run should serve from now on, and why. */
export interface Promotion {
  promote: boolean;
  why: string;
}

/** A saving of at most this, in percent, is no reason to replace the champion. */
const SAME_PERCENT = 10;

/**
 * A winner takes the place of the champion if it is better on rows that neither has seen, or as good within the margin and cheaper. The
 * comparison with the original prompt decides where there is no champion, where the champion no longer answers, and where it will soon be
 * switched off and the winner is not worse.
 */
export function promotionOf({ recommendation, reason, winner, champion }: PromotionInput): Promotion {
  if (!winner || recommendation === 'do-not-fine-tune') return { promote: false, why: reason };
  if (!champion) return { promote: recommendation === 'fine-tune', why: reason };
  const { comparison, failure, model, endsAt } = champion;
  if (failure !== null) {
    const why = `The champion ${model} does not answer (${failure}). ${reason}`;
    return { promote: recommendation === 'fine-tune', why };
  }
  if (endsAt && comparison?.verdict !== 'better' && comparison?.verdict !== 'worse') {
    const why = `The provider switches the champion ${model} off on ${endsAt.slice(0, 10)}. ${reason}`;
    return { promote: recommendation === 'fine-tune', why };
  }
  if (!comparison) {
    return {
      promote: false,
      why: `Every row was in the training of the winner or of the champion ${model}, so that no row can compare them.`,
    };
  }
  const { verdict, difference, interval, n } = comparison;
  const figures =
    `${signedPoints(difference)} points (95 % interval ${signedPoints(interval.low)} to ${signedPoints(interval.high)}, ` +
    `${n} rows that neither was trained on)`;
  switch (verdict) {
    case 'better':
      return { promote: true, why: `The winner is better than the champion: ${figures}.` };
    case 'worse':
      return { promote: false, why: `The winner is worse than the champion: ${figures}.` };
    case 'inconclusive':
      return { promote: false, why: `The rows are too few to decide between winner and champion: ${figures}.` };
    case 'non-inferior': {
      const saving = savingPercent(champion.costPer1kUsd, winner.costPer1kUsd);
      if (saving === null || saving <= SAME_PERCENT || recommendation !== 'fine-tune') {
        return { promote: false, why: `The winner is no gain over the champion: ${figures}.` };
      }
      return { promote: true, why: `The winner is as good as the champion and ${savingText(saving)}: ${figures}.` };
    }
  }
}

const HOUR_MS = 3_600_000;

/** How a pipeline wants its winners to be deployed. */
export function promotionPolicy({ by, deadline_hours, canary }: Pipeline['promotion']): PromotionPolicy {
  const { stages, every_seconds, max_errors, max_slowdown, max_quality_loss } = canary;
  return {
    automatic: by === 'automatic',
    deadlineMs: deadline_hours * HOUR_MS,
    stages: stages.map(({ share, min_calls }) => ({ share, minCalls: min_calls })).sort((a, b) => a.share - b.share),
    everyMs: every_seconds * 1000,
    limits: { max_errors, max_slowdown, max_quality_loss },
  };
}
