import { randomBits, shuffle, spread } from '@tuneloop/app/internal/shared/random';
import type { Example } from '../jobs/training-file.ts';
import { wordsOf } from './features.ts';
import { type SlottedExample, slotsOf, slotted, type Transfer, transfer } from './slots.ts';
import type { StepMetrics } from './softmax.ts';
import type { SparseRows, SparseVector, Vocabulary } from './vocabulary.ts';

/** The course of one training run. */
export interface NearestOptions {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRateMultiplier: number;
  readonly seed: number;
}

/** Neighbours whose completions are compared. */
const NEIGHBOURS = 16;
/** Posting entries read for one query, rarest features first: bounds its time on large sets. */
const MOST_POSTINGS = 300_000;
/** Examples of one epoch: enough to settle one weight a feature. */
const MOST_ANCHORS = 1_000;
/** The weight of the fit of the slots beside the similarity of the texts (0 to 1 each). */
const FIT_WEIGHT = 1;
/** The weight of a candidate's agreement with the other candidates. */
const AGREEMENT_WEIGHT = 1;
/** Sharpness of the distribution over neighbours in the loss. */
const SHARPNESS = 8;
const BASE_STEP = 0.5;

interface Neighbour {
  readonly row: number;
  similarity: number;
  readonly transfer: Transfer;
}

/**
 * Generation by example: the most similar training inputs are found, their completions are rewritten for the new input
 * ({@link transfer}), and the one that fits best and agrees most with the others is the answer. It composes nothing new.
 *
 * Similarity is the sum over features of weight x value x value on TF-IDF rows of unit length. The weights start at 1 and
 * are what training learns: for an example and its neighbours (itself left out) the loss is -ln of the expected word overlap (F1) of a
 * neighbour's rewritten completion with the true one, neighbours drawn by softmax of similarity; its gradient raises the weight of features
 * that good neighbours share. `accuracy` in its metrics is the word overlap of the answer, from 0 to 1.
 */
export class Nearest {
  readonly vocabulary: Vocabulary;
  readonly examples: readonly Example[];
  readonly weights: Float32Array;
  readonly #rows: SparseRows;
  readonly #postingStarts: Uint32Array;
  readonly #postingRows: Uint32Array;
  readonly #postingValues: Float32Array;
  readonly #scores: Float32Array;
  readonly #slotted: (SlottedExample | undefined)[];

  constructor(vocabulary: Vocabulary, rows: SparseRows, examples: readonly Example[], weights?: Float32Array) {
    this.vocabulary = vocabulary;
    this.examples = examples;
    this.weights = weights ?? new Float32Array(vocabulary.size).fill(1);
    this.#rows = rows;
    this.#scores = new Float32Array(examples.length);
    this.#slotted = new Array(examples.length);
    const starts = new Uint32Array(vocabulary.size + 1);
    for (const feature of rows.indices) starts[feature + 1] = (starts[feature + 1] as number) + 1;
    for (let feature = 0; feature < vocabulary.size; feature++) {
      starts[feature + 1] = (starts[feature + 1] as number) + (starts[feature] as number);
    }
    this.#postingStarts = starts;
    this.#postingRows = new Uint32Array(rows.indices.length);
    this.#postingValues = new Float32Array(rows.indices.length);
    const next = starts.slice();
    for (let row = 0; row < examples.length; row++) {
      for (let at = rows.starts[row] as number; at < (rows.starts[row + 1] as number); at++) {
        const feature = rows.indices[at] as number;
        const slot = next[feature] as number;
        next[feature] = slot + 1;
        this.#postingRows[slot] = row;
        this.#postingValues[slot] = rows.values[at] as number;
      }
    }
  }

  /** The answer to `input`. If no feature of it is known, every example is equally near, and fit and agreement decide among the first. */
  answer(input: string): string {
    return best(this.#neighbours(this.vocabulary.vectorize(input), input, -1))?.transfer.text ?? '';
  }

  /** Loss and word overlap on examples that training has not seen. */
  evaluate(examples: readonly Example[]): { loss: number; accuracy: number } {
    let loss = 0;
    let accuracy = 0;
    for (const example of examples) {
      const neighbours = this.#neighbours(this.vocabulary.vectorize(example.input), example.input, -1);
      loss += expectedOverlap(neighbours, example.completion).loss;
      accuracy += overlap(best(neighbours)?.transfer.text ?? '', example.completion);
    }
    const count = Math.max(1, examples.length);
    return { loss: loss / count, accuracy: accuracy / count };
  }

  /** Steps of one epoch. */
  static stepsPerEpoch(examples: number, batchSize: number): number {
    return Math.ceil(Math.min(examples, MOST_ANCHORS) / batchSize);
  }

  /** Trains the feature weights and yields after every step; the same seed gives the same weights bit for bit. */
  *train(options: NearestOptions): Generator<StepMetrics, void, void> {
    const { starts, indices, values } = this.#rows;
    const { batchSize, epochs } = options;
    const count = this.examples.length;
    const anchors = Math.min(count, MOST_ANCHORS);
    const total = Nearest.stepsPerEpoch(count, batchSize) * epochs;
    const top = BASE_STEP * options.learningRateMultiplier * Math.sqrt(batchSize);
    const bits = randomBits(spread(options.seed));
    const order = Uint32Array.from({ length: count }, (_, row) => row);
    const own = new Float32Array(this.vocabulary.size);
    let step = 0;
    for (let epoch = 1; epoch <= epochs; epoch++) {
      shuffle(order, bits);
      for (let first = 0; first < anchors; first += batchSize) {
        const inBatch = Math.min(batchSize, anchors - first);
        const length = (top * (1 - step / total)) / inBatch;
        let loss = 0;
        let accuracy = 0;
        for (let member = 0; member < inBatch; member++) {
          const row = order[first + member] as number;
          const example = this.examples[row] as Example;
          const from = starts[row] as number;
          const to = starts[row + 1] as number;
          const vector = { indices: indices.subarray(from, to), values: values.subarray(from, to), length: to - from };
          const neighbours = this.#neighbours(vector, example.input, row);
          const expected = expectedOverlap(neighbours, example.completion);
          loss += expected.loss;
          accuracy += overlap(best(neighbours)?.transfer.text ?? '', example.completion);
          for (let at = from; at < to; at++) own[indices[at] as number] = values[at] as number;
          for (const [position, neighbour] of neighbours.entries()) {
            const pull = length * (expected.pulls[position] as number);
            for (let at = starts[neighbour.row] as number; at < (starts[neighbour.row + 1] as number); at++) {
              const feature = indices[at] as number;
              const shared = (own[feature] as number) * (values[at] as number);
              if (shared === 0) continue;
              this.weights[feature] = Math.max(0, (this.weights[feature] as number) + pull * shared);
            }
          }
          for (let at = from; at < to; at++) own[indices[at] as number] = 0;
        }
        step++;
        const endsEpoch = first + batchSize >= anchors;
        yield { step, epoch, loss: loss / inBatch, accuracy: accuracy / inBatch, endsEpoch };
      }
    }
  }

  #neighbours(vector: SparseVector, input: string, leftOut: number): Neighbour[] {
    const slots = slotsOf(input);
    return this.#nearestRows(vector, leftOut).map(({ row, similarity }) => {
      const example = this.examples[row] as Example;
      this.#slotted[row] ??= slotted(example.input, example.completion);
      return { row, similarity, transfer: transfer(this.#slotted[row], slots) };
    });
  }

  #nearestRows(vector: SparseVector, leftOut: number): { row: number; similarity: number }[] {
    const scores = this.#scores;
    scores.fill(0);
    const starts = this.#postingStarts;
    let read = 0;
    // Features are numbered from the most to the least frequent: the rare ones, which are read first, say most.
    const features = Array.from(vector.indices.subarray(0, vector.length), (feature, at) => ({
      feature,
      value: vector.values[at] as number,
    })).sort((a, b) => b.feature - a.feature);
    for (const { feature, value } of features) {
      const from = starts[feature] as number;
      const to = starts[feature + 1] as number;
      read += to - from;
      if (read > MOST_POSTINGS) break;
      const weighted = value * (this.weights[feature] as number);
      for (let at = from; at < to; at++) {
        const row = this.#postingRows[at] as number;
        scores[row] = (scores[row] as number) + weighted * (this.#postingValues[at] as number);
      }
    }
    const nearest: { row: number; similarity: number }[] = [];
    let lowest = -1;
    for (let row = 0; row < scores.length; row++) {
      const similarity = scores[row] as number;
      if (row === leftOut || (nearest.length === NEIGHBOURS && similarity <= lowest)) continue;
      if (nearest.length === NEIGHBOURS) nearest.pop();
      let at = nearest.length;
      while (at > 0 && (nearest[at - 1]?.similarity ?? 0) < similarity) at--;
      nearest.splice(at, 0, { row, similarity });
      lowest = nearest[nearest.length - 1]?.similarity ?? -1;
    }
    return nearest;
  }
}

/** The neighbour whose rewritten completion fits, is similar, and agrees with the others. */
function best(neighbours: readonly Neighbour[]): Neighbour | undefined {
  const bags = neighbours.map((neighbour) => bagOf(neighbour.transfer.text));
  const merits = neighbours.map(({ similarity, transfer: { fit } }) => similarity + FIT_WEIGHT * fit);
  let winner: Neighbour | undefined;
  let highest = Number.NEGATIVE_INFINITY;
  const top = Math.max(...merits);
  const shares = merits.map((merit) => Math.exp(SHARPNESS * (merit - top)));
  for (const [at, neighbour] of neighbours.entries()) {
    let agreement = 0;
    let weight = 1e-9;
    for (const [other, share] of shares.entries()) {
      if (other === at) continue;
      agreement += share * overlapOfBags(bags[at] as Bag, bags[other] as Bag);
      weight += share;
    }
    const merit = (merits[at] as number) + (AGREEMENT_WEIGHT * agreement) / weight;
    if (merit > highest) {
      highest = merit;
      winner = neighbour;
    }
  }
  return winner;
}

/** -ln of the expected overlap, and the decrease of it for a rise of each neighbour's similarity. */
function expectedOverlap(neighbours: readonly Neighbour[], completion: string): { loss: number; pulls: number[] } {
  const top = neighbours[0]?.similarity ?? 0;
  const shares = neighbours.map(({ similarity }) => Math.exp(SHARPNESS * (similarity - top)));
  const sum = shares.reduce((total, share) => total + share, 0);
  const truth = bagOf(completion);
  const overlaps = neighbours.map((neighbour) => overlapOfBags(bagOf(neighbour.transfer.text), truth));
  const expected = overlaps.reduce((total, value, at) => total + (value * (shares[at] as number)) / sum, 0);
  const floor = Math.max(expected, 1e-3);
  return {
    loss: -Math.log(floor),
    pulls: overlaps.map((value, at) => ((shares[at] as number) / sum) * ((value - expected) / floor)),
  };
}

interface Bag {
  readonly counts: ReadonlyMap<string, number>;
  readonly size: number;
}

function bagOf(text: string): Bag {
  const counts = new Map<string, number>();
  const words = wordsOf(text);
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return { counts, size: words.length };
}

function overlapOfBags(a: Bag, b: Bag): number {
  let shared = 0;
  for (const [word, count] of a.counts) shared += Math.min(count, b.counts.get(word) ?? 0);
  return shared === 0 ? 0 : (2 * shared) / (a.size + b.size);
}

/** F1 of the words of two texts, counting repeats: 1 = the same words, 0 = none shared. */
export function overlap(a: string, b: string): number {
  return overlapOfBags(bagOf(a), bagOf(b));
}
