import path from 'node:path';
import { readServedCall } from '@tuneloop/app/internal/predict/served-call';
import type { Message } from '@tuneloop/app/internal/prompt/chat-message';
import { z } from 'zod';
import { ISSUES, placeText, type RowIssue } from '../core/dataset/issue.ts';
import type { Actual, LogRow } from '../core/dataset/row.ts';
import { TuneloopError } from '../errors.ts';
import { readJsonLine } from './json-line.ts';
import { answerOf, isObject, type Refused, textOf } from './row-answer.ts';
import type { Place } from './source.ts';
import { isoTimestamp, parseTime } from './timestamp.ts';

type ParsedRow = { row: LogRow; issues: RowIssue[] } | { actual: Actual; issues: RowIssue[] } | Refused;

const id = z.union([z.string().min(1), z.number()]);
const timestamp = z
  .string()
  .refine((text) => !Number.isNaN(parseTime(text)), 'must be a time in ISO 8601')
  .nullish();
const quality = z.number().gte(0).lte(1).nullish();
const count = z
  .number()
  .gte(0)
  .refine((value) => value % 1 === 0, 'must be a whole number')
  .nullable();
const usage = z.object({ prompt_tokens: count, completion_tokens: count });

const message = z.object({
  // `function` is the older name of `tool`.
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
  content: z.unknown().optional(),
  tool_calls: z.array(z.unknown()).nullish(),
  function_call: z.unknown().optional(),
});

const logRowSchema = z
  .object({
    id: id.nullish(),
    timestamp,
    messages: z.array(message).nullish(),
    prompt: z.string().nullish(),
    completion: z.unknown().optional(),
    actual: z.string().nullish(),
    quality,
    usage: usage.nullish(),
    model: z.string().nullish(),
    latency_ms: z.number().gte(0).nullish(),
    metadata: z.record(z.string(), z.unknown()).nullish(),
    finish_reason: z.string().nullish(),
    refusal: z.string().nullish(),
  })
  .refine(({ messages, prompt }) => messages == null || prompt == null, 'must have either messages or prompt');

type LogRowFields = z.output<typeof logRowSchema>;

const actualSchema = z
  .object({
    actual_for: id,
    actual: z.string().nullish(),
    quality,
    by: z.string().nullish(),
    timestamp,
  })
  .refine(({ actual, quality }) => actual != null || quality != null, 'must have actual or quality');

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

/**
 * Makes a row of one call of a production log, or an answer of `{"actual_for": id, ...}`. Unknown keys are passed over, because production
 * logs have many. A completion that is no answer to learn from is a flaw of the row, because a right answer may still be given later.
 */
export function parseLogRow(value: unknown, place: Place): ParsedRow {
  if (!isObject(value)) return { refused: 'not-an-object' };
  if ('actual_for' in value) return parseActual(value);
  const parsed = logRowSchema.safeParse(value);
  if (!parsed.success) return wrongShape(parsed.error);
  const fields = parsed.data;

  const issues: RowIssue[] = [];
  const prompt = promptOf(fields, issues);
  if ('refused' in prompt) return prompt;
  const answer = answerOf(fields, prompt.messages, issues);
  if ('refused' in answer) return answer;
  const metadata = metadataOf(fields.metadata);
  if (hasUnsafeInteger(fields)) return { refused: 'unsafe-integer' };
  const flaw = textFlaw([...prompt.messages.map(({ content }) => content), answer.completion, fields.actual]);
  if (flaw) return { refused: flaw };

  const row: LogRow = {
    line: place.line,
    ...(place.file === undefined ? {} : { file: place.file }),
    id: fields.id == null ? placeText(place) : String(fields.id),
    ...(fields.timestamp == null ? {} : { timestamp: isoTimestamp(fields.timestamp) }),
    messages: prompt.messages,
    ...(answer.completion === undefined ? {} : { completion: answer.completion }),
    ...rowFlaw(metadata, answer.flaw),
    ...(fields.actual == null ? {} : { actual: fields.actual }),
    ...(fields.quality == null ? {} : { quality: fields.quality }),
    ...usageOf(fields.usage),
    ...(fields.model ? { model: fields.model } : {}),
    ...(fields.latency_ms == null ? {} : { latencyMs: fields.latency_ms }),
    ...(metadata ? { metadata } : {}),
  };
  return { row, issues };
}

/**
 * Reads a line of a test file, which holds rows {input, label} or answered log rows. People choose these rows, so that a
 * bad one is an error and not left out.
 *
 * @throws TuneloopError SOURCE_ROW_INVALID naming file, line and key, never quoting the row.
 */
export function parseJudgingRow(text: Buffer, place: { file: string; line: number }): JudgingRow | LogRow {
  const read = readJsonLine(text, place.line === 1);
  if ('refused' in read) throw invalid(read, place);
  const { value } = read;
  if (isObject(value) && ('messages' in value || 'prompt' in value)) {
    const parsed = parseLogRow(value, { file: path.basename(place.file), line: place.line });
    if ('refused' in parsed) throw invalid(parsed, place);
    if (!('row' in parsed)) throw invalid({ refused: 'no-output' }, place);
    const { flaw, actual, completion } = parsed.row;
    const checked = flaw === 'own-answer' && actual !== undefined;
    if (flaw !== undefined && !checked) throw invalid({ refused: flaw }, place);
    if ((actual ?? completion) === undefined) throw invalid({ refused: 'no-output' }, place);
    return parsed.row;
  }
  const parsed = judgingRowSchema.safeParse(value);
  if (!parsed.success) throw invalid(wrongShape(parsed.error), place);
  const { id, input, label, references } = parsed.data;
  const flaw = textFlaw([input, label, ...(references ?? [])]);
  if (flaw) throw invalid({ refused: flaw }, place);
  return { line: place.line, id: id ?? `test-${place.line}`, input, label, ...(references ? { references } : {}) };
}

/** The error for a bad row, with its place and the reason. @param place of the row, or of several, as people read it. */
export function refusalText(issue: RowIssue, place: Place | string, detail?: string): string {
  const where = typeof place === 'string' ? place : placeText(place);
  return `${where}: ${ISSUES[issue].what}${detail === undefined ? '' : ` (${detail})`}`;
}

function invalid({ refused, detail }: Refused, place: Place): TuneloopError {
  return new TuneloopError('SOURCE_ROW_INVALID', refusalText(refused, place, detail));
}

/** A model that learns from its own answers learns its own mistakes. */
function rowFlaw(metadata: LogRow['metadata'], flaw: RowIssue | undefined): Pick<LogRow, 'flaw'> | undefined {
  const answeredBy = readServedCall(metadata)?.answeredBy ?? 'original';
  if (answeredBy !== 'original') return { flaw: 'own-answer' };
  return flaw === undefined ? undefined : { flaw };
}

function parseActual(value: object): ParsedRow {
  const parsed = actualSchema.safeParse(value);
  if (!parsed.success) return wrongShape(parsed.error);
  const { actual_for: id, actual, quality, by, timestamp } = parsed.data;
  if (isUnsafeInteger(id)) return { refused: 'unsafe-integer' };
  const flaw = textFlaw([actual]);
  if (flaw) return { refused: flaw };
  return {
    actual: {
      id: String(id),
      ...(actual == null ? {} : { actual }),
      ...(quality == null ? {} : { quality }),
      ...(by ? { by } : {}),
      ...(timestamp == null ? {} : { timestamp: isoTimestamp(timestamp) }),
    },
    issues: [],
  };
}

function promptOf({ messages, prompt }: LogRowFields, issues: RowIssue[]): { messages: Message[] } | Refused {
  const read: Message[] = prompt == null ? [] : [{ role: 'user', content: prompt }];
  for (const [index, { role, content, tool_calls, function_call }] of (messages ?? []).entries()) {
    if (role === 'function' || tool_calls?.length || function_call != null) return { refused: 'tool-messages' };
    const text = textOf(content);
    if (text === null) return { refused: 'unsupported-content', detail: `messages.${index}.content` };
    if (text === undefined) {
      return { refused: 'wrong-shape', detail: `messages.${index}.content: must be text, or a list of text parts` };
    }
    if (typeof content !== 'string' && !issues.includes('content-parts')) issues.push('content-parts');
    read.push({ role, content: text });
  }
  return read.every(({ content }) => content.trim() === '') ? { refused: 'no-prompt' } : { messages: read };
}

function usageOf(usage: LogRowFields['usage']): Pick<LogRow, 'usage'> {
  if (usage?.prompt_tokens == null || usage.completion_tokens == null) return {};
  return { usage: { promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens } };
}

/** Texts, numbers and truth values; nested values have no use and are passed over. */
function metadataOf(metadata: LogRowFields['metadata']): Record<string, string> | undefined {
  if (!metadata) return undefined;
  const entries = Object.entries(metadata)
    .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
    .map(([key, value]): [string, string] => [key, String(value)]);
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}

/** Digits beyond 2^53 were lost when the line was parsed, so that two ids may have become one. */
function hasUnsafeInteger({ id, usage, latency_ms, metadata }: LogRowFields): boolean {
  const numbers = [id, usage?.prompt_tokens, usage?.completion_tokens, latency_ms];
  return numbers.some(isUnsafeInteger) || Object.values(metadata ?? {}).some(isUnsafeInteger);
}

function isUnsafeInteger(value: unknown): boolean {
  return Number.isInteger(value) && !Number.isSafeInteger(value);
}

function textFlaw(texts: readonly (string | null | undefined)[]): RowIssue | undefined {
  for (const text of texts) {
    if (text?.includes('\0')) return 'nul-character';
    if (text?.isWellFormed() === false) return 'lone-surrogate';
  }
  return undefined;
}

const PROBLEMS_NAMED = 10;

function wrongShape({ issues }: z.ZodError): Refused {
  const problems = issues
    .slice(0, PROBLEMS_NAMED)
    .map(({ path, message }) => `${path.join('.') || 'the row'}: ${message}`);
  return { refused: 'wrong-shape', detail: problems.join('; ') };
}
