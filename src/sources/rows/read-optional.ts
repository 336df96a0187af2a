import type { TokenUsage } from '@tuneloop/app/internal/prompt/chat-message';
import { readTimestamp, TimestampFormat } from '../timestamp.ts';
import { isNothing, isObject, type Json, kindOf } from './json-value.ts';
import { unpacked } from './packed-json.ts';
import type { RowNotes } from './row-notes.ts';

/*
 * Keys that a row may do without. One in another form is converted, or passed over with an issue: it never costs the row.
 */

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

export function ignored(key: string, value: unknown, notes: RowNotes): undefined {
  notes.add('ignored-key', `${key}: found ${kindOf(value)}`);
}

/** A number, or a text that holds one. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  return typeof value === 'string' && NUMBER.test(value.trim()) ? Number(value) : undefined;
}

export function readId(value: unknown, notes: RowNotes): string | undefined {
  if (isNothing(value)) return undefined;
  if (typeof value === 'string') return value;
  if (typeof value !== 'number') return ignored('id', value, notes);
  if (isUnsafeInteger(value)) {
    notes.add('unsafe-integer', 'id');
    return undefined;
  }
  return String(value);
}

export function readText(key: string, value: unknown, notes: RowNotes): string | undefined {
  if (isNothing(value)) return undefined;
  return typeof value === 'string' ? value : ignored(key, value, notes);
}

const formats = new Map<string, TimestampFormat>();

function formatOf(text: string): TimestampFormat {
  const known = formats.get(text) ?? new TimestampFormat(text);
  formats.set(text, known);
  return known;
}

/** ISO 8601. @param format the one that the pipeline names, if any */
export function readTime(value: unknown, notes: RowNotes, format: string | undefined): string | undefined {
  if (isNothing(value)) return undefined;
  const own = format === undefined ? undefined : formatOf(format);
  const time = own && typeof value === 'string' ? own.read(value) : readTimestamp(value);
  if (time === undefined) {
    notes.add('unread-time', `timestamp: found ${kindOf(value)}`);
    return undefined;
  }
  if (typeof value === 'number') notes.add('converted-key', 'timestamp: found a number, read as a time since 1970');
  return time;
}

export function readLatency(value: unknown, notes: RowNotes): number | undefined {
  if (isNothing(value)) return undefined;
  const number = numberOf(value);
  if (number === undefined || number < 0) return ignored('latency_ms', value, notes);
  if (isUnsafeInteger(number)) {
    notes.add('unsafe-integer', 'latency_ms');
    return undefined;
  }
  if (typeof value === 'string') notes.add('converted-key', 'latency_ms: found a text, read as a number');
  return number;
}

/** A rating on any scale: whether it is the right one shows where the pipeline's scale is known. */
export function readQuality(key: string, value: unknown, notes: RowNotes): number | undefined {
  if (isNothing(value)) return undefined;
  if (typeof value === 'boolean') {
    notes.add('converted-key', `${key}: found true or false, read as 1 or 0`);
    return value ? 1 : 0;
  }
  const number = numberOf(value);
  if (number === undefined) return ignored(key, value, notes);
  if (typeof value === 'string') notes.add('converted-key', `${key}: found a text, read as a number`);
  return number;
}

/** Texts, numbers and truth values; nested values have no use and are passed over. */
export function readMetadata(value: unknown, notes: RowNotes): Record<string, string> | undefined {
  if (isNothing(value)) return undefined;
  const fields = unpacked(value);
  if (!isObject(fields)) return ignored('metadata', value, notes);
  const entries: [string, string][] = [];
  for (const [key, each] of Object.entries(fields)) {
    if (isUnsafeInteger(each)) notes.add('unsafe-integer', `metadata.${key}`);
    else if (['string', 'number', 'boolean'].includes(typeof each)) entries.push([key, String(each)]);
  }
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}

const PROMPT_NAMES = [
  'prompt_tokens',
  'input_tokens',
  'promptTokens',
  'inputTokens',
  'input',
  'promptTokenCount',
  'prompt_token_count',
  'inputTokenCount',
];
const COMPLETION_NAMES = [
  'completion_tokens',
  'output_tokens',
  'completionTokens',
  'outputTokens',
  'output',
  'candidatesTokenCount',
  'candidates_token_count',
  'outputTokenCount',
];
/** Anthropic counts these beside its input tokens, OpenAI among them. */
const BESIDE_INPUT = ['cache_read_input_tokens', 'cache_creation_input_tokens'];

export function readUsage(value: unknown, notes: RowNotes): TokenUsage | undefined {
  if (isNothing(value)) return undefined;
  const usage = unpacked(value);
  if (!isObject(usage)) return ignored('usage', value, notes);
  const prompt = PROMPT_NAMES.find((name) => !isNothing(usage[name]));
  const completion = COMPLETION_NAMES.find((name) => !isNothing(usage[name]));
  if (prompt === undefined && completion === undefined && Object.values(usage).every(isNothing)) return undefined;
  const promptTokens = prompt === undefined ? undefined : countOf(usage, prompt);
  const completionTokens = completion === undefined ? undefined : countOf(usage, completion);
  if (promptTokens === undefined || completionTokens === undefined) return ignored('usage', value, notes);
  if (isUnsafeInteger(promptTokens) || isUnsafeInteger(completionTokens)) {
    notes.add('unsafe-integer', 'usage');
    return undefined;
  }
  if (prompt !== 'prompt_tokens' || completion !== 'completion_tokens') {
    notes.add('converted-key', `usage: found ${prompt} and ${completion}, read as prompt_tokens and completion_tokens`);
  }
  const beside =
    prompt === 'input_tokens' ? BESIDE_INPUT.reduce((sum, name) => sum + (countOf(usage, name) ?? 0), 0) : 0;
  const cached = cachedIn(usage);
  const all = promptTokens + beside;
  return {
    promptTokens: all,
    completionTokens,
    ...(cached !== undefined && cached > 0 && cached <= all && { cachedTokens: cached }),
  };
}

/** The cached part of the prompt, as OpenAI, Anthropic and Gemini name it. */
function cachedIn(usage: Json): number | undefined {
  for (const name of ['prompt_tokens_details', 'input_tokens_details', 'promptTokensDetails', 'inputTokenDetails']) {
    const details = usage[name];
    if (isObject(details)) return countOf(details, 'cached_tokens') ?? countOf(details, 'cachedTokens');
  }
  const names = ['cache_read_input_tokens', 'cachedContentTokenCount', 'cached_content_token_count', 'cached_tokens'];
  const name = names.find((each) => !isNothing(usage[each]));
  return name === undefined ? undefined : countOf(usage, name);
}

function countOf(usage: Json, name: string): number | undefined {
  const count = numberOf(usage[name]);
  return count !== undefined && count >= 0 && count % 1 === 0 ? count : undefined;
}

/** Digits beyond 2^53 were lost when the line was parsed, so that two ids may have become one. */
export function isUnsafeInteger(value: unknown): boolean {
  return Number.isInteger(value) && !Number.isSafeInteger(value);
}
