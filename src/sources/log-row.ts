import path from 'node:path';
import { z } from 'zod';
import type { LogRow } from '../dataset/row.ts';
import { TuneloopError } from '../errors.ts';

const usage = z.object({ prompt_tokens: z.int().gte(0), completion_tokens: z.int().gte(0) });

const logRowSchema = z
  .object({
    id: z.string().min(1).optional(),
    timestamp: z.string().optional(),
    messages: z
      .array(z.object({ role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']), content: z.string() }))
      .min(1)
      .optional(),
    prompt: z.string().optional(),
    completion: z.string(),
    actual: z.string().nullish(),
    usage: usage.nullish(),
    model: z.string().nullish(),
    latency_ms: z.number().gte(0).nullish(),
  })
  .refine(({ messages, prompt }) => (messages === undefined) !== (prompt === undefined), {
    message: 'must have either messages or prompt',
  });

const judgingRowSchema = z.object({
  id: z.string().min(1).optional(),
  input: z.string().min(1),
  label: z.string(),
  references: z.array(z.string()).min(1).optional(),
});

/** A row of a test file: an input as it is, with its right answer. */
export interface JudgingRow {
  line: number;
  id: string;
  input: string;
  label: string;
  references?: string[];
}

/** Where a row stands, for messages. */
export interface Place {
  file: string;
  line: number;
}

/** Reads a line of a production log. @throws TuneloopError SOURCE_ROW_INVALID naming file, line and key. */
export function parseLogRow(text: Buffer, place: Place): LogRow {
  const row = check(logRowSchema, parseJson(text, place), place);
  return {
    line: place.line,
    id: row.id ?? `${path.basename(place.file)}:${place.line}`,
    messages: row.messages ?? [{ role: 'user', content: row.prompt ?? '' }],
    completion: row.completion,
    ...(row.timestamp === undefined ? {} : { timestamp: row.timestamp }),
    ...(row.actual == null ? {} : { actual: row.actual }),
    ...(row.usage
      ? { usage: { promptTokens: row.usage.prompt_tokens, completionTokens: row.usage.completion_tokens } }
      : {}),
    ...(row.model ? { model: row.model } : {}),
    ...(row.latency_ms == null ? {} : { latencyMs: row.latency_ms }),
  };
}

/** Reads a line of a test file, which holds rows {input, label} or log rows. @throws as {@link parseLogRow}. */
export function parseJudgingRow(text: Buffer, place: Place): JudgingRow | LogRow {
  const value = parseJson(text, place);
  const isLogRow = typeof value === 'object' && value !== null && ('messages' in value || 'prompt' in value);
  if (isLogRow) return parseLogRow(text, place);
  const { id, input, label, references } = check(judgingRowSchema, value, place);
  return { line: place.line, id: id ?? `test-${place.line}`, input, label, ...(references ? { references } : {}) };
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function parseJson(text: Buffer, place: Place): unknown {
  let decoded: string;
  try {
    decoded = utf8.decode(text);
  } catch {
    throw invalid(place, 'is not UTF-8');
  }
  try {
    return JSON.parse(decoded);
  } catch (error) {
    // The parser's message quotes the row, which is production data: only its position is kept.
    const position = / in JSON at (position \d+)/.exec(error instanceof Error ? error.message : '')?.[1];
    throw invalid(place, `is not a JSON object on one line${position ? ` (broken at ${position})` : ''}`);
  }
}

function check<T>(schema: z.ZodType<T>, value: unknown, place: Place): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the row'}: ${message}`);
  throw invalid(place, problems.join('; '));
}

function invalid({ file, line }: Place, problem: string): TuneloopError {
  return new TuneloopError('SOURCE_ROW_INVALID', `${file}:${line}: ${problem}`);
}
