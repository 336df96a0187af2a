import { TREATMENTS } from '@tuneloop/app/internal/prompt/prompt-template';
import { z } from 'zod';
import { ISSUES, type RowIssue } from '../core/dataset/issue.ts';
import { TuneloopError } from '../errors.ts';
import type { Report } from './report.ts';

const FORMAT = 1;

const count = z.int().gte(0);
// Means of floats may be a rounding error above 1.
const share = z.number().describe('0 to 1');
const usd = z.number();
const milliseconds = z.number().gte(0);
const interval = z.object({ low: z.number(), high: z.number() });

const comparison = z
  .object({
    verdict: z.enum(['better', 'non-inferior', 'worse', 'inconclusive']),
    n: count,
    difference: z.number().describe('mean score of the first minus that of the second, -1 to 1'),
    interval: interval.describe('95 %, of the difference'),
    gained: count,
    lost: count,
    pValue: share,
    test: z.enum(['mcnemar', 'sign-flip']),
    nonInferiority: share.describe('posterior probability that the difference is above -margin'),
    margin: z.number(),
    rowsNeeded: z.number().nullable().describe('null where it is decided, or no number of rows would decide it'),
  })
  .meta({ id: 'comparison' });

const judgedKeys = {
  model: z.string().nullable(),
  score: share.nullable(),
  scoreInterval: interval.nullable(),
  n: count,
  scores: z.record(z.string(), z.number()).describe('means of the other scorers, by name'),
  costPer1kUsd: usd.nullable(),
  cachedCostPer1kUsd: usd.nullable().describe('where the provider caches the prefix that all prompts share'),
  p50Ms: milliseconds.nullable(),
  p95Ms: milliseconds.nullable(),
  p95Interval: interval.nullable(),
  timed: count,
  invalid: share.nullable().describe('share of answers that are empty, cut off or of the wrong form'),
};
const judged = z.object(judgedKeys).meta({ id: 'judged' });

const contendedKeys = {
  id: z.string(),
  model: z.string().nullable(),
  validation: z.object({ score: share, n: count, interval: interval.nullable() }).nullable(),
  costPer1kUsd: usd.nullable(),
  p50Ms: milliseconds.nullable(),
  p95Ms: milliseconds.nullable(),
  invalid: share.nullable(),
  onFront: z.boolean(),
  reason: z.string().nullable(),
};
const contended = z.object(contendedKeys).meta({ id: 'contended' });

const candidate = z.object({
  ...contendedKeys,
  baseModel: z.string(),
  hyperparameters: z.object({
    learningRateMultiplier: z.number(),
    learningRate: z.number().exactOptional().describe('at providers that take rates'),
    epochs: count,
    batchSize: count.exactOptional(),
    loraRank: count.exactOptional(),
    seed: count.exactOptional(),
  }),
  treatment: z.enum(TREATMENTS),
  half: z.boolean(),
  jobId: z.string().nullable(),
  status: z.enum(['succeeded', 'stopped', 'failed', 'cancelled', 'skipped']),
  trainingUsd: usd.nullable(),
  trainingSeconds: z.number().nullable(),
  epochs: count.nullable(),
  checkpoints: z.array(contended),
});

const point = z.object({
  step: count,
  totalSteps: count.nullable(),
  trainLoss: z.number().nullable(),
  validLoss: z.number().nullable(),
  fullValidLoss: z.number().nullable(),
  fullValidAccuracy: z.number().nullable(),
});

const flips = z.array(
  z.object({
    id: z.string(),
    input: z.string(),
    expected: z.string(),
    winner: z.string(),
    baseline: z.string(),
    difference: z.number(),
  }),
);

const sides = z.object({ train: count, validation: count, test: count });
const issueNames = Object.keys(ISSUES) as RowIssue[];

const opponent = z.object({
  model: z.string(),
  judged: judged.nullable(),
  comparison: comparison.nullable().describe('the winner against it'),
  failure: z.string().nullable(),
});

/** A report as `report.json` keeps it. Unknown keys are passed over. */
const reportSchema = z.object({
  format: z.literal(FORMAT).describe('counts up when a key changes its meaning'),
  runId: z.string(),
  createdAt: z.string().describe('ISO 8601'),
  pipeline: z.string(),
  task: z.enum(['classification', 'generation']),
  metric: z.string(),
  localTrainer: z.boolean().describe('figures do not come from an LLM'),
  dataset: z.object({ version: z.string(), ...sides.shape, dropped: count }),
  estimate: z.string(),
  spent: z.object({
    usd,
    trainingUsd: usd,
    evaluationUsd: usd,
    epochs: z.object({ trained: count, planned: count }),
  }),
  candidates: z.array(candidate),
  baseline: z.object({ kind: z.enum(['recorded', 'live']), ...judgedKeys }),
  winner: z.string().nullable().describe('id of a candidate, or of a checkpoint of one'),
  winnerModel: z.string().nullable(),
  winnerReason: z.string().nullable(),
  optimism: z.number().nullable(),
  winnerJudged: judged.nullable(),
  judgedOn: z.enum(['test', 'validation']),
  comparison: comparison.nullable().describe('the winner against the baseline'),
  champion: opponent
    .nullable()
    .describe('the model that served when the run was planned; null for the original prompt'),
  promotion: z.object({
    promote: z.boolean().describe('whether the winner should serve from now on'),
    why: z.string(),
  }),
  alternatives: z.array(
    opponent.extend({
      constrained: z.literal(true).optional().describe('its answers were held to evaluation.constrain'),
    }),
  ),
  savingPercent: z.number().nullable(),
  cachedSavingPercent: z.number().nullable(),
  breakEvenRequests: z.number().nullable(),
  breakEvenCachedRequests: z.number().nullable(),
  hourlyCost: z
    .string()
    .optional()
    .describe('what the cost per call leaves out where the winner is served by the hour'),
  recommendation: z.enum(['fine-tune', 'do-not-fine-tune', 'inconclusive']),
  reason: z.string(),
  notes: z.array(z.string()),
  reportPath: z.string(),
  curves: z.array(
    z.object({
      candidate: z.string(),
      points: z.array(point),
      plannedEpochs: count,
      stoppedAfterEpoch: count.nullable(),
    }),
  ),
  classification: z
    .object({
      n: count,
      accuracy: share,
      macroF1: share,
      labels: z.array(
        z.object({ label: z.string(), rows: count, precision: share.nullable(), recall: share.nullable(), f1: share }),
      ),
      confusion: z.array(z.object({ label: z.string(), answer: z.string().nullable(), rows: count })),
      invalid: share,
    })
    .nullable(),
  flips: z.object({ gained: flips, lost: flips }).nullable(),
  data: z.object({
    rowsRead: count,
    verdicts: z.array(z.object({ verdict: z.enum(issueNames), rows: count, places: z.array(z.string()) })),
    labels: z.record(z.string(), sides).nullable(),
    groups: z.object({ all: count, nearDuplicates: count }),
    split: z.object({ by: z.enum(['hash', 'time']), seed: count }),
    redactions: z.record(z.string(), count),
    templateVersions: count,
  }),
  prices: z.object({ date: z.string(), source: z.string() }),
  // Both ways: what the schema gives is a report, and it refuses no report.
}) satisfies z.ZodType<Report> & { encode: (report: Report) => unknown };

/** The JSON Schema of `report.json`, for programs that read it. */
export function reportJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(reportSchema, { io: 'input', target: 'draft-7' }), title: 'Tuneloop report' };
}

/**
 * Reads the `report.json` of a run.
 *
 * @param file the origin of the text, for errors.
 * @throws TuneloopError REPORT_UNREADABLE for a text that is no report, or of another format.
 */
export function parseReport(text: string, file: string): Report {
  const value = parseJson(text);
  const format = z.object({ format: z.unknown() }).safeParse(value).data?.format;
  if (typeof format === 'number' && format !== FORMAT) {
    const remedy = format > FORMAT ? 'read it with the newer Tuneloop that wrote it' : 'make a new run';
    throw unreadable(file, `it is of format ${format}, and this version reads format ${FORMAT}: ${remedy}`);
  }
  if (format === undefined && z.object({ runId: z.string() }).safeParse(value).success) {
    throw unreadable(file, 'an older version of Tuneloop has written it: make a new run');
  }
  const parsed = reportSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  // The path leads through labels, which are production data, so only the keys that the schema knows are shown.
  const place = issue?.path.slice(0, 2).join('.') || 'the whole of it';
  throw unreadable(file, `${place} is not as a run writes it: restore the file, or make a new run`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unreadable(file: string, what: string): TuneloopError {
  return new TuneloopError('REPORT_UNREADABLE', `${file} cannot be read as the report of a run: ${what}`);
}
