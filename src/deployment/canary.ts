import { bisect, logGamma } from '../evaluation/distributions.ts';
import { percentText } from '../report/format.ts';
import type { CanaryLimits } from './deployment.ts';

/** How the calls of one arm went; sums only, so that tallies of parts of a log add up. */
export interface ArmTally {
  /** Calls whose model could be asked. */
  calls: number;
  /** Of them: no answer at all. */
  errors: number;
  /** Of them: an answer of the wrong form. */
  invalid: number;
  /** Calls by latency: how many fell into each class of {@link latencyClass}. */
  latencies: Record<number, number>;
  /** Answers of which it is known whether they were right. */
  judged: { n: number; right: number };
}

export interface CanaryInput {
  canary: ArmTally;
  /** The champion over the same time, or the original prompt where there is none. */
  control: ArmTally;
  /** Calls after which a canary without a regression has stood the stage. */
  minCalls: number;
  limits: CanaryLimits;
}

export interface CanaryVerdict {
  decision: 'wait' | 'advance' | 'rollback';
  /** In words, with the figures. */
  reason: string;
}

/**
 * Chance that a canary which is as good as its control is ever rolled back by one of the three measures in a stage, however
 * often it is looked at; shared among the measures, and within each between the two arms.
 */
const ALPHA = 0.05;
const MEASURES = 3;
const ALPHA_EACH = ALPHA / MEASURES / 2;

/** A canary whose figures are beyond a limit, but not surely, is given so many times the calls of its stage. */
const PATIENCE = 3;
/** The median of fewer control calls says little. */
const FEWEST_TIMED = 20;

/** Steps of a fifth: fine enough for limits such as twice as long. */
const LATENCY_STEP = 1.2;

/** The class of a latency in milliseconds: each holds what is up to a fifth longer than the class before. */
export function latencyClass(ms: number): number {
  return Math.ceil(Math.log(Math.max(1, ms)) / Math.log(LATENCY_STEP));
}

/** The longest latency of a class, in milliseconds. */
function longestOf(latency: number): number {
  return LATENCY_STEP ** latency;
}

export function emptyTally(): ArmTally {
  return { calls: 0, errors: 0, invalid: 0, latencies: {}, judged: { n: 0, right: 0 } };
}

/**
 * Whether a canary goes on to its next stage, back, or waits for more calls. May be asked after every call: it rests on
 * confidence sequences, which hold at all times at once.
 */
export function judgeCanary({ canary, control, minCalls, limits }: CanaryInput): CanaryVerdict {
  const measures = [
    failures(canary, control, limits.max_errors),
    slowness(canary, control, limits.max_slowdown),
    quality(canary, control, limits.max_quality_loss),
  ];
  const figures = `${canary.calls} calls (${control.calls} of the control): ${measures.map(({ text }) => text).join('; ')}`;
  const sure = measures.find(({ surely }) => surely);
  if (sure) return { decision: 'rollback', reason: `Regression, ${sure.text}, after ${figures}.` };
  if (canary.calls < minCalls) return { decision: 'wait', reason: `${figures}; ${minCalls} are needed.` };
  const beyond = measures.find(({ seemingly }) => seemingly);
  if (!beyond) return { decision: 'advance', reason: `No regression in ${figures}.` };
  return canary.calls < PATIENCE * minCalls
    ? { decision: 'wait', reason: `${figures}; more calls have to show whether ${beyond.text} is chance.` }
    : { decision: 'rollback', reason: `Beyond a limit, ${beyond.text}, after ${figures}.` };
}

interface Measure {
  /** Beyond the limit, beyond doubt. */
  surely: boolean;
  /** Beyond the limit by the figures as they are. */
  seemingly: boolean;
  text: string;
}

/** Calls that failed or gave answers of the wrong form. */
function failures(canary: ArmTally, control: ArmTally, limit: number): Measure {
  const bad = ({ calls, errors, invalid }: ArmTally): Share => ({ hits: errors + invalid, n: calls });
  const [mine, its] = [bad(canary), bad(control)];
  return {
    surely: boundsOf(mine).low > boundsOf(its).high + limit,
    seemingly: its.n > 0 && shareOf(mine) > shareOf(its) + limit,
    text: `${percentText(shareOf(mine))} failed or invalid against ${percentText(shareOf(its))}`,
  };
}

/**
 * The share of the canary's calls that took longer than the limit times the control's median. Where it is not slower than
 * that, at most half of them do.
 */
function slowness(canary: ArmTally, control: ArmTally, limit: number): Measure {
  const median = medianOf(control);
  const mine = medianOf(canary);
  if (median === null || mine === null || timed(control) < FEWEST_TIMED) {
    return { surely: false, seemingly: false, text: 'latency not known' };
  }
  const slow = Object.entries(canary.latencies).reduce(
    (sum, [latency, calls]) => sum + (longestOf(Number(latency) - 1) >= limit * median ? calls : 0),
    0,
  );
  return {
    surely: boundsOf({ hits: slow, n: timed(canary) }).low > 0.5,
    seemingly: mine > limit * median,
    text: `p50 about ${Math.round(mine)} ms against ${Math.round(median)} ms`,
  };
}

/** Rights among the answers that somebody has checked. */
function quality(canary: ArmTally, control: ArmTally, limit: number): Measure {
  const rights = ({ judged }: ArmTally): Share => ({ hits: judged.right, n: judged.n });
  const [mine, its] = [rights(canary), rights(control)];
  if (mine.n === 0 || its.n === 0) return { surely: false, seemingly: false, text: 'no right answers known' };
  return {
    surely: boundsOf(mine).high < boundsOf(its).low - limit,
    seemingly: shareOf(mine) < shareOf(its) - limit,
    text: `${percentText(shareOf(mine))} of ${mine.n} right against ${percentText(shareOf(its))} of ${its.n}`,
  };
}

interface Share {
  hits: number;
  n: number;
}

function shareOf({ hits, n }: Share): number {
  return n === 0 ? 0 : hits / n;
}

/**
 * Bounds that hold a share at all numbers of calls at once, with a chance of error of {@link ALPHA_EACH}: the shares p whose
 * likelihood is not too small against the mixture of all shares, Beta(hits + 1, misses + 1) (H. Robbins 1970, Annals of
 * Mathematical Statistics 41, "Statistical methods related to the law of the iterated logarithm"; by Ville's inequality).
 */
export function boundsOf({ hits, n }: Share): { low: number; high: number } {
  if (n === 0) return { low: 0, high: 1 };
  // Log of the integral of p^hits (1 - p)^misses over p, and how small the likelihood may get.
  const mixture = logGamma(hits + 1) + logGamma(n - hits + 1) - logGamma(n + 2);
  const least = mixture + Math.log(ALPHA_EACH);
  const likelihood = (p: number) => xlogy(hits, p) + xlogy(n - hits, 1 - p);
  const share = hits / n;
  const isIn = (p: number) => likelihood(p) >= least;
  return {
    low: isIn(0) ? 0 : bisect((p) => !isIn(p), 0, share),
    high: isIn(1) ? 1 : bisect(isIn, share, 1),
  };
}

function xlogy(x: number, y: number): number {
  return x === 0 ? 0 : x * Math.log(y);
}

function timed({ latencies }: ArmTally): number {
  return Object.values(latencies).reduce((sum, calls) => sum + calls, 0);
}

/** In milliseconds, to the end of its class; null where nothing was timed. */
function medianOf(tally: ArmTally): number | null {
  const half = timed(tally) / 2;
  if (half === 0) return null;
  let seen = 0;
  for (const latency of Object.keys(tally.latencies)
    .map(Number)
    .sort((a, b) => a - b)) {
    seen += tally.latencies[latency] ?? 0;
    if (seen >= half) return longestOf(latency);
  }
  return null;
}
