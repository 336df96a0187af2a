import { z } from 'zod';
import { FORMAT_NAMES } from '../formats/index.ts';
import { TimestampFormat } from '../timestamp.ts';

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

const quality = z
  .strictObject({
    field: z
      .string()
      .min(1)
      .optional()
      .describe('the key of a row, or the name of a score, that holds the rating (default: quality, or every score)'),
    scale: z
      .tuple([z.number(), z.number()])
      .refine(([worst, best]) => worst !== best, 'must be the worst and the best rating, which differ')
      .optional()
      .describe('the worst and the best rating, for example [1, 5] (default: [0, 1])'),
    at_least: z.number().optional().describe('rows that are rated at least so, on this scale; unrated rows stay out'),
  })
  .optional()
  .describe('what ratings mean');

/** What every kind of source has. */
export const COMMON_KEYS = { filter, actuals, quality };

/** Of a source that is made of files. */
export const format = z
  .enum(FORMAT_NAMES)
  .optional()
  .describe('the tool that wrote the records; found by itself where it is absent');

/** How the rows of files are read. */
export const rowOptions = {
  timestamp_format: z
    .string()
    .refine(TimestampFormat.isWhole, 'must name at least YYYY, MM and DD, for example DD.MM.YYYY HH:mm:ss')
    .optional()
    .describe('how times are written that are not ISO 8601: YYYY MM DD HH mm ss SSS, A for AM and PM, Z for the zone'),
  ignore: z
    .array(z.string().min(1))
    .optional()
    .describe('keys such as tools or context that hold no part of the prompt'),
};

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
