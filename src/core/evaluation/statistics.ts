import { binomialCdf, studentQuantile } from './distributions.ts';

/** Both ends of a 95 % interval. */
export interface Interval {
  low: number;
  high: number;
}

/** The 97.5 % quantile of the standard normal distribution: two of them make a 95 % interval. */
export const Z95 = 1.959963984540054;

/** The arithmetic mean; 0 for no values. */
export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * The smallest value that at least a share `p` of the values do not exceed (nearest-rank percentile, which is always
 * one of the values); 0 for no values.
 *
 * @param p in (0, 1].
 */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  // 0.07 * 100 is 7.000000000000001 in floating point: a rank that is whole but for rounding is taken as whole.
  return sorted[Math.max(0, Math.ceil(p * sorted.length - 1e-9) - 1)] ?? 0;
}

/**
 * The interval of a rate: Wilson's score interval (E. B. Wilson 1927), which keeps its coverage with few rows and near 0 and 1, where the
 * normal approximation does not (Brown, Cai and DasGupta 2001).
 */
export function rateInterval(successes: number, n: number): Interval {
  if (n === 0) return { low: 0, high: 1 };
  const rate = successes / n;
  const square = Z95 * Z95;
  const middle = (rate + square / (2 * n)) / (1 + square / n);
  const half = (Z95 / (1 + square / n)) * Math.sqrt((rate * (1 - rate)) / n + square / (4 * n * n));
  return { low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

/**
 * The interval of a mean score, of scores from 0 to 1; null for no scores. Rights and wrongs have the interval of their rate. Other scores
 * have Student's t, with half a score of 0 and half a score of 1 added, because a few equal scores are no certainty.
 */
export function meanInterval(scores: readonly number[]): Interval | null {
  const n = scores.length;
  if (n === 0) return null;
  const sum = scores.reduce((total, score) => total + score, 0);
  if (scores.every((score) => score === 0 || score === 1)) return rateInterval(sum, n);
  const center = (sum + 0.5) / (n + 1);
  const squares = scores.reduce((total, score) => total + score * score, 0.5);
  const deviation = Math.sqrt(Math.max(0, squares / (n + 1) - center * center) / n);
  const half = studentQuantile(0.975, n) * deviation;
  return { low: Math.max(0, center - half), high: Math.min(1, center + half) };
}

/**
 * The interval of a percentile, between two of the values: free of any distribution, by the binomial distribution of how
 * many values lie below it (Conover 1999, section 3.2). Null where there are too few values for a 95 % interval.
 *
 * @param p in (0, 1).
 */
export function percentileInterval(values: readonly number[], p: number): Interval | null {
  const n = values.length;
  const sorted = [...values].sort((a, b) => a - b);
  // The percentile is below the value of rank r exactly if fewer than r values do not exceed it.
  const below = firstRank(n, (rank) => binomialCdf(rank, n, p) > 0.025) - 1;
  const above = firstRank(n, (rank) => binomialCdf(rank, n, p) >= 0.975);
  const low = sorted[below];
  const high = sorted[above];
  return low === undefined || high === undefined ? null : { low, high };
}

/** The smallest rank from 0 to n from which on a condition holds; it does for n. */
function firstRank(n: number, holds: (rank: number) => boolean): number {
  let [from, to] = [0, n];
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    if (holds(middle)) to = middle;
    else from = middle + 1;
  }
  return to;
}
