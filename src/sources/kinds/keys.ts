import { z } from 'zod';

/** Keys that several kinds of source have, and the types of what they hold. */

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

/** What every kind of source has. */
export const COMMON_KEYS = { filter, actuals };

export const column = z.string().min(1);

/** How the columns of a table are named, where they are not named like the keys of a log row. */
export const columns = z
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

/** Of a source that is made of files. @param what - what the files hold and how they are read, for editors */
export function pathKey(what: string): z.ZodString {
  return z.string().min(1).describe(what);
}
