import { randomBits, shuffle, spread } from '@tuneloop/app/internal/shared/random';
import type { Hyperparameters, Metrics } from '../engine.ts';
import type { Example } from '../jobs/training-file.ts';
import { type BaseModel, RECIPES } from './features.ts';
import { Nearest } from './nearest.ts';
import { compact, Softmax, type StepMetrics, totalSteps, trainSoftmax } from './softmax.ts';
import { packClassifier, packClassifierWeights, packGenerator, packGeneratorWeights } from './tuned-model.ts';
import { fitVocabulary, vectorizeAll } from './vocabulary.ts';

/** The input of one training run. */
export interface TrainingPlan {
  readonly base: BaseModel;
  readonly hyperparameters: Hyperparameters;
  readonly seed: number;
  readonly training: readonly Example[];
  readonly validation: readonly Example[];
}

/** The reports of a run: the shared part once, then metrics, then the weights at the end of each epoch. */
export type Progress =
  | { readonly kind: 'shared'; readonly bytes: Buffer }
  | { readonly kind: 'metrics'; readonly metrics: Metrics }
  | { readonly kind: 'checkpoint'; readonly metrics: Metrics; readonly bytes: Buffer };

/** Metrics are reported about this often in a run. */
const REPORTS = 100;
/** Rows of the moving part of the validation set that a report is measured on. */
const VALIDATION_WINDOW = 64;
/** For generation, where a row costs up to a millisecond: rows of the whole validation that are read. */
const MOST_GENERATION_ROWS = 300;
/** Generation remembers this many examples (a seeded choice of them): bounds memory and the time of an answer. */
const MOST_REMEMBERED = 30_000;
/** A weight table of more floats than this (128 MiB) loses its rarest features. */
const MOST_WEIGHTS = 2 ** 25;
const MOST_FEATURES = 2 ** 18;
/** From this many examples on, a feature of a single example is noise, and such features are half of the table. */
const ROWS_TO_DROP_SINGLES = 2_000;

const LONGEST_LABEL = 200;

/**
 * Whether completions are labels: each on a single line of at most 200 characters, and on average seen at least twice. Anything else is generation.
 */
export function isClassification(examples: readonly Example[]): boolean {
  const distinct = new Set<string>();
  for (const { completion } of examples) {
    const label = completion.trim();
    if (label.length > LONGEST_LABEL || label.includes('\n')) return false;
    distinct.add(label);
  }
  return distinct.size * 2 <= examples.length;
}

/** Trains a model; the same plan gives the same bytes. */
export function* train(plan: TrainingPlan): Generator<Progress, void, void> {
  yield* isClassification(plan.training) ? trainClassifier(plan) : trainGenerator(plan);
}

function* trainClassifier(plan: TrainingPlan): Generator<Progress, void, void> {
  const numbers = new Map<string, number>();
  const labels = Int32Array.from(plan.training, ({ completion }) => {
    const label = completion.trim();
    const number = numbers.get(label) ?? numbers.size;
    numbers.set(label, number);
    return number;
  });
  const { vocabulary, rows } = fitVocabulary(
    plan.training.map(({ input }) => input),
    RECIPES[plan.base],
    {
      fewestRows: plan.training.length >= ROWS_TO_DROP_SINGLES ? 2 : 1,
      mostFeatures: Math.min(MOST_FEATURES, Math.floor(MOST_WEIGHTS / numbers.size)),
    },
  );
  yield { kind: 'shared', bytes: packClassifier(plan.base, vocabulary, [...numbers.keys()]) };
  const softmax = new Softmax(vocabulary.size, numbers.size);
  const validRows = vectorizeAll(
    plan.validation.map(({ input }) => input),
    vocabulary,
  );
  const validLabels = Int32Array.from(plan.validation, ({ completion }) => numbers.get(completion.trim()) ?? -1);
  const options = optionsOf(plan);
  yield* report(
    trainSoftmax(softmax, rows, labels, options),
    totalSteps(labels.length, options.batchSize, options.epochs),
    plan.validation.length,
    (from, to) => softmax.evaluate(validRows, validLabels, from, to),
    () => packClassifierWeights(compact(softmax)),
  );
}

function* trainGenerator(plan: TrainingPlan): Generator<Progress, void, void> {
  const examples = remembered(plan.training, plan.seed);
  const { vocabulary, rows } = fitVocabulary(
    examples.map(({ input }) => input),
    RECIPES[plan.base],
    { fewestRows: 1, mostFeatures: MOST_FEATURES },
  );
  const nearest = new Nearest(vocabulary, rows, examples);
  yield { kind: 'shared', bytes: packGenerator(plan.base, nearest, rows) };
  const options = optionsOf(plan);
  yield* report(
    nearest.train(options),
    Nearest.stepsPerEpoch(examples.length, options.batchSize) * options.epochs,
    Math.min(plan.validation.length, MOST_GENERATION_ROWS),
    (from, to) => nearest.evaluate(plan.validation.slice(from, to)),
    () => packGeneratorWeights(nearest),
  );
}

function remembered(examples: readonly Example[], seed: number): readonly Example[] {
  if (examples.length <= MOST_REMEMBERED) return examples;
  const order = Uint32Array.from({ length: examples.length }, (_, row) => row);
  shuffle(order, randomBits(spread(seed)));
  return Array.from(order.subarray(0, MOST_REMEMBERED).sort(), (row) => examples[row] as Example);
}

function optionsOf({ hyperparameters, seed }: TrainingPlan) {
  return {
    epochs: hyperparameters.n_epochs,
    batchSize: hyperparameters.batch_size,
    learningRateMultiplier: hyperparameters.learning_rate_multiplier,
    seed,
  };
}

/** Turns steps into reports: means since the last report, a moving window of the validation rows, all of them at an epoch's end. */
function* report(
  steps: Iterable<StepMetrics>,
  total: number,
  validationRows: number,
  validate: (from: number, to: number) => { loss: number; accuracy: number },
  weights: () => Buffer,
): Generator<Progress, void, void> {
  const every = Math.max(1, Math.round(total / REPORTS));
  let loss = 0;
  let accuracy = 0;
  let since = 0;
  let window = 0;
  for (const step of steps) {
    loss += step.loss;
    accuracy += step.accuracy;
    since++;
    if (step.step % every !== 0 && !step.endsEpoch) continue;
    let metrics: Metrics = {
      step: step.step,
      total_steps: total,
      train_loss: rounded(loss / since),
      train_mean_token_accuracy: rounded(accuracy / since),
    };
    loss = 0;
    accuracy = 0;
    since = 0;
    if (validationRows > 0) {
      const from = (window++ * VALIDATION_WINDOW) % validationRows;
      const part = validate(from, Math.min(validationRows, from + VALIDATION_WINDOW));
      metrics = { ...metrics, valid_loss: rounded(part.loss), valid_mean_token_accuracy: rounded(part.accuracy) };
    }
    if (step.endsEpoch && validationRows > 0) {
      const whole = validate(0, validationRows);
      metrics = {
        ...metrics,
        full_valid_loss: rounded(whole.loss),
        full_valid_mean_token_accuracy: rounded(whole.accuracy),
      };
    }
    yield { kind: 'metrics', metrics };
    if (step.endsEpoch) yield { kind: 'checkpoint', metrics, bytes: weights() };
  }
}

function rounded(value: number): number {
  return Math.round(value * 1e5) / 1e5;
}
