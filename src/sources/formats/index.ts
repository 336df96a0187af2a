import { isObject, type Json } from '../rows/json-value.ts';
import type { LogFormat } from './format.ts';
import { gemini } from './gemini.ts';
import { helicone } from './helicone.ts';
import { langfuse } from './langfuse.ts';
import { langsmith } from './langsmith.ts';
import { openaiResponses } from './openai-responses.ts';
import { openpipe } from './openpipe.ts';
import { otelGenai } from './otel-genai.ts';
import { requestResponse } from './request-response.ts';

/** The formats of other tools, in the order in which they are tried. One that is listed here can be named in `source.format`. */
const FORMATS: readonly LogFormat[] = [
  langfuse,
  otelGenai,
  helicone,
  langsmith,
  openpipe,
  openaiResponses,
  gemini,
  requestResponse,
];

/** What `source.format` calls rows in our own form. */
export const OWN_FORMAT = 'log-rows';
export const FORMAT_NAMES: readonly [string, ...string[]] = [OWN_FORMAT, ...FORMATS.map(({ name }) => name)];

/** A record in the shape of log rows, with the format that it was read by. */
interface Shaped {
  format: string;
  rows: unknown[];
}

/** Keys under which exports wrap their records. */
const WRAPPERS = ['data', 'runs', 'rows', 'items', 'observations', 'records', 'logs'];

/** Reads records by the format that is named, or by the first that fits. @param named see {@link FORMAT_NAMES} */
export function shapeRecord(record: unknown, named?: string): Shaped {
  if (!isObject(record)) return { format: OWN_FORMAT, rows: [record] };
  if (named === undefined) {
    if ('actual_for' in record || (('messages' in record || 'prompt' in record) && !isForeign(record))) {
      return { format: OWN_FORMAT, rows: [record] };
    }
    const found = FORMATS.find((format) => format.fits(record));
    if (found) return { format: found.name, rows: found.rows(record) };
  } else {
    const format = FORMATS.find(({ name }) => name === named);
    if (format && !WRAPPERS.some((key) => isWrapped(record, key)))
      return { format: format.name, rows: format.rows(record) };
  }
  const wrapper = WRAPPERS.find((key) => isWrapped(record, key));
  if (wrapper === undefined) return { format: OWN_FORMAT, rows: [record] };
  const inner = (record[wrapper] as unknown[]).map((each) => shapeRecord(each, named));
  return { format: inner[0]?.format ?? OWN_FORMAT, rows: inner.flatMap(({ rows }) => rows) };
}

function isForeign(record: Json): boolean {
  return 'request_body' in record || 'resourceSpans' in record;
}

function isWrapped(record: Json, key: string): boolean {
  const list = record[key];
  return (
    Array.isArray(list) &&
    list.length > 0 &&
    list.every(isObject) &&
    !('input' in record || 'messages' in record || 'prompt' in record)
  );
}
