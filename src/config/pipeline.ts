import { TREATMENTS } from '@tuneloop/app/internal/prompt/prompt-template';
import { isSupportedCountry } from 'libphonenumber-js/max';
import { z } from 'zod';
import { PII_TYPES } from '../core/dataset/pii-type.ts';
import type { Pipeline } from '../core/run/pipeline.ts';
import { TEXT_METRIC_NAMES } from '../scoring/metrics/index.ts';
import { notifySchema, promotionSchema, retrainingSchema } from './after-training.ts';
import { fraction } from './figures.ts';
import { isSafeBaseURL, providerSchema, SAFE_ADDRESS } from './provider.ts';
import { sourceSchema } from './source.ts';

/** A sweep with more jobs than this has to be requested, with `candidates.jobs`. */
export const DEFAULT_JOB_LIMIT = 12;

const DEFAULT_MULTIPLIERS = [0.5, 1, 2];

const oneOrMore = <T extends z.ZodType>(value: T) => z.union([value, z.array(value).min(1)]);

/** A week at most: after that the wait itself ends. */
const minutes = z
  .number()
  .gt(0)
  .lte(7 * 24 * 60);

const promptTemplate = z.union([
  z.string().min(1),
  z
    .array(z.strictObject({ role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']), content: z.string() }))
    .min(1),
]);

const METRICS = {
  classification: ['accuracy', 'custom'],
  generation: [...TEXT_METRIC_NAMES, 'json_fields', 'judge', 'custom'],
} as const;

const DEFAULT_METRIC = { classification: 'accuracy', generation: 'rouge_l' } as const;

/** A pipeline as a user writes it. Defaults are filled in; paths are still as written. */
export const pipelineSchema = z
  .strictObject({
    $schema: z.string().optional().describe('the JSON Schema of this file, for editors'),
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be 1 to 63 lower-case letters, digits and hyphens')
      .describe('names the pipeline in ids, file names and the Web UI'),
    task: z.enum(['classification', 'generation']).describe('whether completions are labels or free text'),
    labels: z
      .array(
        z.union([
          z.string().min(1),
          z.strictObject({ name: z.string().min(1), aliases: z.array(z.string().min(1)).default([]) }),
        ]),
      )
      .min(2)
      .optional()
      .describe('the only labels that count; {name, aliases} for a label that the log spells in several ways'),
    multi_label: z
      .boolean()
      .optional()
      .describe('answers list several labels: their order and the separators between them do not count'),
    target: z
      .strictObject({ json_field: z.string().min(1).describe('such as label, or result.label') })
      .optional()
      .describe('the field of a JSON answer that is the answer to learn; the whole answer by default'),
    source: sourceSchema,
    clean: z
      .strictObject({
        rows: z
          .enum(['lenient', 'strict'])
          .default('lenient')
          .describe(
            'lenient: rows that cannot be used are left out and counted; strict: the first one refuses the log',
          ),
        instructions: z
          .union([z.literal('auto'), z.strictObject({ templates: z.array(promptTemplate).min(1) })])
          .default('auto')
          .describe(
            'auto: find the instructions that prompts share and remove them, so that only inputs stay; ' +
              'templates: the prompts as they were written, with {{name}} where the input stands',
          ),
        turns: z
          .enum(['first', 'last', 'all'])
          .optional()
          .describe(
            'which turns of a conversation become rows: first (the default): calls without an earlier answer; last: the longest log of each conversation; ' +
              'all: each call; with last and all the input is the whole conversation, which stays on one side',
          ),
        duplicates: z
          .enum(['near', 'exact', 'keep'])
          .default('exact')
          .describe('exact: drop repeated examples; near: also those that differ by a few characters; keep: drop none'),
        redact: z
          .array(z.enum(PII_TYPES))
          .default([])
          .describe('the types that placeholders such as [EMAIL_1] replace in inputs and answers'),
        phone_region: z
          .string()
          .regex(/^[A-Z]{2}$/, 'must be a country code of two capital letters, such as DE')
          .refine((region) => isSupportedCountry(region), 'must be a country code of two capital letters, such as DE')
          .default('US')
          .describe('the region whose phone numbers are recognised without a country code'),
        presidio: z
          .strictObject({
            url: z.url().refine(isSafeBaseURL, SAFE_ADDRESS).describe('address of the analyzer, without /analyze'),
            language: z.string().min(2).default('en').describe('of the texts; the analyzer needs a model for it'),
            entities: z
              .array(z.string().min(1))
              .min(1)
              .optional()
              .describe('such as PERSON; all types that it knows by default'),
            min_score: z.number().gte(0).lte(1).default(0.5).describe('finds with a lower score are ignored'),
          })
          .optional()
          .describe('a Presidio analyzer that is asked too: it finds names, which patterns cannot'),
      })
      .prefault({}),
    split: z
      .strictObject({
        validation: fraction
          .gt(0)
          .optional()
          .describe('share that chooses the winner; default 0.15, or 0.2 if test is 0'),
        test: z
          .union([fraction, z.strictObject({ file: z.string().min(1) })])
          .default(0.15)
          .describe('share that judges once, or a file of rows {input, label} or log rows'),
        by: z
          .enum(['hash', 'time'])
          .default('hash')
          .describe('hash: by chance, but for ever; time: the newest rows judge, those before them choose'),
        group_by: z
          .string()
          .min(1)
          .optional()
          .describe('a metadata key, such as customer: rows with the same value stay on one side'),
        seed: z
          .int()
          .gte(0)
          .default(1)
          .describe('another seed gives another split, and forgets the sides given so far'),
      })
      .prefault({}),
    provider: providerSchema.default('local').describe('who trains and serves'),
    original_provider: providerSchema
      .optional()
      .describe(
        'who answers the original prompt, where that is another one: for the log, baseline, alternatives, judge, teacher and fallback',
      ),
    candidates: z
      .strictObject({
        models: z.array(z.string().min(1)).min(1).describe('base models'),
        learning_rate_multiplier: oneOrMore(z.number().positive().lte(100))
          .optional()
          .describe('times the usual rate of the provider; default 0.5, 1 and 2'),
        learning_rate: oneOrMore(z.number().positive().lte(1))
          .optional()
          .describe('the rate itself, in place of a multiplier, at providers that take rates'),
        epochs: oneOrMore(z.int().gte(1).lte(50)).default(4),
        batch_size: oneOrMore(z.int().gte(1).lte(1024)).optional().describe('left to the provider by default'),
        lora_rank: oneOrMore(z.int().gte(1).lte(1024))
          .optional()
          .describe('rank of the adapters, at providers that take one'),
        seed: oneOrMore(
          z
            .int()
            .gte(0)
            .lt(2 ** 31),
        )
          .optional()
          .describe('seed of the training, at providers that take one; from the job by default'),
        treatment: oneOrMore(z.enum(TREATMENTS))
          .default('strip')
          .describe(
            'the part of the prompt that stays: strip: inputs only; keep-instructions: all of it; drop-few-shots: all but its examples',
          ),
        jobs: z
          .int()
          .gte(1)
          .lte(1000)
          .optional()
          .describe(
            `at most this many jobs; where the lists make more, a choice of them that covers the lists. Needed above ${DEFAULT_JOB_LIMIT}`,
          ),
        early_stop: z
          .boolean()
          .default(true)
          .describe('cancel jobs that are behind on the validation rows after their first or second epoch'),
        checkpoints: z
          .boolean()
          .default(true)
          .describe('evaluate the models of earlier epochs too, where the validation rows allow it'),
        half_data: z
          .boolean()
          .default(false)
          .describe('one more job on half of the rows, to see whether more rows would help; it cannot win'),
      })
      .describe('the sweep: every combination of the lists, or a choice of them, becomes one fine-tuning job'),
    evaluation: z
      .strictObject({
        metric: z
          .enum([...new Set([...METRICS.classification, ...METRICS.generation])])
          .optional()
          .describe(
            `what candidates are compared by. classification: ${METRICS.classification.join(', ')}; generation: ${METRICS.generation.join(', ')}; the default is ${DEFAULT_METRIC.classification} or ${DEFAULT_METRIC.generation}`,
          ),
        baseline: z
          .union([z.literal('recorded'), z.strictObject({ live: z.string().min(1) })])
          .default('recorded')
          .describe('recorded: as the log has it; live: the original prompt on a named model, run on the same rows'),
        alternatives: z
          .array(z.string().min(1))
          .max(5)
          .default([])
          .describe('models that may do without fine-tuning: asked with the original prompt, on the test rows'),
        judge: z
          .strictObject({
            model: z.string().min(1).describe('the model that decides which of two answers is better'),
            budget_usd: z.number().gt(0).optional().describe('the judge never spends more than this in a run'),
          })
          .optional()
          .describe('for the metric judge: each answer against the right one, in both orders'),
        scorer: z
          .strictObject({
            module: z.string().min(1).describe('a module of yours or a package, such as ./score.mjs or autoevals'),
            export: z.string().min(1).default('default').describe('the function in it'),
          })
          .optional()
          .describe('for the metric custom: a function of {input, output, expected} that returns {score} from 0 to 1'),
        json_schema: z
          .string()
          .min(1)
          .optional()
          .describe('a JSON Schema file: an answer that does not fit it is invalid'),
        constrain: z
          .enum(['labels', 'json_schema'])
          .optional()
          .describe(
            'what tuned models are held to while they write: the labels, or evaluation.json_schema; alternatives are asked with and without it',
          ),
        concurrency: z.int().gte(1).lte(64).default(8).describe('requests in flight'),
        max_output_tokens: z.int().gte(1).lte(32768).optional(),
      })
      .prefault({}),
    selection: z
      .strictObject({
        margin: z
          .number()
          .gte(0)
          .lte(1)
          .default(0.01)
          .describe('a loss of quality of at most this may be traded for lower cost'),
        max_cost_per_1k_usd: z.number().gt(0).optional().describe('a candidate above it cannot win'),
        max_p95_ms: z.number().gt(0).optional().describe('a candidate above it cannot win'),
        max_invalid: fraction
          .default(0.1)
          .describe('a candidate cannot win if a larger share of its answers is empty, cut off or of the wrong form'),
      })
      .prefault({}),
    labelling: z
      .strictObject({
        model: z.string().min(1).describe('the teacher: answers calls that have no answer, from the original prompt'),
        budget_usd: z.number().gt(0).optional().describe('labelling never spends more than this'),
        concurrency: z.int().gte(1).lte(64).default(8).describe('requests in flight'),
      })
      .optional()
      .describe('how `tuneloop label` fills in missing answers'),
    budget_usd: z
      .number()
      .gt(0)
      .optional()
      .describe('the run never spends more than this: jobs that it does not pay for are not created'),
    deadlines: z
      .strictObject({
        validating_minutes: minutes.default(60).describe('the provider checks the files'),
        queued_minutes: minutes.default(24 * 60).describe('the job waits for its turn'),
        running_minutes: minutes.default(24 * 60).describe('the job trains'),
        ready_minutes: minutes.default(30).describe('the job has succeeded, and its model cannot be called yet'),
        serving_minutes: minutes.default(60).describe('a serving lease was created, and does not answer yet'),
      })
      .prefault({})
      .describe('a job that stays longer in one of these is cancelled, and its candidate is lost'),
    promotion: promotionSchema,
    notify: notifySchema,
    retraining: retrainingSchema,
  })
  .superRefine((pipeline, context) => {
    const { models, learning_rate_multiplier, learning_rate, ...others } = pipeline.candidates;
    const { epochs, batch_size, lora_rank, seed, treatment, jobs: wanted } = others;
    if (learning_rate !== undefined && learning_rate_multiplier !== undefined) {
      const message = 'stands beside learning_rate_multiplier: give one of them';
      context.addIssue({ code: 'custom', path: ['candidates', 'learning_rate'], message });
    }
    const rates = learning_rate ?? learning_rate_multiplier ?? DEFAULT_MULTIPLIERS;
    const jobs = [models, rates, epochs, batch_size, lora_rank, seed, treatment]
      .map((values) => new Set<unknown>(Array.isArray(values) ? values : [values]).size)
      .reduce((product, size) => product * size, 1);
    if (wanted === undefined && jobs > DEFAULT_JOB_LIMIT) {
      context.addIssue({
        code: 'custom',
        path: ['candidates'],
        message: `makes ${jobs} jobs: set candidates.jobs to 9 to try a choice of them, or to ${jobs} for all`,
      });
    }
    for (const key of ['labels', 'multi_label'] as const) {
      if (pipeline.task === 'classification' || pipeline[key] === undefined) continue;
      context.addIssue({ code: 'custom', path: [key], message: 'is for task classification: leave it out' });
    }
    const { metric, judge, scorer, json_schema } = pipeline.evaluation;
    const needs = (key: 'judge' | 'scorer', there: boolean, of: string) => {
      if (metric === of && !there) {
        const message = `the metric ${of} needs evaluation.${key}`;
        context.addIssue({ code: 'custom', path: ['evaluation', 'metric'], message });
      }
      if (metric !== of && there) {
        const message = `is only used by the metric ${of}: set evaluation.metric to ${of}, or leave it out`;
        context.addIssue({ code: 'custom', path: ['evaluation', key], message });
      }
    };
    needs('judge', judge !== undefined, 'judge');
    needs('scorer', scorer !== undefined, 'custom');
    if (json_schema !== undefined && pipeline.task === 'classification') {
      const message = 'is for generation: the answers of a classification are its labels';
      context.addIssue({ code: 'custom', path: ['evaluation', 'json_schema'], message });
    }
    const { constrain } = pipeline.evaluation;
    if (constrain === 'labels' && (pipeline.task !== 'classification' || pipeline.multi_label !== undefined)) {
      const message = 'holds an answer to one label: labels needs task classification, without multi_label';
      context.addIssue({ code: 'custom', path: ['evaluation', 'constrain'], message });
    }
    if (constrain === 'json_schema' && json_schema === undefined) {
      const message = 'needs evaluation.json_schema, the file of the schema';
      context.addIssue({ code: 'custom', path: ['evaluation', 'constrain'], message });
    }
    const metrics: readonly string[] = METRICS[pipeline.task];
    if (metric !== undefined && !metrics.includes(metric)) {
      context.addIssue({
        code: 'custom',
        path: ['evaluation', 'metric'],
        message: `does not fit task ${pipeline.task}: allowed are ${metrics.join(', ')}`,
      });
    }
    const { test } = pipeline.split;
    const validation = validationShare(pipeline.split);
    if (typeof test === 'number' && validation + test >= 1) {
      context.addIssue({
        code: 'custom',
        path: ['split'],
        message: `validation and test together take ${validation + test} of the rows: leave some to train on`,
      });
    }
  })
  .transform((pipeline) => ({
    ...pipeline,
    split: { ...pipeline.split, validation: validationShare(pipeline.split) },
    candidates: {
      ...pipeline.candidates,
      ...(pipeline.candidates.learning_rate === undefined && {
        learning_rate_multiplier: pipeline.candidates.learning_rate_multiplier ?? DEFAULT_MULTIPLIERS,
      }),
    },
    evaluation: { ...pipeline.evaluation, metric: pipeline.evaluation.metric ?? DEFAULT_METRIC[pipeline.task] },
  })) satisfies z.ZodType<Pipeline>;

function validationShare({ validation, test }: { validation?: number | undefined; test: unknown }): number {
  return validation ?? (test === 0 ? 0.2 : 0.15);
}

/** The JSON Schema of a pipeline file, for editors. Rules between keys are not in it: those are checked on reading. */
export function pipelineJsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(pipelineSchema, { io: 'input', target: 'draft-7' }),
    title: 'Tuneloop pipeline',
  };
}
