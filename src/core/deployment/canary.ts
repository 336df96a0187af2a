import { bisect, logGamma } from '../evaluation/distributions.ts';
import { percentText } from '../text/format.ts';
import type { CanaryLimits } from './deployment.ts';

/** How the calls of one arm went. Sums only, so that tallies of parts of a log add up. */
export interface ArmTally {
  /** Calls whose model could be asked. */
  calls: number;
  /** Calls that got no answer at all. */
  errors: number;
  /** Calls that got an answer of the wrong form. */
  invalid: number;
  /** The number of calls in each class of latency; see {@link latencyClass}. */
  latencies: Record<number, number>;
  /** Answers that are known to be right or wrong. */
  judged: { n: number; right: number };
}

export interface CanaryInput {
  canary: ArmTally;
  /** The champion over the same time; the original prompt where there is no champion. */
  control: ArmTally;
  /** A canary without a regression passes its stage after this many calls. */
  minCalls: number;
  limits: CanaryLimits;
}

export interface CanaryVerdict {
  decision: 'wait' | 'advance' | 'rollback';
  /** In words, with the figures. */
  reason: string;
}

/**
 * The chance that a canary which equals its control is rolled back in a stage, however often the log is looked at. One half of it covers
 * all looks until the end of the patience, the other half the end itself; each half is divided among the three measures. Calls are assumed
 * to be independent.
 */
const ALPHA = 0.05;
const ALPHA_EACH = ALPHA / 2 / 3;

/** If a limit is exceeded but not significantly, the stage is extended to this multiple of `minCalls`. */
const PATIENCE = 3;

/** Classes are steps of a tenth: a few dozen classes in practice, and fine enough for limits such as twice as long. */
const LATENCY_STEP = 1.1;

/** The class of a latency in milliseconds. Each class holds latencies up to a tenth longer than the class before. */
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
 * Decides whether a canary advances to its next stage, is rolled back, or waits for more calls. It may be asked after every call, because
 * its significance holds at all times at once.
 *
 * The canary is rolled back as soon as it exceeds a limit significantly. It advances once it has answered enough calls and its figures are
 * within the limits. If a figure exceeds a limit by chance perhaps, more calls decide. After {@link PATIENCE} times the calls of the stage
 * the canary is rolled back if an equal of its control would hardly have such figures, and advances otherwise.
 */
export function judgeCanary({ canary, control, minCalls, limits }: CanaryInput): CanaryVerdict {
  if (canary.calls + control.calls === 0) {
    return {
      decision: 'wait',
      reason: 'The log holds no call yet: check that the application logs to the source of the pipeline.',
    };
  }
  const measures = [
    failures(canary, control, limits.max_errors),
    slowness(canary, control, limits.max_slowdown),
    losses(canary, control, limits.max_quality_loss),
  ];
  const figures = `${canary.calls} calls, ${control.calls} of the control: ${measures.map(({ text }) => text).join('; ')}`;
  const regression = measures.find(({ surelyBeyond }) => surelyBeyond);
  if (regression) return { decision: 'rollback', reason: `Regression, ${regression.name}. ${figures}.` };
  // An outage that hits both arms shows no regression, and nothing else either.
  if (canary.calls - canary.errors - canary.invalid < minCalls) {
    return { decision: 'wait', reason: `${figures}. The stage needs ${minCalls} calls.` };
  }
  const beyond = measures.filter(({ seemsBeyond }) => seemsBeyond);
  const [first] = beyond;
  if (!first) return { decision: 'advance', reason: `No regression. ${figures}.` };
  if (canary.calls < PATIENCE * minCalls || control.calls === 0) {
    const needed = `${PATIENCE * minCalls} calls, and some of the control,`;
    return { decision: 'wait', reason: `${figures}. Perhaps ${first.name}: ${needed} will decide.` };
  }
  const worse = beyond.find(({ shares: [mine, its] }) => chanceOfMore(mine, its) <= ALPHA_EACH);
  return worse
    ? { decision: 'rollback', reason: `Beyond a limit, ${worse.name}. ${figures}.` }
    : { decision: 'advance', reason: `Perhaps ${first.name}, but this may be chance. ${figures}.` };
}

interface Measure {
  name: 'more calls fail' | 'it is slower' | 'it is less often right';
  /** The measured figures exceed the limit. */
  seemsBeyond: boolean;
  /** The limit is exceeded significantly. */
  surelyBeyond: boolean;
  /** The figures of canary and control; the higher one is worse. */
  shares: [Share, Share];
  text: string;
}

/** Calls that failed or got an answer of the wrong form. */
function failures(canary: ArmTally, control: ArmTally, limit: number): Measure {
  const bad = ({ calls, errors, invalid }: ArmTally): Share => ({ hits: errors + invalid, n: calls });
  const [mine, its] = [bad(canary), bad(control)];
  return {
    name: 'more calls fail',
    seemsBeyond: shareOf(mine) > shareOf(its) + limit,
    surelyBeyond: isSurelyMore(mine, its, limit),
    shares: [mine, its],
    text: `${percentText(shareOf(mine))} failed or invalid against ${percentText(shareOf(its))}`,
  };
}

function slowness(canary: ArmTally, control: ArmTally, limit: number): Measure {
  const [mine, its] = [medianOf(classesOf(canary)), medianOf(classesOf(control))];
  const known = mine !== null && its !== null;
  // The median of both arms together, because of two equal arms each exceeds it equally often (A. M. Mood 1950).
  const middle = Math.ceil(middleOf([...classesOf(canary), ...classesOf(control)].sort(bySpeed)) ?? 0);
  const over = (tally: ArmTally): Share => ({
    hits: callsIn(tally, (latency) => latency > middle),
    n: timed(tally),
  });
  return {
    name: 'it is slower',
    seemsBeyond: known && mine > limit * its,
    surelyBeyond: isSurelySlower(canary, control, limit),
    shares: [over(canary), over(control)],
    text: known ? `p50 about ${Math.round(mine)} ms against ${Math.round(its)} ms` : 'latency not known',
  };
}

/**
 * Whether the canary's median significantly exceeds the control's by this factor: for some time, more than half of the control's calls took
 * at most that time, and more than half of the canary's calls took more than the factor times it. Trying all times costs no certainty,
 * because an error at any time is an error at the control's true median too.
 */
function isSurelySlower(canary: ArmTally, control: ArmTally, times: number): boolean {
  const n = timed(control);
  let hits = 0;
  for (const [latency, calls] of classesOf(control)) {
    hits += calls;
    if (!isSurelyMost({ hits, n })) continue;
    const over = times * longestOf(latency);
    return isSurelyMost({ hits: callsIn(canary, (mine) => longestOf(mine - 1) >= over), n: timed(canary) });
  }
  return false;
}

/** Wrong answers among the checked ones. */
function losses(canary: ArmTally, control: ArmTally, limit: number): Measure {
  const wrongs = ({ judged }: ArmTally): Share => ({ hits: judged.n - judged.right, n: judged.n });
  const [mine, its] = [wrongs(canary), wrongs(control)];
  const known = mine.n > 0 && its.n > 0;
  return {
    name: 'it is less often right',
    seemsBeyond: known && shareOf(mine) > shareOf(its) + limit,
    surelyBeyond: isSurelyMore(mine, its, limit),
    shares: [mine, its],
    text: known
      ? `${percentText(1 - shareOf(mine))} of ${mine.n} right against ${percentText(1 - shareOf(its))} of ${its.n}`
      : 'no right answers known',
  };
}

interface Share {
  hits: number;
  n: number;
}

function shareOf({ hits, n }: Share): number {
  return n === 0 ? 0 : hits / n;
}

/** Whether a share significantly exceeds another one by more than `by`. */
function isSurelyMore(mine: Share, its: Share, by: number): boolean {
  if (shareOf(mine) <= shareOf(its) + by) return false;
  // The likeliest pair of shares that are no further apart: the evidence is convex, so it is smallest there.
  const falls = (p: number) => slopeAt(mine, p + by) + slopeAt(its, p) < 0;
  const likeliest = bisect(falls, 0, 1 - by);
  return evidenceAgainst(likeliest + by, mine) + evidenceAgainst(likeliest, its) >= -Math.log(ALPHA_EACH);
}

/** Whether a share is significantly over one half, at half the error of a measure. */
function isSurelyMost(share: Share): boolean {
  return shareOf(share) > 0.5 && evidenceAgainst(0.5, share) >= -Math.log(ALPHA_EACH / 2);
}

/**
 * The logarithm of the likelihood ratio of the calls under a mixture of all shares than under the share p. The mixture is Beta(1/2, 1/2),
 * which costs little near 0 and 1 (R. Krichevsky and V. Trofimov 1981). If p is true, exp of it is a martingale from 1 on, and so are
 * products over arms: it ever exceeds 1 / a with a chance of at most a (H. Robbins 1970, Annals of Mathematical Statistics 41, by Ville's
 * inequality). Against several shares at once it is that against the likeliest of them (L. Wasserman, A. Ramdas and S. Balakrishnan 2020,
 * PNAS 117).
 */
export function evidenceAgainst(p: number, { hits, n }: Share): number {
  const misses = n - hits;
  const mixture = logGamma(hits + 0.5) + logGamma(misses + 0.5) - logGamma(n + 1) - Math.log(Math.PI);
  return mixture - xlogy(hits, p) - xlogy(misses, 1 - p);
}

/** The derivative of {@link evidenceAgainst} by p. */
function slopeAt({ hits, n }: Share, p: number): number {
  return (n - hits) / (1 - p) - hits / p;
}

function xlogy(x: number, y: number): number {
  return x === 0 ? 0 : x * Math.log(y);
}

/**
 * The chance that, of two equal shares, the first has at least this many hits, given the hits of both (R. A. Fisher 1922: the exact test,
 * one-sided).
 */
export function chanceOfMore(mine: Share, its: Share): number {
  const [hits, n] = [mine.hits + its.hits, mine.n + its.n];
  const all = logChoose(n, hits);
  let chance = 0;
  for (let more = mine.hits; more <= Math.min(mine.n, hits); more += 1) {
    if (hits - more <= its.n) chance += Math.exp(logChoose(mine.n, more) + logChoose(its.n, hits - more) - all);
  }
  return Math.min(1, chance);
}

function logChoose(n: number, k: number): number {
  return logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
}

/** A class of latencies, and how many calls fell into it. */
type LatencyCount = [latency: number, calls: number];

/** The fastest first. */
function classesOf({ latencies }: ArmTally): LatencyCount[] {
  return Object.entries(latencies)
    .map(([latency, calls]): LatencyCount => [Number(latency), calls])
    .sort(bySpeed);
}

function bySpeed([a]: LatencyCount, [b]: LatencyCount): number {
  return a - b;
}

function callsIn(tally: ArmTally, isIn: (latency: number) => boolean): number {
  return classesOf(tally).reduce((sum, [latency, calls]) => sum + (isIn(latency) ? calls : 0), 0);
}

function timed(tally: ArmTally): number {
  return callsIn(tally, () => true);
}

/** In milliseconds; null where no call was timed. */
function medianOf(classes: readonly LatencyCount[]): number | null {
  const middle = middleOf(classes);
  return middle === null ? null : longestOf(middle);
}

/**
 * How far along the classes the median lies, as if the calls of a class were spread evenly over it: 7.5 is in the middle of class 8. Null
 * where no call was timed.
 */
function middleOf(classes: readonly LatencyCount[]): number | null {
  const half = classes.reduce((sum, [, calls]) => sum + calls, 0) / 2;
  if (half === 0) return null;
  let before = 0;
  for (const [latency, calls] of classes) {
    if (before + calls >= half) return latency - 1 + (half - before) / calls;
    before += calls;
  }
  return null;
}
