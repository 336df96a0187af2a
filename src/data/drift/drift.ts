import { randomBits, randomShares, shuffle } from '@tuneloop/app/internal/shared/random';
import { type Drift, type DriftStatistic, STATISTICS, type StatisticName } from '../../core/dataset/drift.ts';
import { mean } from '../../core/evaluation/statistics.ts';
import { pValueText } from '../../core/text/format.ts';
import { canonicalInput } from '../split/near-duplicates.ts';

/** A row for the measurement of drift: no text, a few hundred bytes. */
export interface DriftRow {
  /** Hashes of the words of its input, each once. */
  words: Uint16Array;
  /** Of its input, in UTF-16 code units. */
  length: number;
  /** Null for generation. */
  label: string | null;
}

/** Rows of each side that are compared at most; a random choice of more. */
export const SAMPLED_ROWS = 1500;
const BUCKETS = 256;
const DECILES = 10;
const PERMUTATIONS = 299;
const ALPHA = 0.01;
const LONGEST_INPUT = 20_000;

/** Words of an input as 16-bit hashes (FNV-1a, folded). */
export function driftRow(input: string, label: string | null): DriftRow {
  const words = new Set<number>();
  for (const word of canonicalInput(input.slice(0, LONGEST_INPUT)).split(/[^\p{L}\p{N}]+/u)) {
    if (word !== '') words.add(hashOf(word));
  }
  return { words: Uint16Array.from(words), length: input.length, label };
}

function hashOf(word: string): number {
  let hash = 0x811c9dc5;
  for (let place = 0; place < word.length; place += 1) {
    hash = Math.imul(hash ^ word.charCodeAt(place), 0x01000193);
  }
  return ((hash >>> 16) ^ hash) & 0xffff;
}

/** A random sample of at most this many rows of a stream (J. S. Vitter 1985, "Random sampling with a reservoir"). */
export class DriftSample {
  readonly rows: DriftRow[] = [];
  readonly #random: () => number;
  #seen = 0;

  constructor(seed: number) {
    this.#random = randomShares(seed);
  }

  add(row: () => DriftRow): void {
    this.#seen += 1;
    if (this.rows.length < SAMPLED_ROWS) this.rows.push(row());
    else {
      const place = Math.floor(this.#random() * this.#seen);
      if (place < SAMPLED_ROWS) this.rows[place] = row();
    }
  }
}

/**
 * Compares new rows with old ones. Each statistic is compared with its own distribution when rows change sides by chance, because with few
 * rows all of them exceed their textbook limits; together they claim drift no more often than one alone would (P. H. Westfall, S. S. Young
 * 1993, "Resampling-based multiple testing": the distribution of the largest statistic). The same rows give the same result.
 *
 * Long texts take up to a minute; `pause` is awaited between permutations, so that other work can run, and may throw to end the comparison.
 */
export async function measureDrift(
  old: readonly DriftRow[],
  fresh: readonly DriftRow[],
  pause: () => Promise<void> = () => Promise.resolve(),
): Promise<Drift> {
  const ordered = [...old, ...fresh];
  const bits = randomBits(ordered.length);
  // The result of row-by-row learning depends on the order, which must say as little about the sides as in a permutation.
  const order = shuffle(Uint32Array.from(ordered.keys()), bits);
  const rows = [...order].flatMap((place) => ordered[place] ?? []);
  const sides = Uint8Array.from(order, (place) => Number(place >= old.length));
  const measure = statisticsOf(rows);
  const observed = measure(sides);
  const names = STATISTICS.filter((name) => observed[name] !== undefined);
  const samples = [observed];
  while (samples.length <= PERMUTATIONS) {
    await pause();
    samples.push(measure(shuffle(sides.slice(), bits)));
  }
  const scores = names.map((name) => standardized(samples.map((sample) => sample[name] ?? 0)));
  const largest = samples.map((_, sample) => Math.max(...scores.map((each) => each[sample] ?? 0)));
  const pValue = shareAsLarge(largest);
  const statistics = names.map((name, index) => ({
    name,
    value: observed[name] ?? 0,
    pValue: shareAsLarge(scores[index] ?? []),
  }));
  const significant = pValue <= ALPHA;
  return {
    significant,
    pValue,
    statistics,
    n: { old: old.length, new: fresh.length },
    text: textOf(significant, pValue, statistics, fresh.length),
  };
}

/** In standard deviations from the mean of all samples, so that statistics of different scales can be compared. */
function standardized(values: readonly number[]): number[] {
  const center = mean(values);
  const deviation = Math.sqrt(mean(values.map((value) => (value - center) ** 2)));
  return values.map((value) => (deviation === 0 ? 0 : (value - center) / deviation));
}

/** The share of the values that is at least as large as the first, which is one of them. */
function shareAsLarge(values: readonly number[]): number {
  const [first = 0] = values;
  return values.filter((value) => value >= first - 1e-9).length / Math.max(1, values.length);
}

const MEANINGS: Record<StatisticName, string> = {
  'label-psi': 'labels are distributed differently',
  'label-js': 'labels are distributed differently',
  'word-psi': 'other words are used',
  'word-js': 'other words are used',
  'length-psi': 'inputs have another length',
  'unknown-words': 'words are new',
  classifier: 'a classifier tells new from old inputs',
};

function textOf(significant: boolean, pValue: number, statistics: readonly DriftStatistic[], rows: number): string {
  const p = pValueText(pValue).startsWith('<') ? `p ${pValueText(pValue)}` : `p = ${pValueText(pValue)}`;
  if (!significant) return `no drift in ${rows} new examples (${p})`;
  const least = Math.min(...statistics.map((each) => each.pValue));
  const found = statistics.filter((each) => each.pValue === least).map(({ name }) => MEANINGS[name]);
  return `drift in ${rows} new examples (${p}): ${[...new Set(found)].join(', ')}`;
}

type Measured = Partial<Record<StatisticName, number>>;

/** Prepares rows so that they can be measured repeatedly with other sides. */
function statisticsOf(rows: readonly DriftRow[]): (sides: Uint8Array) => Measured {
  const labels = [...new Set(rows.flatMap(({ label }) => label ?? []))];
  const labelOf = new Map(labels.map((label, place) => [label, place]));
  const labelPlaces = rows.map(({ label }) => (label === null ? [] : [labelOf.get(label) ?? 0]));
  const buckets = rows.map(({ words }) => Array.from(words, (word) => word % BUCKETS));
  const deciles = decilesOf(rows.map(({ length }) => length)).map((decile) => [decile]);
  return (sides) => {
    const words = countsOf(buckets, BUCKETS, sides);
    const label = labels.length > 1 ? countsOf(labelPlaces, labels.length, sides) : null;
    return {
      ...(label ? { 'label-psi': psi(...label), 'label-js': jensenShannon(...label) } : {}),
      'word-psi': psi(...words),
      'word-js': jensenShannon(...words),
      'length-psi': psi(...countsOf(deciles, DECILES, sides)),
      'unknown-words': unknownWords(rows, sides),
      classifier: classifierAuc(rows, sides),
    };
  };
}

function countsOf(
  places: readonly (readonly number[])[],
  size: number,
  sides: Uint8Array,
): [Float64Array, Float64Array] {
  const counts: [Float64Array, Float64Array] = [new Float64Array(size), new Float64Array(size)];
  for (const [row, all] of places.entries()) {
    const side = counts[sides[row] === 1 ? 1 : 0];
    for (const place of all) side[place] = (side[place] ?? 0) + 1;
  }
  return counts;
}

/** The tenth of all lengths that each length falls into; equal lengths fall into the same one. */
function decilesOf(lengths: readonly number[]): number[] {
  const sorted = lengths.toSorted((a, b) => a - b);
  const first = new Map<number, number>();
  for (const [place, length] of sorted.entries()) if (!first.has(length)) first.set(length, place);
  return lengths.map((length) => Math.floor(((first.get(length) ?? 0) * DECILES) / lengths.length));
}

/**
 * The population stability index: sum of (q - p) ln(q / p) over shares of both sides, in nats. Half a count is added to each class, so that
 * an empty one is not infinitely unlike.
 */
export function psi(old: Float64Array, fresh: Float64Array): number {
  const [p, q] = [sharesOf(old), sharesOf(fresh)];
  return p.reduce((sum, share, place) => sum + ((q[place] ?? 0) - share) * Math.log((q[place] ?? 0) / share), 0);
}

function sharesOf(counts: Float64Array): Float64Array {
  const total = counts.reduce((sum, count) => sum + count, 0) + counts.length / 2;
  return counts.map((count) => (count + 0.5) / total);
}

/** The Jensen-Shannon divergence of two counts, 0 to 1, in bits (J. Lin 1991, IEEE Transactions on Information Theory 37). */
export function jensenShannon(old: Float64Array, fresh: Float64Array): number {
  const totals = [old, fresh].map((counts) => counts.reduce((sum, count) => sum + count, 0));
  const [oldTotal = 0, freshTotal = 0] = totals;
  if (oldTotal === 0 || freshTotal === 0) return 0;
  let divergence = 0;
  for (let place = 0; place < old.length; place += 1) {
    const p = (old[place] ?? 0) / oldTotal;
    const q = (fresh[place] ?? 0) / freshTotal;
    const middle = (p + q) / 2;
    if (p > 0) divergence += (p / 2) * Math.log2(p / middle);
    if (q > 0) divergence += (q / 2) * Math.log2(q / middle);
  }
  return divergence;
}

/** The share of the new rows' words that no old row has. */
function unknownWords(rows: readonly DriftRow[], sides: Uint8Array): number {
  const known = new Uint8Array(65536);
  for (const [row, { words }] of rows.entries()) if (sides[row] === 0) for (const word of words) known[word] = 1;
  let all = 0;
  let unknown = 0;
  for (const [row, { words }] of rows.entries()) {
    if (sides[row] === 0) continue;
    all += words.length;
    for (const word of words) if (known[word] === 0) unknown += 1;
  }
  return all === 0 ? 0 : unknown / all;
}

const FOLDS = 2;
const RATE = 0.5;

/**
 * How well a logistic regression on words, trained on one half of the rows, tells new from old on the other half, both ways: the area under
 * the ROC curve, where 0.5 is pure chance.
 */
function classifierAuc(rows: readonly DriftRow[], sides: Uint8Array): number {
  const share = sides.reduce((sum, side) => sum + side, 0) / sides.length;
  let sum = 0;
  for (let fold = 0; fold < FOLDS; fold += 1) {
    const weights = new Float64Array(65536);
    // Both sides have the same weight, whatever their sizes.
    const scale = [1 / (1 - share), 1 / share].map((inverse) => (RATE * inverse) / 2);
    let [trained, judged]: [number, [number, number][]] = [0, []];
    for (const [row, { words }] of rows.entries()) {
      if (row % FOLDS !== fold) {
        trained += 1;
        const side = sides[row] ?? 0;
        const error = side - 1 / (1 + Math.exp(-scoreOf(weights, words)));
        const step =
          ((scale[side] ?? RATE) * error) / Math.sqrt(1 + trained / 100) / Math.max(1, Math.sqrt(words.length));
        for (const word of words) weights[word] = (weights[word] ?? 0) + step;
      }
    }
    for (const [row, { words }] of rows.entries()) {
      if (row % FOLDS === fold) judged.push([scoreOf(weights, words), sides[row] ?? 0]);
    }
    sum += auc(judged);
  }
  return sum / FOLDS;
}

function scoreOf(weights: Float64Array, words: Uint16Array): number {
  let score = 0;
  for (const word of words) score += weights[word] ?? 0;
  return score / Math.max(1, Math.sqrt(words.length));
}

/** By ranks, ties in the middle: the Mann-Whitney statistic as a share. 0.5 where one side is empty. */
export function auc(judged: readonly (readonly [score: number, side: number])[]): number {
  const sorted = judged.toSorted(([a], [b]) => a - b);
  let rankSum = 0;
  let positives = 0;
  for (let from = 0; from < sorted.length; ) {
    let to = from;
    while (to < sorted.length && sorted[to]?.[0] === sorted[from]?.[0]) to += 1;
    for (let place = from; place < to; place += 1) {
      if (sorted[place]?.[1] !== 1) continue;
      positives += 1;
      rankSum += (from + 1 + to) / 2;
    }
    from = to;
  }
  const negatives = sorted.length - positives;
  if (positives === 0 || negatives === 0) return 0.5;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}
