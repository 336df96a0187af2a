import { isUtf8 } from 'node:buffer';
import type { RowIssue } from '../core/dataset/issue.ts';
import type { ColumnNames } from '../core/run/source-choice.ts';
import { TuneloopError } from '../errors.ts';
import { Columns } from './columns.ts';
import { csvFields, type RawCsvRecord, splitCsv } from './csv-records.ts';
import type { RecordReader } from './file-source.ts';
import { LONGEST_LINE } from './json-line.ts';
import type { SourceItem } from './source.ts';

/** Reads CSV files whose first record names the columns. Empty fields mean nothing. */
export function csvReader(names: ColumnNames): RecordReader {
  return async function* (chunks, { file, skip }) {
    let table: { columns: Columns; count: number } | undefined;
    let records = 0;
    let open = false;
    for await (const raw of splitCsv(chunks, LONGEST_LINE)) {
      open = !raw.ended;
      if (table === undefined) {
        const header = headerOf(raw, file);
        table = { columns: new Columns(names, header, file), count: header.length };
        continue;
      }
      records += 1;
      if (records > skip) yield itemOfRecord(raw, table, file);
    }
    return { records, open };
  };
}

function headerOf(raw: RawCsvRecord, file: string): string[] {
  const read = fieldsOf(raw);
  if ('refused' in read) {
    throw new TuneloopError('SOURCE_COLUMNS', `${file}:1: the first line must hold the names of the columns`);
  }
  // Spreadsheets put a byte order mark in front.
  return read.fields.map((name, index) => (index === 0 ? name.replace(/^\ufeff/, '') : name));
}

function itemOfRecord(raw: RawCsvRecord, table: { columns: Columns; count: number }, file: string): SourceItem {
  const place = { file, line: raw.line };
  const read = fieldsOf(raw);
  if ('refused' in read) return { kind: 'refused', issue: read.refused, place };
  const { fields } = read;
  if (fields.length !== table.count) {
    const isBlank = fields.length === 1 && fields[0]?.trim() === '';
    return { kind: 'refused', issue: isBlank ? 'blank-line' : 'bad-csv', place };
  }
  return table.columns.item(fields, place);
}

function fieldsOf({ bytes, sound }: RawCsvRecord): { fields: string[] } | { refused: RowIssue } {
  if (!sound) return { refused: 'bad-csv' };
  if (bytes === null) return { refused: 'too-large' };
  if (!isUtf8(bytes)) return { refused: 'not-utf8' };
  return { fields: csvFields(bytes.toString('utf8').replace(/\r$/, '')) };
}
