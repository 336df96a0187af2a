import { LINE_FEED } from '@tuneloop/app/internal/shared/lines';
import { type RawRecord, RecordBuilder } from '../../stores/lines.ts';

/** `sound`: whether its quotes follow RFC 4180, so that its fields can be told apart. */
export type RawCsvRecord = RawRecord & { sound: boolean };

const QUOTE = 0x22;
const CARRIAGE_RETURN = 0x0d;

/** The place of the next byte in a record. */
type State =
  | 'field start'
  | 'bare field'
  | 'quoted field'
  /** After a quote inside a quoted field: its end, or the first of two that stand for one. */
  | 'after quote'
  | 'after carriage return'
  /** A quote at a forbidden place: nothing is certain before the next line. */
  | 'unsound';

/**
 * The records of a CSV file (RFC 4180, but for the delimiter: quotes doubled inside quotes, LF or CR LF). After a record whose quotes are wrong, reading
 * continues with the next line; csv-parse, made to skip such records, loses good ones behind them.
 *
 * @param longest - the most bytes of a record; no more than that and one chunk are held
 * @param delimiter - one character of ASCII
 */
export async function* splitCsv(
  chunks: AsyncIterable<Buffer>,
  longest: number,
  delimiter = ',',
): AsyncGenerator<RawCsvRecord> {
  const record = new RecordBuilder(longest);
  const comma = delimiter.charCodeAt(0);
  let state: State = 'field start';
  let first = 1;
  let line = 1;
  for await (const chunk of chunks) {
    let start = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? 0;
      if (byte === LINE_FEED) line += 1;
      if (byte !== LINE_FEED || state === 'quoted field') {
        state = next(state, byte, comma);
        continue;
      }
      record.add(chunk.subarray(start, at));
      yield { line: first, bytes: record.take(), ended: true, sound: state !== 'unsound' };
      start = at + 1;
      first = line;
      state = 'field start';
    }
    record.add(chunk.subarray(start));
  }
  if (record.isEmpty) return;
  const sound = state !== 'unsound' && state !== 'quoted field';
  yield { line: first, bytes: record.take(), ended: false, sound };
}

function next(state: State, byte: number, comma: number): State {
  switch (state) {
    case 'field start':
      return byte === QUOTE ? 'quoted field' : byte === comma ? 'field start' : 'bare field';
    case 'bare field':
      return byte === comma ? 'field start' : byte === QUOTE ? 'unsound' : 'bare field';
    case 'quoted field':
      return byte === QUOTE ? 'after quote' : 'quoted field';
    case 'after quote':
      if (byte === QUOTE) return 'quoted field';
      if (byte === comma) return 'field start';
      return byte === CARRIAGE_RETURN ? 'after carriage return' : 'unsound';
    default:
      return 'unsound';
  }
}

/** The fields of a sound record. */
export function csvFields(record: string, delimiter = ','): string[] {
  if (!record.includes('"')) return record.split(delimiter);
  const fields: string[] = [];
  for (let at = 0; at <= record.length; at += 1) {
    if (record[at] === '"') {
      const end = closingQuote(record, at + 1);
      fields.push(record.slice(at + 1, end).replaceAll('""', '"'));
      at = end + 1;
    } else {
      const comma = record.indexOf(delimiter, at);
      const end = comma === -1 ? record.length : comma;
      fields.push(record.slice(at, end));
      at = end;
    }
  }
  return fields;
}

function closingQuote(record: string, from: number): number {
  let at = record.indexOf('"', from);
  while (at !== -1 && record[at + 1] === '"') at = record.indexOf('"', at + 2);
  return at === -1 ? record.length : at;
}
