import { randomShares } from '@tuneloop/app/internal/shared/random';
import { percentText } from '../text/format.ts';
import { nonInferiority } from './comparison.ts';
import { mean } from './statistics.ts';

/** A contender as the choice of the winner sees it. */
export interface Contender {
  id: string;
  /** Scores on the validation rows, 0 to 1, in the order of the rows. */
  scores: readonly number[];
  /** USD, null where no price is known. */
  costPer1kUsd: number | null;
  /** Null where no row was timed. */
  p95Ms: number | null;
  /** Share of invalid answers, 0 to 1. */
  invalid: number;
}

export interface SelectionRule {
  /** The loss of mean score that may be traded for lower cost. */
  margin: number;
  max_cost_per_1k_usd?: number | undefined;
  max_p95_ms?: number | undefined;
  max_invalid: number;
}

export interface Selection {
  winner: string | null;
  /** Why the winner was chosen, in words. */
  reason: string | null;
  /** Why each of the others, or each of all, did not win; in words, by id. */
  rejected: Record<string, string>;
  /** The passing contenders that no other one dominates: better in quality, cost or p95, and worse in none. */
  front: string[];
  /** How much the best validation score probably overstates its model, 0 to 1. */
  optimism: number;
}

/** The required probability that a cheaper contender loses no more than the margin. */
const SURE_ENOUGH = 0.9;
/** Scores are sums of floats: a difference below this is rounding, not quality. */
const ROUNDING = 1e-9;

interface Passing extends Contender {
  score: number;
}

/**
 * Chooses a winner: of those that pass the caps and lie on the Pareto front, the cheapest one that is hardly worse than the best (by at
 * most the margin, with a posterior probability of 90 %); if there is none, the best. An unknown cost cannot pass a cap on cost and counts
 * as the highest. Ties go to the better score, the lower p95, the smaller id, so that the order of the contenders does not count.
 */
export function selectWinner(contenders: readonly Contender[], rule: SelectionRule): Selection {
  const rejected: Record<string, string> = {};
  const passing: Passing[] = [];
  for (const contender of contenders) {
    const reason = violatedCap(contender, rule);
    if (reason) rejected[contender.id] = reason;
    else passing.push({ ...contender, score: mean(contender.scores) });
  }
  const front = passing.filter((each) => !passing.some((other) => dominates(other, each)));
  const best = front.toSorted(byScore)[0];
  if (!best) return { winner: null, reason: null, rejected, front: [], optimism: 0 };
  const cheaper = front.filter((each) => costOf(each) < costOf(best)).toSorted(byCost);
  const winner = cheaper.find(({ scores }) => nonInferiority(scores, best.scores, rule.margin) >= SURE_ENOUGH) ?? best;
  for (const each of passing) {
    if (each === winner) continue;
    rejected[each.id] = whyNot(each, { winner, best, front, margin: rule.margin });
  }
  return {
    winner: winner.id,
    reason: reasonOf(winner, best, cheaper, rule.margin),
    rejected,
    front: front.map(({ id }) => id),
    optimism: optimismOf(passing),
  };
}

function reasonOf(winner: Passing, best: Passing, cheaper: readonly Passing[], margin: number): string {
  const points = `${(margin * 100).toFixed(1)} points`;
  if (winner !== best) {
    return `the cheapest that is within ${points} of the best (${best.id}), with a probability of at least ${percentText(SURE_ENOUGH)}`;
  }
  if (cheaper.length === 0) return 'the best, and no eligible contender is cheaper';
  return `the best; ${best.scores.length} rows are too few to show that a cheaper one is within ${points} of it`;
}

function whyNot(
  each: Passing,
  { winner, best, front, margin }: { winner: Passing; best: Passing; front: readonly Passing[]; margin: number },
): string {
  if (each === best) return 'the best, but a cheaper one is within the margin';
  if (!front.includes(each)) return 'another one is at least as good, as cheap and as fast';
  if (costOf(each) >= costOf(winner)) return 'lower validation score, and not cheaper';
  const loss = (winner.score - each.score) * 100;
  return `cheaper, but ${loss.toFixed(1)} points behind, which may be more than the margin of ${(margin * 100).toFixed(1)}`;
}

/** Whether one is at least as good in every respect, and better in one; of two equal ones, the one with the smaller id. */
function dominates(one: Passing, other: Passing): boolean {
  if (one === other) return false;
  const gains = [
    difference(one.score, other.score),
    -difference(costOf(one), costOf(other)),
    -difference(one.p95Ms ?? Number.MAX_VALUE, other.p95Ms ?? Number.MAX_VALUE),
  ];
  if (gains.some((gain) => gain < 0)) return false;
  return gains.some((gain) => gain > 0) || one.id < other.id;
}

function byScore(a: Passing, b: Passing): number {
  return difference(b.score, a.score) || costOf(a) - costOf(b) || byLatencyAndId(a, b);
}

function byCost(a: Passing, b: Passing): number {
  return costOf(a) - costOf(b) || difference(b.score, a.score) || byLatencyAndId(a, b);
}

function byLatencyAndId(a: Passing, b: Passing): number {
  return (a.p95Ms ?? Number.MAX_VALUE) - (b.p95Ms ?? Number.MAX_VALUE) || (a.id < b.id ? -1 : 1);
}

function difference(a: number, b: number): number {
  return Math.abs(a - b) <= ROUNDING ? 0 : a - b;
}

// A finite stand-in for an unknown cost, because Infinity - Infinity is NaN.
function costOf({ costPer1kUsd }: Contender): number {
  return costPer1kUsd ?? Number.MAX_VALUE;
}

function violatedCap({ costPer1kUsd, p95Ms, invalid }: Contender, rule: SelectionRule): string | undefined {
  if (invalid > rule.max_invalid) {
    return `${percentText(invalid)} of its answers are invalid, and selection.max_invalid is ${percentText(rule.max_invalid)}`;
  }
  if (rule.max_cost_per_1k_usd !== undefined) {
    if (costPer1kUsd === null) return 'its cost is unknown and selection.max_cost_per_1k_usd is set';
    if (costPer1kUsd > rule.max_cost_per_1k_usd)
      return `costs more than ${rule.max_cost_per_1k_usd} USD per 1,000 requests`;
  }
  if (rule.max_p95_ms !== undefined) {
    if (p95Ms === null) return 'its latency was not measured and selection.max_p95_ms is set';
    if (p95Ms > rule.max_p95_ms) return `p95 latency above ${rule.max_p95_ms} ms`;
  }
  return undefined;
}

const SPLITS = 200;

/**
 * How much the rows that chose the best of several contenders overstate it. The rows are cut into two random halves, again and again: the
 * best of one half is that much better there than on the other. On half of the rows chance weighs the root of two times as much as on all
 * of them, so the mean is divided by that. (Split-half selection; compare Harrell 2015, section 5.3.)
 */
function optimismOf(contenders: readonly Passing[]): number {
  const rows = contenders[0]?.scores.length ?? 0;
  const half = Math.floor(rows / 2);
  if (contenders.length < 2 || half === 0) return 0;
  const random = randomShares(rows);
  const order = Uint32Array.from({ length: rows }, (_, row) => row);
  let sum = 0;
  for (let split = 0; split < SPLITS; split += 1) {
    // The first half of a shuffle (Fisher and Yates).
    for (let place = 0; place < half; place += 1) {
      const other = place + Math.floor(random() * (rows - place));
      const row = order[place] ?? 0;
      order[place] = order[other] ?? 0;
      order[other] = row;
    }
    const chosen = order.subarray(0, half);
    // If several are the best of a half, the mean of them: the first one would depend on the order.
    let best = { score: -1, rest: 0, count: 0 };
    for (const { scores, score } of contenders) {
      let onHalf = 0;
      for (const row of chosen) onHalf += scores[row] ?? 0;
      const ahead = difference(onHalf / half, best.score);
      if (ahead < 0) continue;
      if (ahead > 0) best = { score: onHalf / half, rest: 0, count: 0 };
      best.rest += (score * rows - onHalf) / (rows - half);
      best.count += 1;
    }
    sum += best.score - best.rest / best.count;
  }
  return Math.max(0, sum / SPLITS / Math.SQRT2);
}
