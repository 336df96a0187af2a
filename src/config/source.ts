import { z } from 'zod';
import type { SourceChoice } from '../core/run/source-choice.ts';

const timestamp = z
  .string()
  .refine(
    (text) => !Number.isNaN(Date.parse(text)),
    'must be a date or time such as 2026-08-01 or 2026-08-01T12:00:00Z',
  );

const filter = z
  .strictObject({
    from: timestamp
      .optional()
      .describe('rows at or after this time; without a zone it is UTC; rows without a time stay out'),
    to: timestamp.optional().describe('rows before this time'),
    models: z.array(z.string().min(1)).min(1).optional().describe('rows that one of these models answered'),
    metadata: z.record(z.string(), z.string()).optional().describe('rows whose metadata has all of these values'),
    min_quality: z.number().gte(0).lte(1).optional().describe('rows that are rated at least so; unrated rows stay out'),
  })
  .optional()
  .describe('which rows are taken');

const actuals = z
  .string()
  .min(1)
  .optional()
  .describe(
    'a JSONL file or glob of right answers and ratings that came later, by id; they override what was recorded',
  );

const column = z.string().min(1);

/** How the columns of a table are named, where they are not named like the keys of a log row. */
const columns = z
  .strictObject({
    id: column.optional(),
    timestamp: column.optional(),
    messages: column.optional().describe('JSON: [{role, content}]'),
    prompt: column.optional().describe('the whole prompt as one text, where there are no messages'),
    completion: column.optional(),
    actual: column.optional(),
    quality: column.optional(),
    model: column.optional(),
    prompt_tokens: column.optional(),
    completion_tokens: column.optional(),
    latency_ms: column.optional(),
    metadata: column.optional().describe('JSON: {key: text}'),
  })
  .prefault({});

const common = { filter, actuals };

export const sourceSchema = z
  .discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('jsonl'),
      path: z.string().min(1).describe('a file or a glob, relative to this file; .gz is unpacked'),
      ...common,
    }),
    z.strictObject({
      type: z.literal('csv'),
      path: z
        .string()
        .min(1)
        .describe(
          'a file or a glob, relative to this file; .gz is unpacked; fields end at commas, the first line names the columns',
        ),
      columns,
      ...common,
    }),
    z.strictObject({
      type: z.literal('postgres'),
      urlEnv: z
        .string()
        .regex(/^[A-Z][A-Z0-9_]*$/, 'must be the name of an environment variable, not the address itself')
        .describe('name of the environment variable that holds postgres://user:password@host/database'),
      query: z.string().min(1).describe('a SELECT of one row a call; it cannot write'),
      cursor: column
        .optional()
        .describe(
          'a column that only grows and is never null (a time, a number): later runs read from its last value on; without it, every run reads everything',
        ),
      columns,
      ...common,
    }),
    z.strictObject({
      type: z.literal('stored-completions'),
      ...common,
    }),
    z.strictObject({
      type: z.literal('langfuse'),
      path: z
        .string()
        .min(1)
        .describe(
          'a JSONL export of observations, file or glob, relative to this file; .gz is unpacked; numeric scores from 0 to 1 count as ratings',
        ),
      ...common,
    }),
  ])
  .describe('where the production log lies') satisfies z.ZodType<SourceChoice>;
