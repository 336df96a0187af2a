import { readLines, splitLines } from '../stores/lines.ts';
import type { RecordReader } from './file-source.ts';
import { LONGEST_LINE, readJsonLine } from './json-line.ts';
import type { Place, SourceItem } from './source.ts';
import { itemOf } from './source-item.ts';

/**
 * Reads files of one JSON value a line. A last line that is neither ended nor JSON is still being written: it is left for the next reading,
 * without an issue.
 *
 * @param shape - turns a line into the shape of a log's lines; undefined passes it over
 */
export function jsonlReader(shape: (value: unknown) => unknown = (value) => value): RecordReader {
  return async function* (chunks, { file, skip }) {
    let records = 0;
    for await (const { line, bytes, ended } of splitLines(chunks, LONGEST_LINE)) {
      if (line > skip) {
        const item = itemOfLine(bytes, { file, line }, shape);
        if (!ended && isUnfinished(item)) break;
        if (item) yield item;
      }
      records = line;
    }
    // An object has an end of its own, so later text on its line does not change it.
    return { records, open: false };
  };
}

/** Cut off in the middle of its JSON, or of a character. */
function isUnfinished(item: SourceItem | undefined): boolean {
  return item?.kind === 'refused' && (item.issue === 'broken-json' || item.issue === 'not-utf8');
}

function itemOfLine(bytes: Buffer | null, place: Place, shape: (value: unknown) => unknown): SourceItem | undefined {
  const read = bytes === null ? { refused: 'too-large' as const } : readJsonLine(bytes, place.line === 1);
  if ('refused' in read) return { kind: 'refused', issue: read.refused, place };
  const value = shape(read.value);
  return value === undefined ? undefined : itemOf(value, place, read.issues);
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
