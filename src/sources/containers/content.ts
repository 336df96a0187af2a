import { TuneloopError } from '../../errors.ts';
import type { RecordReader } from '../file-source.ts';
import { jsonListReader } from './json-list.ts';
import { jsonlReader } from './jsonl.ts';
import { parquetReader } from './parquet.ts';
import type { RecordOptions } from './record-items.ts';

/** Files of other kinds by their first bytes, and how to make a log of them. */
const OTHERS: readonly [string, string][] = [
  ['PK\x03\x04', 'a zip archive or an Excel workbook: unpack it, or save the sheet as CSV'],
  ['SQLite format 3', 'an SQLite database: write its rows as CSV or JSONL'],
  ['\xd0\xcf\x11\xe0', 'an old Excel workbook: save the sheet as CSV'],
  ['BZh', 'packed with bzip2: unpack it, or pack it with gzip or zstd'],
  ['\xfd7zXZ', 'packed with xz: unpack it, or pack it with gzip or zstd'],
  ['7z\xbc\xaf', 'a 7-Zip archive: unpack it'],
  ['ARROW1', 'an Arrow file: write it as Parquet or JSONL'],
  ['Obj\x01', 'an Avro file: write it as Parquet or JSONL'],
  ['ORC', 'an ORC file: write it as Parquet or JSONL'],
  ['%PDF', 'a PDF document: export the log as JSONL or CSV'],
  ['<!doctype', 'a page in HTML: was an error page saved in place of the log?'],
  ['<html', 'a page in HTML: was an error page saved in place of the log?'],
  ['<?xml', 'XML: write its rows as JSONL or CSV'],
];

/**
 * Reads files by their content: Parquet, a JSON list, or what `text` reads. UTF-16 is decoded.
 *
 * @param text for files of text that are no JSON list
 */
export function contentReader(options: RecordOptions, text: (options: RecordOptions) => RecordReader): RecordReader {
  return async function* (chunks, place) {
    const iterator = chunks[Symbol.asyncIterator]();
    const first = await iterator.next();
    const head = first.done ? Buffer.alloc(0) : first.value;
    const encoding = encodingOf(head);
    const bytes = encoding === undefined ? again(first, iterator) : decoded(again(first, iterator), encoding);
    const start = encoding === undefined ? head.subarray(0, 64) : Buffer.from(head.subarray(0, 64).toString('utf16le'));
    const beginning = start.toString('latin1');
    const other = OTHERS.find(([mark]) => beginning.startsWith(mark) || beginning.toLowerCase().startsWith(mark));
    if (other) throw new TuneloopError('SOURCE_UNREADABLE', `${place.file} is ${other[1]}`);
    if (beginning.startsWith('PAR1')) return yield* parquetReader(options)(bytes, place);
    if (isJsonList(head, encoding)) return yield* jsonListReader(options)(bytes, place);
    return yield* text(options)(bytes, place);
  };
}

/** For files whose records are JSON. */
export function jsonContentReader(options: RecordOptions): RecordReader {
  return contentReader(options, jsonlReader);
}

function encodingOf(head: Buffer): 'utf-16le' | 'utf-16be' | undefined {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  return head[0] === 0xfe && head[1] === 0xff ? 'utf-16be' : undefined;
}

/** A list, or an object whose first line holds nothing but its brace; one object a line is no list. */
function isJsonList(head: Buffer, encoding: string | undefined): boolean {
  const text = encoding === 'utf-16le' ? head.toString('utf16le') : head.toString('utf8', 0, 4096);
  return /^\ufeff?\s*(?:\[|\{[ \t]*\r?\n)/.test(text);
}

async function* again(first: IteratorResult<Buffer>, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    for (let next = first; !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

async function* decoded(chunks: AsyncIterable<Buffer>, encoding: string): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder(encoding);
  for await (const chunk of chunks) yield Buffer.from(decoder.decode(chunk, { stream: true }));
  yield Buffer.from(decoder.decode());
}
