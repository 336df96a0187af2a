import { LINE_FEED } from '@tuneloop/app/internal/shared/lines';
import { RecordBuilder } from '../../stores/lines.ts';
import type { RecordReader } from '../file-source.ts';
import { LONGEST_LINE, readJsonLine } from '../json-line.ts';
import { itemsOfRecord, type RecordOptions } from './record-items.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);
const OPENING_BRACKET = 0x5b;

/** Reads files that are one JSON list of records, or objects that take several lines each. */
export function jsonListReader(options: RecordOptions): RecordReader {
  return async function* (chunks, { file, skip }) {
    let records = 0;
    for await (const { bytes, line, ended } of splitValues(chunks)) {
      records += 1;
      if (records <= skip) continue;
      const place = { file, line };
      const read = bytes === null ? { refused: 'too-large' as const } : readJsonLine(bytes, false);
      if (!ended || 'refused' in read) {
        yield { kind: 'refused', issue: 'refused' in read ? read.refused : 'broken-json', place };
      } else yield* itemsOfRecord(read.value, place, read.issues, options);
    }
    return { records, open: false };
  };
}

/** The elements of a list, or the values that follow one another, each with the line that it begins on. */
async function* splitValues(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<{ line: number; bytes: Buffer | null; ended: boolean }> {
  const record = new RecordBuilder(LONGEST_LINE);
  let outside = 0;
  let depth = 0;
  let line = 1;
  let first = 1;
  let inText = false;
  let escaped = false;
  let isFirst = true;
  for await (const chunk of chunks) {
    let start = depth > outside ? 0 : -1;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? 0;
      if (byte === LINE_FEED) line += 1;
      if (inText) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) inText = false;
      } else if (byte === QUOTE) inText = depth > outside;
      else if (OPENING.has(byte)) {
        if (isFirst && byte === OPENING_BRACKET) outside = 1;
        isFirst = false;
        depth += 1;
        if (depth === outside + 1) {
          start = at;
          first = line;
        }
      } else if (CLOSING.has(byte)) {
        depth -= 1;
        if (depth !== outside || start === -1) continue;
        record.add(chunk.subarray(start, at + 1));
        yield { line: first, bytes: record.take(), ended: true };
        start = -1;
      }
    }
    if (start !== -1) record.add(chunk.subarray(start));
  }
  if (!record.isEmpty) yield { line: first, bytes: record.take(), ended: false };
}
