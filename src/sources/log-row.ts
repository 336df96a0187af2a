import path from 'node:path';
import { readServedCall } from '@tuneloop/app/internal/predict/served-call';
import { z } from 'zod';
import { ISSUES, placeText, type RowIssue } from '../core/dataset/issue.ts';
import type { Actual, LogRow } from '../core/dataset/row.ts';
import { TuneloopError } from '../errors.ts';
import { readJsonLine } from './json-line.ts';
import { isObject, type Json, kindOf } from './rows/json-value.ts';
import {
  isUnsafeInteger,
  readId,
  readLatency,
  readMetadata,
  readQuality,
  readText,
  readTime,
  readUsage,
} from './rows/read-optional.ts';
import { readPrompt } from './rows/read-prompt.ts';
import type { Refused } from './rows/refused.ts';
import { readActual, readAnswer } from './rows/row-answer.ts';
import { RowNotes } from './rows/row-notes.ts';
import type { RowOptions } from './rows/row-options.ts';
import type { Place } from './source.ts';

interface Noted {
  issues: RowIssue[];
  /** The keys that an issue concerns. */
  details?: Partial<Record<RowIssue, string>>;
}
type ParsedRow = ({ row: LogRow } & Noted) | ({ actual: Actual } & Noted) | Refused;

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
 * Makes a row of one call of a production log, or an answer of `{"actual_for": id, ...}`. It is read key by key: only a missing prompt costs
 * the row, and unknown keys are passed over, because production logs have many. A completion that is no answer to learn from is a flaw of the
 * row, because a right answer may still be given later.
 */
export function parseLogRow(value: unknown, place: Place, options: RowOptions = {}): ParsedRow {
  if (!isObject(value)) return { refused: 'not-an-object' };
  if ('actual_for' in value) return parseActual(value, options);
  const notes = new RowNotes();
  const prompt = readPrompt(value, notes, options.ignore);
  if ('refused' in prompt) return prompt;
  const actual = readActual(value.actual, notes);
  const answer = readAnswer(value, prompt.messages, actual !== undefined, notes);
  const metadata = readMetadata(value.metadata, notes);
  const flaw = textFlaw([...prompt.messages.map(({ content }) => content), answer.completion, actual]);
  if (flaw) return { refused: flaw };

  const id = readId(value.id, notes);
  const timestamp = readTime(value.timestamp ?? value.created_at ?? value.created, notes, options.timestampFormat);
  const qualityField = options.qualityField ?? 'quality';
  const quality = readQuality(qualityField, valueAt(value, qualityField), notes);
  const usage = readUsage(value.usage, notes);
  const model = readText('model', value.model, notes);
  const latencyMs = readLatency(value.latency_ms, notes);
  const row: LogRow = {
    line: place.line,
    ...(place.file === undefined ? {} : { file: place.file }),
    id: id ?? placeText(place),
    ...(timestamp === undefined ? {} : { timestamp }),
    messages: prompt.messages,
    ...(answer.completion === undefined ? {} : { completion: answer.completion }),
    ...rowFlaw(metadata, answer.flaw),
    ...(actual === undefined ? {} : { actual }),
    ...(quality === undefined ? {} : { quality }),
    ...(usage ? { usage } : {}),
    ...(model === undefined ? {} : { model }),
    ...(latencyMs === undefined ? {} : { latencyMs }),
    ...(metadata ? { metadata } : {}),
  };
  return { row, ...noted(notes) };
}

function noted(notes: RowNotes): Noted {
  const details = notes.details();
  return { issues: notes.issues, ...(details ? { details } : {}) };
}

/** The value under a key, which may be a path such as `metadata.stars`. */
function valueAt(value: Json, key: string): unknown {
  if (key in value || !key.includes('.')) return value[key];
  return key.split('.').reduce<unknown>((at, part) => (isObject(at) ? at[part] : undefined), value);
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

function parseActual(value: Json, { timestampFormat }: RowOptions): ParsedRow {
  const { actual_for: key, by } = value;
  if ((typeof key !== 'string' && typeof key !== 'number') || key === '') {
    return { refused: 'wrong-shape', detail: `actual_for: must be the id of a row; found ${kindOf(key)}` };
  }
  if (isUnsafeInteger(key)) return { refused: 'unsafe-integer' };
  const notes = new RowNotes();
  const actual = readActual(value.actual, notes);
  const quality = readQuality('quality', value.quality, notes);
  if (actual === undefined && quality === undefined) {
    return { refused: 'wrong-shape', detail: 'the answer: must have actual or quality; found neither' };
  }
  const flaw = textFlaw([actual]);
  if (flaw) return { refused: flaw };
  const timestamp = readTime(value.timestamp, notes, timestampFormat);
  return {
    actual: {
      id: String(key),
      ...(actual === undefined ? {} : { actual }),
      ...(quality === undefined ? {} : { quality }),
      ...(typeof by === 'string' && by !== '' ? { by } : {}),
      ...(timestamp === undefined ? {} : { timestamp }),
    },
    ...noted(notes),
  };
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
