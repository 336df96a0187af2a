import { isUtf8 } from 'node:buffer';
import type { RowIssue } from '../../core/dataset/issue.ts';
import type { ColumnNames } from '../../core/run/source-choice.ts';
import { TuneloopError } from '../../errors.ts';
import { Columns } from '../columns.ts';
import type { RecordReader } from '../file-source.ts';
import { OWN_FORMAT, shapeRecord } from '../formats/index.ts';
import { LONGEST_LINE } from '../json-line.ts';
import type { Json } from '../rows/json-value.ts';
import { unpacked } from '../rows/packed-json.ts';
import type { SourceItem } from '../source.ts';
import { csvFields, type RawCsvRecord, splitCsv } from './csv-records.ts';
import { itemsOfRecord, type RecordOptions } from './record-items.ts';

const DELIMITERS = [',', ';', '\t', '|'];

interface Table {
  header: string[];
  delimiter: string;
  /** Null where the columns are those of another tool. */
  columns: Columns | null;
}

/**
 * Reads CSV files whose first record names the columns. Fields end at the delimiter that the header has most of, or that a line `sep=;` before
 * it names. Empty fields mean nothing.
 */
export function csvReader(names: ColumnNames, options: RecordOptions = {}): RecordReader {
  return async function* (chunks, { file, skip }) {
    const { delimiter, bytes, linesBefore } = await lookAtHead(chunks);
    let table: Table | undefined;
    let records = 0;
    let open = false;
    let lines = linesBefore;
    for await (const raw of splitCsv(bytes, LONGEST_LINE, delimiter)) {
      open = !raw.ended;
      if (lines > 0) {
        lines -= 1;
        continue;
      }
      if (table === undefined) {
        table = tableOf(headerOf(raw, delimiter, file), delimiter, file, { names, options });
        continue;
      }
      records += 1;
      if (records > skip) yield* itemsOf(raw, table, file, options);
    }
    return { records, open };
  };
}

interface Head {
  delimiter: string;
  bytes: AsyncIterable<Buffer>;
  /** Lines before the header. */
  linesBefore: number;
}

/** Finds the delimiter in the first line, which may be Excel's own line `sep=;`. */
async function lookAtHead(chunks: AsyncIterable<Buffer>): Promise<Head> {
  const iterator = chunks[Symbol.asyncIterator]();
  const first = await iterator.next();
  const text = first.done ? '' : first.value.toString('utf8').replace(/^\ufeff/, '');
  const named = /^"?sep=(.)"?\r?\n/.exec(text)?.[1];
  const header = /^(?:"[^"]*"|[^"\n])*/.exec(text)?.[0].replaceAll(/"[^"]*"/g, '') ?? '';
  const count = (delimiter: string) => header.split(delimiter).length - 1;
  const most = DELIMITERS.reduce((best, delimiter) => (count(delimiter) > count(best) ? delimiter : best));
  async function* bytes(): AsyncGenerator<Buffer> {
    try {
      for (let next = first; !next.done; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  return { delimiter: named ?? most, bytes: bytes(), linesBefore: named === undefined ? 0 : 1 };
}

function headerOf(raw: RawCsvRecord, delimiter: string, file: string): string[] {
  const read = fieldsOf(raw, delimiter);
  if ('refused' in read) {
    throw new TuneloopError('SOURCE_COLUMNS', `${file}:1: the first line must hold the names of the columns`);
  }
  // Spreadsheets put a byte order mark in front.
  return read.fields.map((name, index) => (index === 0 ? name.replace(/^\ufeff/, '') : name));
}

function tableOf(
  header: string[],
  delimiter: string,
  file: string,
  { names, options }: { names: ColumnNames; options: RecordOptions },
): Table {
  const blank = Object.fromEntries(header.map((name) => [name, '']));
  const format = options.format ?? (Object.keys(names).length > 0 ? OWN_FORMAT : formatOf(blank));
  return { header, delimiter, columns: format === OWN_FORMAT ? new Columns(names, header, file) : null };
}

/** Whether the columns are those of another tool shows without a value, except for the type of an observation. */
function formatOf(blank: Json): string {
  const { format } = shapeRecord('type' in blank && 'input' in blank ? { ...blank, type: 'GENERATION' } : blank);
  return format;
}

function* itemsOf(raw: RawCsvRecord, table: Table, file: string, options: RecordOptions): Generator<SourceItem> {
  const place = { file, line: raw.line };
  const read = fieldsOf(raw, table.delimiter);
  if ('refused' in read) {
    yield { kind: 'refused', issue: read.refused, place };
    return;
  }
  const { fields } = read;
  if (fields.length !== table.header.length) {
    const isBlank = fields.length === 1 && fields[0]?.trim() === '';
    yield { kind: 'refused', issue: isBlank ? 'blank-line' : 'bad-csv', place };
  } else if (table.columns) {
    yield table.columns.item(fields, place, undefined, options);
  } else {
    const cells = table.header.map((name, index): [string, unknown] => [name, unpacked(fields[index]) || undefined]);
    yield* itemsOfRecord(Object.fromEntries(cells.filter(([, cell]) => cell !== undefined)), place, [], options);
  }
}

function fieldsOf({ bytes, sound }: RawCsvRecord, delimiter: string): { fields: string[] } | { refused: RowIssue } {
  if (!sound) return { refused: 'bad-csv' };
  if (bytes === null) return { refused: 'too-large' };
  if (!isUtf8(bytes)) return { refused: 'not-utf8' };
  return { fields: csvFields(bytes.toString('utf8').replace(/\r$/, ''), delimiter) };
}
