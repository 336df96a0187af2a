import { randomBits, shuffle, spread } from '@tuneloop/app/internal/shared/random';
import type { SparseRows, SparseVector } from './vocabulary.ts';

/** The course of one training run. */
export interface SoftmaxOptions {
  readonly epochs: number;
  /** Rows a step. */
  readonly batchSize: number;
  /** Multiplies {@link BASE_STEP}. */
  readonly learningRateMultiplier: number;
  readonly seed: number;
}

/** Mean cross-entropy in nats and share of right answers, over the rows of one step. */
export interface StepMetrics {
  /** From 1. */
  readonly step: number;
  readonly epoch: number;
  readonly loss: number;
  readonly accuracy: number;
  /** True for the last step of an epoch. */
  readonly endsEpoch: boolean;
}

/** Step length on rows of unit length at multiplier 1 and batch size 1; measured to lie inside the good range. */
const BASE_STEP = 2;
/** The value of the always-present feature: small, so that class frequencies move the answer less than words do. */
const BIAS_VALUE = 0.3;
/** Gradients of a class below this change no answer; leaving them out halves the work of a step. */
const SMALLEST_GRADIENT = 1e-3;

/**
 * A linear classifier: probability of class k = softmax(weights[feature][k] . row + bias[k]), one weight a feature and class.
 * Weights are laid out feature by feature, so that a sparse row touches runs of `classes` floats.
 */
export class Softmax {
  readonly features: number;
  readonly classes: number;
  readonly weights: Float32Array;
  readonly bias: Float32Array;

  constructor(features: number, classes: number) {
    this.features = features;
    this.classes = classes;
    this.weights = new Float32Array(features * classes);
    this.bias = new Float32Array(classes);
  }

  /** Writes the class probabilities of entries `from` up to `to` of a sparse row to `out` at `offset`. */
  probabilities(
    indices: Uint32Array,
    values: Float32Array,
    from: number,
    to: number,
    out: Float32Array,
    offset: number,
  ): void {
    const { classes, weights, bias } = this;
    for (let k = 0; k < classes; k++) out[offset + k] = (bias[k] as number) * BIAS_VALUE;
    for (let at = from; at < to; at++) {
      const value = values[at] as number;
      const base = (indices[at] as number) * classes;
      for (let k = 0; k < classes; k++) {
        out[offset + k] = (out[offset + k] as number) + value * (weights[base + k] as number);
      }
    }
    normalize(out, offset, classes);
  }

  /** Mean loss and accuracy on labelled rows; a label of -1 (unknown to training) always counts as wrong. */
  evaluate(rows: SparseRows, labels: Int32Array, from: number, to: number): { loss: number; accuracy: number } {
    const out = new Float32Array(this.classes);
    let loss = 0;
    let right = 0;
    for (let row = from; row < to; row++) {
      this.probabilities(rows.indices, rows.values, rows.starts[row] ?? 0, rows.starts[row + 1] ?? 0, out, 0);
      const label = labels[row] as number;
      loss += lossOf(label < 0 ? 0 : (out[label] as number));
      if (label >= 0 && argmax(out, 0, this.classes) === label) right++;
    }
    const count = Math.max(1, to - from);
    return { loss: loss / count, accuracy: right / count };
  }
}

function normalize(out: Float32Array, offset: number, classes: number): void {
  let highest = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < classes; k++) if ((out[offset + k] as number) > highest) highest = out[offset + k] as number;
  let sum = 0;
  for (let k = 0; k < classes; k++) {
    const weight = Math.exp((out[offset + k] as number) - highest);
    out[offset + k] = weight;
    sum += weight;
  }
  const scale = 1 / sum;
  for (let k = 0; k < classes; k++) out[offset + k] = (out[offset + k] as number) * scale;
}

function lossOf(probability: number): number {
  return -Math.log(Math.max(probability, 1e-9));
}

/** The position of the highest of `length` values from `offset`; the first of equals. */
export function argmax(values: Float32Array, offset: number, length: number): number {
  let best = 0;
  for (let k = 1; k < length; k++) if ((values[offset + k] as number) > (values[offset + best] as number)) best = k;
  return best;
}

/** Steps of a whole run. */
export function totalSteps(rows: number, batchSize: number, epochs: number): number {
  return Math.ceil(rows / batchSize) * epochs;
}

/**
 * Trains by stochastic gradient descent and yields after every step; the same rows, options and seed give the same weights
 * bit for bit. Step length = 2 x multiplier x sqrt(batch size), falling in a straight line to 0 over the run; the gradient is the mean
 * over the batch.
 */
export function* trainSoftmax(
  model: Softmax,
  rows: SparseRows,
  labels: Int32Array,
  options: SoftmaxOptions,
): Generator<StepMetrics, void, void> {
  const { classes, weights, bias } = model;
  const { starts, indices, values } = rows;
  const count = labels.length;
  const { batchSize, epochs } = options;
  const total = totalSteps(count, batchSize, epochs);
  const top = BASE_STEP * options.learningRateMultiplier * Math.sqrt(batchSize);
  const bits = randomBits(spread(options.seed));
  const order = Uint32Array.from({ length: count }, (_, row) => row);
  const gradients = new Float32Array(Math.min(batchSize, count) * classes);
  const active = new Uint32Array(classes);
  const change = new Float32Array(classes);
  let step = 0;
  for (let epoch = 1; epoch <= epochs; epoch++) {
    shuffle(order, bits);
    for (let first = 0; first < count; first += batchSize) {
      const inBatch = Math.min(batchSize, count - first);
      let loss = 0;
      let right = 0;
      for (let member = 0; member < inBatch; member++) {
        const row = order[first + member] as number;
        const offset = member * classes;
        model.probabilities(indices, values, starts[row] as number, starts[row + 1] as number, gradients, offset);
        const label = labels[row] as number;
        loss += lossOf(gradients[offset + label] as number);
        if (argmax(gradients, offset, classes) === label) right++;
        gradients[offset + label] = (gradients[offset + label] as number) - 1;
      }
      const length = (top * (1 - step / total)) / inBatch;
      for (let member = 0; member < inBatch; member++) {
        const row = order[first + member] as number;
        const offset = member * classes;
        let activeCount = 0;
        for (let k = 0; k < classes; k++) {
          const gradient = gradients[offset + k] as number;
          if (gradient < SMALLEST_GRADIENT && gradient > -SMALLEST_GRADIENT) continue;
          active[activeCount] = k;
          change[activeCount++] = -length * gradient;
          bias[k] = (bias[k] as number) - length * gradient * BIAS_VALUE;
        }
        const end = starts[row + 1] as number;
        for (let at = starts[row] as number; at < end; at++) {
          const value = values[at] as number;
          const base = (indices[at] as number) * classes;
          for (let a = 0; a < activeCount; a++) {
            const slot = base + (active[a] as number);
            weights[slot] = (weights[slot] as number) + value * (change[a] as number);
          }
        }
      }
      step++;
      const endsEpoch = first + batchSize >= count;
      yield { step, epoch, loss: loss / inBatch, accuracy: right / inBatch, endsEpoch };
    }
  }
}

/** A trained classifier as it answers: weights of one byte, one scale a feature, a quarter of the memory. */
export class CompactSoftmax {
  readonly classes: number;
  readonly weights: Int8Array;
  readonly scales: Float32Array;
  readonly bias: Float32Array;
  readonly #logits: Float32Array;

  constructor(classes: number, weights: Int8Array, scales: Float32Array, bias: Float32Array) {
    this.classes = classes;
    this.weights = weights;
    this.scales = scales;
    this.bias = bias;
    this.#logits = new Float32Array(classes);
  }

  /** The most probable class of a row. */
  predict(vector: SparseVector): number {
    const { classes, weights, scales } = this;
    const logits = this.#logits;
    for (let k = 0; k < classes; k++) logits[k] = (this.bias[k] as number) * BIAS_VALUE;
    for (let at = 0; at < vector.length; at++) {
      const feature = vector.indices[at] as number;
      const value = (vector.values[at] as number) * (scales[feature] as number);
      const base = feature * classes;
      for (let k = 0; k < classes; k++) logits[k] = (logits[k] as number) + value * (weights[base + k] as number);
    }
    return argmax(logits, 0, classes);
  }
}

/** Rounds each feature's weights to 255 steps between minus and plus its largest one. */
export function compact(model: Softmax): CompactSoftmax {
  const { features, classes, weights } = model;
  const small = new Int8Array(weights.length);
  const scales = new Float32Array(features);
  for (let feature = 0; feature < features; feature++) {
    const base = feature * classes;
    let largest = 0;
    for (let k = 0; k < classes; k++) largest = Math.max(largest, Math.abs(weights[base + k] as number));
    if (largest === 0) continue;
    scales[feature] = largest / 127;
    for (let k = 0; k < classes; k++) small[base + k] = Math.round(((weights[base + k] as number) / largest) * 127);
  }
  return new CompactSoftmax(classes, small, scales, model.bias.slice());
}
