import { randomBits } from '@tuneloop/app/internal/shared/random';
import { betaCdf, binomialCdf, bisect, logGamma, studentCdf, studentQuantile } from './distributions.ts';
import { type Interval, mean, Z95 } from './statistics.ts';

/** `non-inferior`: it may be worse, but probably by no more than the margin. */
export type Verdict = 'better' | 'non-inferior' | 'worse' | 'inconclusive';

/** A challenger against another model, on rows that both have answered. */
export interface Comparison {
  verdict: Verdict;
  n: number;
  /** Mean score of the challenger minus that of the other, -1 to 1, with the 95 % interval of its posterior. */
  difference: number;
  interval: Interval;
  /** Rows on which the challenger scores higher, and lower: the flips. */
  gained: number;
  lost: number;
  /** Two-sided p-value: of the exact McNemar test for rights and wrongs, of a sign-flip permutation test for other scores. */
  pValue: number;
  test: 'mcnemar' | 'sign-flip';
  /** Posterior probability that the difference is above `-margin`. */
  nonInferiority: number;
  margin: number;
  /**
   * The number of rows that would decide with a power of 80 %, if differences stay as they are; null where the verdict is decided, or more
   * rows alone would not decide it.
   */
  rowsNeeded: number | null;
}

/** The accepted share of wrong claims about two equal models: half of it on either side. */
const ALPHA = 0.05;
/** The 80 % quantile of the standard normal distribution. */
const Z_POWER = 0.8416212335729143;

/**
 * Compares two models by their scores on the same rows, in the same order.
 *
 * @param margin the accepted loss of mean score, 0 to 1.
 * @param chosenAmong the number of contenders from which these same rows chose the challenger: the significance level is divided by it
 * (Bonferroni). 1 where other rows chose.
 */
export function compareScores(
  challenger: readonly number[],
  other: readonly number[],
  margin: number,
  chosenAmong = 1,
): Comparison {
  if (challenger.length !== other.length || challenger.length === 0) {
    throw new RangeError(`${challenger.length} and ${other.length} scores are no pairs`);
  }
  const differences = challenger.map((score, row) => rounded(score - (other[row] ?? 0)));
  const n = differences.length;
  const difference = mean(differences);
  const gained = differences.filter((each) => each > 0).length;
  const lost = differences.filter((each) => each < 0).length;
  const binary = differences.every((each) => each === 0 || Math.abs(each) === 1);
  const posterior = posteriorOf(differences);
  const pValue = binary ? mcnemarTest(gained, lost) : signFlipTest(differences);
  const nonInferiority = posterior.above(-margin);
  const superiority = posterior.above(0);
  const alpha = ALPHA / chosenAmong;
  const rows = rowsToSettle(differences, margin);
  // The sign-flip test assumes that gains and losses are symmetric: many small gains pass it, although a rare heavy loss, which these rows
  // have missed, would undo them. For this reason the posterior has to agree; for rights and wrongs it always does.
  const verdict =
    pValue < alpha && difference > 0 && superiority >= 1 - alpha / 2
      ? 'better'
      : // Half of alpha, as a claim on one side only.
        nonInferiority >= 1 - alpha / 2
        ? 'non-inferior'
        : pValue < alpha && difference < 0 && superiority <= alpha / 2
          ? 'worse'
          : 'inconclusive';
  return {
    verdict,
    n,
    difference,
    interval: { low: posterior.quantile(0.025), high: posterior.quantile(0.975) },
    gained,
    lost,
    pValue,
    test: binary ? 'mcnemar' : 'sign-flip',
    nonInferiority,
    margin,
    rowsNeeded: verdict === 'inconclusive' && Number.isFinite(rows) ? Math.max(n + 1, rows) : null,
  };
}

/** Posterior probability that the challenger's mean score exceeds the other's minus the margin. */
export function nonInferiority(challenger: readonly number[], other: readonly number[], margin: number): number {
  return posteriorOf(challenger.map((score, row) => rounded(score - (other[row] ?? 0)))).above(-margin);
}

/**
 * Two-sided exact test that gains and losses are equally likely (Q. McNemar 1947), by the binomial distribution of the
 * rows that differ.
 */
export function mcnemarTest(gained: number, lost: number): number {
  const rows = gained + lost;
  return rows === 0 ? 1 : Math.min(1, 2 * binomialCdf(Math.min(gained, lost), rows, 0.5));
}

/** With at most this many differences all signs are tried: 65,536 of them. */
const MOST_EXACT = 16;
/** With more differences this many signs are drawn, and fewer for many rows, so that the work stays about the same. */
const MOST_DRAWS = 9999;
const FEWEST_DRAWS = 1999;
const MOST_FLIPS = 20_000_000;

/**
 * Two-sided permutation test that differences are as likely to have the other sign (R. A. Fisher 1935): exact for few differences, drawn
 * for more, counting the data as one of the draws (Phipson and Smyth 2010). Equal differences give an equal result in any order.
 */
export function signFlipTest(differences: readonly number[]): number {
  const observed = Math.abs(differences.reduce((sum, each) => sum + each, 0)) - 1e-9;
  const sizes = Float64Array.from(differences.filter((each) => each !== 0).map(Math.abs)).sort();
  if (sizes.length <= MOST_EXACT) {
    const all = 2 ** sizes.length;
    let extreme = 0;
    for (let signs = 0; signs < all; signs += 1) {
      if (Math.abs(signedSum(sizes, () => signs)) >= observed) extreme += 1;
    }
    return extreme / all;
  }
  const draws = Math.max(FEWEST_DRAWS, Math.min(MOST_DRAWS, Math.floor(MOST_FLIPS / sizes.length)));
  const random = randomBits(sizes.length);
  let extreme = 1;
  for (let draw = 0; draw < draws; draw += 1) {
    if (Math.abs(signedSum(sizes, random)) >= observed) extreme += 1;
  }
  return extreme / (draws + 1);
}

/** The sum with the signs that bits say, 31 values at a time. */
function signedSum(sizes: Float64Array, nextBits: () => number): number {
  let sum = 0;
  for (let start = 0; start < sizes.length; start += 31) {
    let bits = nextBits();
    const end = Math.min(sizes.length, start + 31);
    for (let place = start; place < end; place += 1) {
      const size = sizes[place] ?? 0;
      sum += bits & 1 ? size : -size;
      bits >>>= 1;
    }
  }
  return sum;
}

/**
 * The rows that a power of 80 % needs: to find the difference with McNemar's test (R. J. Connor 1987), or to show one-sidedly that it is
 * above `-margin`, whichever takes fewer.
 */
function rowsToSettle(differences: readonly number[], margin: number): number {
  const n = differences.length;
  const difference = mean(differences);
  // The prior's row counts too, because rows without any difference would otherwise seem to need no rows.
  const square = (differences.reduce((sum, each) => sum + each * each, 0) + 1) / (n + 1);
  return Math.min(rowsToFind(difference, square), rowsToBound(difference + margin, square - difference * difference));
}

/**
 * Rows on which a difference is found with a power of 80 % by a two-sided test at 5 % (R. J. Connor 1987).
 *
 * @param square mean square of the differences; with rights and wrongs the share of rows that differ.
 */
export function rowsToFind(difference: number, square: number): number {
  if (difference === 0) return Number.POSITIVE_INFINITY;
  const root = Z95 * Math.sqrt(square) + Z_POWER * Math.sqrt(Math.max(0, square - difference * difference));
  return Math.ceil((root / difference) ** 2);
}

function rowsToBound(distance: number, variance: number): number {
  if (distance <= 0) return Number.POSITIVE_INFINITY;
  return Math.ceil(((Z95 + Z_POWER) ** 2 * Math.max(0, variance)) / distance ** 2);
}

interface Posterior {
  /** The probability that the true difference exceeds this one. */
  above(difference: number): number;
  quantile(p: number): number;
}

function posteriorOf(differences: readonly number[]): Posterior {
  return differences.every((each) => each === 0 || Math.abs(each) === 1)
    ? dirichletPosterior(differences)
    : studentPosterior(differences);
}

/** Places at which the posterior is summed up. */
const STEPS = 128;

/**
 * For rights and wrongs: gains, losses and ties under a Dirichlet posterior with Jeffreys' prior, half a row of each. The
 * share of rows that differ is then Beta distributed, and independently of it the share of gains among them; the
 * difference is `differing * (2 * gains - 1)`, summed up over the first. The substitution by an angle keeps the density
 * finite at both ends.
 */
function dirichletPosterior(differences: readonly number[]): Posterior {
  const gained = differences.filter((each) => each > 0).length + 0.5;
  const lost = differences.filter((each) => each < 0).length + 0.5;
  const differing = gained + lost;
  const tied = differences.length - differing + 1.5;
  const logScale = logGamma(differing + tied) - logGamma(differing) - logGamma(tied);
  const density = (angle: number) =>
    Math.exp(logScale + (2 * differing - 1) * Math.log(Math.sin(angle)) + (2 * tied - 1) * Math.log(Math.cos(angle)));
  const share = differing / (differing + tied);
  const spread = Math.sqrt((share * (1 - share)) / (differing + tied + 1));
  const from = Math.asin(Math.sqrt(Math.max(0, share - 12 * spread)));
  const to = Math.asin(Math.sqrt(Math.min(1, share + 12 * spread)));
  const steps = Array.from({ length: STEPS }, (_, step) => {
    const angle = from + ((to - from) * (step + 0.5)) / STEPS;
    return { differing: Math.sin(angle) ** 2, weight: density(angle) };
  });
  const total = steps.reduce((sum, { weight }) => sum + weight, 0);
  const above = (difference: number) =>
    steps.reduce((sum, { differing: rows, weight }) => {
      const gains = (1 + difference / rows) / 2;
      return sum + weight * (1 - betaCdf(gains, gained, lost));
    }, 0) / total;
  return { above, quantile: (p) => bisect((difference) => above(difference) > 1 - p, -1, 1) };
}

/**
 * For other scores: Student's t around the mean (Gelman and others, Bayesian Data Analysis, section 3.2), to which half a
 * row of each extreme is added, the same prior as for rights and wrongs.
 */
function studentPosterior(differences: readonly number[]): Posterior {
  const n = differences.length;
  const center = differences.reduce((sum, each) => sum + each, 0) / (n + 1);
  const square = differences.reduce((sum, each) => sum + each * each, 1) / (n + 1);
  const scale = Math.sqrt(Math.max(1e-12, square - center * center) / n);
  const clipped = (value: number) => Math.max(-1, Math.min(1, value));
  return {
    above: (difference) => 1 - studentCdf((difference - center) / scale, n),
    quantile: (p) => clipped(center + scale * studentQuantile(p, n)),
  };
}

/** Scores are sums of floats: a difference below 1e-9 is rounding, not quality. */
function rounded(difference: number): number {
  return Math.round(difference * 1e9) / 1e9;
}
