/**
 * The value of the search: how far the chosen model stays behind the best possible choice, and the epochs that were paid for it, for
 * several plans on the same sub-samples of Banking77. All figures are the local trainer's and not those of an LLM.
 *
 * node bench/regret.ts
 *
 * Ends with 1 if the early stop saves too little or costs too much.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { randomBits, shuffle, spread } from '@tuneloop/app/internal/shared/random';
import { Piscina } from 'piscina';
import type { Example } from '../packages/local-trainer/src/jobs/training-file.ts';
import { BASE_MODELS, type BaseModel } from '../packages/local-trainer/src/ngram/features.ts';
import { checkpointsToEvaluate } from '../src/core/run/checkpoints.ts';
import { type CandidateEnd, candidatesToStop, type EpochReport } from '../src/core/run/early-stop.ts';
import { type Candidate, planCandidates } from '../src/core/run/plan.ts';
import type { Checkpoint } from '../src/core/run/training-metrics.ts';
import type { CurvePoint, CurveTask, trainCurve } from './training-curve.ts';

const DATA = path.join(import.meta.dirname, '..', '..', 'shared', 'data', 'banking77');
const LEAST_SAVING = 0.35;
/** Points of accuracy. */
const MOST_LOSS = 0.5;

/** Labels and rows (to train on and to choose by) of the sub-samples. */
const SIZES = [
  { labels: 15, rows: 300 },
  { labels: 30, rows: 700 },
  { labels: 77, rows: 1300 },
  { labels: 77, rows: 2400 },
];
const SEEDS = [1, 2, 3];
const VALIDATION = 0.2;

const PORTFOLIO = planCandidates({
  models: [...BASE_MODELS],
  learning_rate_multiplier: [0.5, 1, 2],
  epochs: 4,
  treatment: 'strip',
});
const DEFAULT = PORTFOLIO.filter(
  ({ baseModel, hyperparameters }) => baseModel === 'local-mini' && hyperparameters.learningRateMultiplier === 1,
);
const quasiRandom = (seed: number) =>
  planCandidates(
    {
      models: [...BASE_MODELS],
      learning_rate_multiplier: [0.25, 0.5, 1, 2, 4],
      epochs: [3, 4, 5],
      batch_size: [1, 4, 16],
      treatment: 'strip',
      jobs: 9,
    },
    { seed },
  );
/** The approximate length of an epoch of each, relative to the others. */
const PACES: Record<string, number> = { 'local-nano': 1, 'local-mini': 1.5, 'local-base': 5 };

interface Curve {
  candidate: Candidate;
  points: CurvePoint[];
}

/** The result of a plan on one sub-sample. */
interface Outcome {
  plan: string;
  /** Accuracy points on the test rows, behind the best of all. */
  regret: number;
  epochs: number;
  planned: number;
  /** Paid machine time, as a share of the planned time. */
  work: number;
}

/** Prints the table. */
export async function regretTable(): Promise<void> {
  if (!existsSync(DATA)) {
    console.log(`Regret: skipped, because ${DATA} is not there.`);
    return;
  }
  const started = performance.now();
  const threads = new Piscina<CurveTask, ReturnType<typeof trainCurve>>({
    filename: path.join(import.meta.dirname, 'training-curve.ts'),
    name: 'trainCurve',
    maxThreads: 2,
  });
  const log = readLog();
  const tests = readTests();
  const samples = SIZES.flatMap((size) => SEEDS.map((seed) => ({ ...size, seed })));
  try {
    const outcomes = await Promise.all(
      samples.map(async ({ labels, rows, seed }) => {
        const data = subSample(log, tests, labels, rows, seed);
        const curves = (candidates: readonly Candidate[]) =>
          Promise.all(
            candidates.map(async (candidate, place): Promise<Curve> => {
              const { learningRateMultiplier, epochs, batchSize = 1 } = candidate.hyperparameters;
              const points = await threads.run({
                ...data,
                base: candidate.baseModel as BaseModel,
                hyperparameters: {
                  n_epochs: epochs,
                  batch_size: batchSize,
                  learning_rate_multiplier: learningRateMultiplier,
                },
                seed: 1000 * seed + place,
              });
              return { candidate, points };
            }),
          );
        const [grid, quasi] = await Promise.all([curves(PORTFOLIO), curves(quasiRandom(seed))]);
        return compare(grid, quasi, Math.round(rows * VALIDATION), rows);
      }),
    );
    print(outcomes, (performance.now() - started) / 1000);
  } finally {
    await threads.destroy();
  }
}

function compare(grid: readonly Curve[], quasi: readonly Curve[], validation: number, examples: number): Outcome[] {
  const best = Math.max(...[...grid, ...quasi].map(({ points }) => points.at(-1)?.testAccuracy ?? 0));
  const outcome = (
    plan: string,
    curves: readonly Curve[],
    pace: 'none' | 'even' | 'shared',
    checkpoints = false,
  ): Outcome => {
    const raced =
      pace === 'none' ? curves.map((curve) => ({ ...curve, paid: curve.points.length })) : race(curves, pace);
    const left = raced.filter(({ points, paid }) => paid === points.length);
    const chosen = choose(left, checkpoints ? { validation, examples } : null);
    const time = (epochsOf: (curve: Raced) => number) =>
      sum(raced.map((curve) => paceOf(curve.candidate) * epochsOf(curve)));
    return {
      plan,
      regret: 100 * (best - chosen.testAccuracy),
      epochs: sum(raced.map(({ paid }) => paid)),
      planned: sum(raced.map(({ points }) => points.length)),
      work: time(({ paid }) => paid) / time(({ points }) => points.length),
    };
  };
  const defaults = grid.filter(({ candidate }) => DEFAULT.some(({ id }) => id === candidate.id));
  return [
    outcome('one default job', defaults, 'none'),
    outcome(GRID, grid, 'none'),
    outcome(STOPPED, grid, 'even'),
    outcome(SHARED, grid, 'shared'),
    outcome('grid 9, early stop, checkpoints', grid, 'even', true),
    outcome('quasi-random 9', quasi, 'none'),
    outcome('quasi-random 9, early stop', quasi, 'even'),
  ];
}

const GRID = 'grid 9';
const STOPPED = 'grid 9, early stop';
const SHARED = 'grid 9, early stop, jobs share a machine';

interface Raced extends Curve {
  /** Epochs. */
  paid: number;
}

/** Lets jobs run at the same pace or at paces of their own, and stops those that are behind as the reports come in. */
function race(curves: readonly Curve[], pace: 'even' | 'shared'): Raced[] {
  const epochTime = (candidate: Candidate) => (pace === 'even' ? 1 : paceOf(candidate));
  const candidates = curves.map(({ candidate }) => candidate);
  const reports: EpochReport[] = [];
  const ended = new Map<string, CandidateEnd>();
  const stoppedAt = new Map<string, number>();
  const events = curves.flatMap((curve) =>
    curve.points.map((point, index) => ({
      ...curve,
      point,
      epoch: index + 1,
      time: (index + 1) * epochTime(curve.candidate),
    })),
  );
  for (const { candidate, points, point, epoch, time } of events.toSorted((a, b) => a.time - b.time)) {
    if (ended.has(candidate.id)) continue;
    reports.push({ candidate: candidate.id, epoch, validLoss: point.validLoss, validAccuracy: point.validAccuracy });
    if (epoch === points.length) ended.set(candidate.id, 'succeeded');
    for (const stop of candidatesToStop(candidates, reports, ended, 'classification')) {
      ended.set(stop.candidate, 'stopped');
      stoppedAt.set(stop.candidate, time);
    }
  }
  return curves.map((curve) => {
    const time = stoppedAt.get(curve.candidate.id) ?? Number.POSITIVE_INFINITY;
    // An epoch that has begun is paid for, and a job in its last one may as well end.
    return { ...curve, paid: Math.min(curve.points.length, Math.ceil(time / epochTime(curve.candidate))) };
  });
}

function paceOf({ baseModel }: Candidate): number {
  return PACES[baseModel] ?? 1;
}

/** The best on the validation rows among the models at the end and, with `rows`, those checkpoints that are evaluated. */
function choose(curves: readonly Curve[], rows: { validation: number; examples: number } | null): CurvePoint {
  const contenders = curves.flatMap(({ candidate, points }) => {
    const checkpoints = points.map(
      ({ validLoss, validAccuracy }, index): Checkpoint => ({
        epoch: index + 1,
        step: index + 1,
        model: candidate.id,
        validLoss,
        validAccuracy,
      }),
    );
    const earlier = checkpointsToEvaluate(checkpoints, points.length, rows).map(({ epoch }) => points[epoch - 1]);
    return [points.at(-1), ...earlier].filter((point) => point !== undefined);
  });
  const [best] = contenders.toSorted((a, b) => b.validAccuracy - a.validAccuracy || a.validLoss - b.validLoss);
  if (!best) throw new Error('nobody is left to choose from');
  return best;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function print(outcomes: readonly Outcome[][], seconds: number): void {
  const plans = [...new Set(outcomes.flat().map(({ plan }) => plan))];
  const rows = plans.map((plan) => {
    const own = outcomes.flat().filter((outcome) => outcome.plan === plan);
    const mean = (value: (outcome: Outcome) => number) => sum(own.map(value)) / own.length;
    return {
      plan,
      regret: mean(({ regret }) => regret),
      epochs: mean(({ epochs }) => epochs),
      planned: mean(({ planned }) => planned),
      work: mean(({ work }) => work),
    };
  });
  console.log(
    `Regret in accuracy points behind the best of all jobs, over ${outcomes.length} sub-samples of Banking77 ` +
      `(local trainer, not an LLM; ${seconds.toFixed(0)} s)`,
  );
  const saved = (share: number) => (share < 1 ? `${(100 * (share - 1)).toFixed(0)} %` : '').padStart(6);
  console.log(`  ${'plan'.padEnd(42)} regret   epochs paid          machine time`);
  for (const { plan, regret, epochs, planned, work } of rows) {
    const figures = [
      regret.toFixed(2).padStart(6),
      epochs.toFixed(1).padStart(13),
      saved(epochs / planned),
      saved(work).padStart(16),
    ];
    console.log(`  ${plan.padEnd(42)} ${figures.join(' ')}`);
  }
  const of = (plan: string) => rows.find((row) => row.plan === plan);
  const grid = of(GRID);
  const stopped = of(STOPPED);
  if (!grid || !stopped) throw new Error('the table is not whole');
  const saving = 1 - stopped.epochs / grid.epochs;
  const loss = stopped.regret - grid.regret;
  const held = saving >= LEAST_SAVING && loss <= MOST_LOSS;
  console.log(
    `  Early stop saves ${(100 * saving).toFixed(1)} % of the epochs (at least ${100 * LEAST_SAVING} %) for ${loss.toFixed(2)} points ` +
      `more regret (at most ${MOST_LOSS}): ${held ? 'held' : 'MISSED'}`,
  );
  if (!held) process.exitCode = 1;
}

type ByLabel = ReadonlyMap<string, readonly Example[]>;

function readLog(): ByLabel {
  return byLabel(
    linesOf('log.jsonl').flatMap((line) => {
      const { messages, completion } = JSON.parse(line) as {
        messages: { role: string; content: string }[];
        completion?: string;
      };
      const input = messages.findLast(({ role }) => role === 'user')?.content;
      return input === undefined || completion === undefined ? [] : [{ input, completion }];
    }),
  );
}

function readTests(): ByLabel {
  return byLabel(
    linesOf('test.jsonl').map((line) => {
      const { input, label } = JSON.parse(line) as { input: string; label: string };
      return { input, completion: label };
    }),
  );
}

function linesOf(name: string): string[] {
  return readFileSync(path.join(DATA, name), 'utf8').trimEnd().split('\n');
}

function byLabel(examples: readonly Example[]): ByLabel {
  return Map.groupBy(examples, ({ completion }) => completion);
}

function subSample(
  log: ByLabel,
  tests: ByLabel,
  labels: number,
  rows: number,
  seed: number,
): Pick<CurveTask, 'training' | 'validation' | 'test'> {
  const bits = randomBits(spread(seed));
  const chosen = drawn([...tests.keys()], labels, bits);
  const examples = (from: ByLabel) => chosen.flatMap((label) => from.get(label) ?? []);
  const own = drawn(examples(log), rows, bits);
  const validation = Math.round(own.length * VALIDATION);
  return { training: own.slice(validation), validation: own.slice(0, validation), test: examples(tests) };
}

function drawn<T>(values: readonly T[], count: number, bits: () => number): T[] {
  const order = Uint32Array.from(values, (_, place) => place);
  shuffle(order, bits);
  return Array.from(order.subarray(0, count), (place) => values[place] as T);
}

if (isMainThread && process.argv[1] === import.meta.filename) await regretTable();
