import { readLines, splitLines } from '../../stores/lines.ts';
import type { RecordReader } from '../file-source.ts';
import { LONGEST_LINE, readJsonLine } from '../json-line.ts';
import type { SourceItem } from '../source.ts';
import { itemsOfRecord, type RecordOptions } from './record-items.ts';

/**
 * Reads files of one JSON value a line. A last line that is neither ended nor JSON is still being written: it is left for the next reading,
 * without an issue.
 */
export function jsonlReader(options: RecordOptions = {}): RecordReader {
  return async function* (chunks, { file, skip }) {
    let records = 0;
    for await (const { line, bytes, ended } of splitLines(chunks, LONGEST_LINE)) {
      if (line > skip) {
        const read = bytes === null ? { refused: 'too-large' as const } : readJsonLine(bytes, line === 1);
        if (!ended && isUnfinished(read)) break;
        const place = { file, line };
        if ('refused' in read) yield { kind: 'refused', issue: read.refused, place } satisfies SourceItem;
        else yield* itemsOfRecord(read.value, place, read.issues, options);
      }
      records = line;
    }
    // An object has an end of its own, so later text on its line does not change it.
    return { records, open: false };
  };
}

/** Cut off in the middle of its JSON, or of a character. */
function isUnfinished(read: ReturnType<typeof readJsonLine>): boolean {
  return 'refused' in read && (read.refused === 'broken-json' || read.refused === 'not-utf8');
}
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * The parsed rows of JSONL files that a person wrote, where the first bad row is an error; blank lines, a byte order mark
 * and CR before LF are passed over.
 */
export async function* readJsonl<T>(
  files: readonly string[],
  parse: (text: Buffer, place: { file: string; line: number }) => T,
): AsyncIterable<T> {
  for (const file of files) {
    let line = 0;
    for await (const bytes of readLines(file)) {
      line += 1;
      const text = line === 1 && bytes.subarray(0, 3).equals(BYTE_ORDER_MARK) ? bytes.subarray(3) : bytes;
      if (!isBlank(text)) yield parse(text, { file, line });
    }
  }
}

function isBlank(text: Buffer): boolean {
  return text.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
