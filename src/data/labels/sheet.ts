import { CsvError, parse } from 'csv-parse/sync';
import { TuneloopError } from '../../errors.ts';

/**
 * The CSV file that people fill in (RFC 4180, UTF-8 with a byte order mark, so that spreadsheets open it correctly). Only `id` and `actual`
 * are read back.
 */
export const SHEET_COLUMNS = ['id', 'reason', 'input', 'completion', 'suggestion', 'actual', 'note'] as const;

export type SheetRow = Record<(typeof SHEET_COLUMNS)[number], string>;

/** A filled-in line. */
export interface Correction {
  /** Line of the sheet, from 1. */
  line: number;
  id: string;
  actual: string;
}

const BYTE_ORDER_MARK = '\ufeff';

/** The first line of a sheet. */
export const SHEET_HEAD = `${BYTE_ORDER_MARK}${SHEET_COLUMNS.join(',')}\r\n`;

export function sheetLine(row: SheetRow): string {
  return `${SHEET_COLUMNS.map((column) => quoted(inert(row[column]))).join(',')}\r\n`;
}

/**
 * The cells that were filled in, as a spreadsheet has saved them: with commas, semicolons or tabs, with or without a byte order mark,
 * columns in any order.
 *
 * @param name of the sheet, for messages.
 * @throws TuneloopError USAGE naming the line, for a line that cannot be read.
 */
export function readSheet(bytes: Uint8Array, name: string): Correction[] {
  const text = decode(bytes, name);
  const [head, ...records] = parseRecords(text, name);
  const columnOf = (column: string) => head?.cells.findIndex((cell) => cell.trim() === column) ?? -1;
  const [id, actual] = [columnOf('id'), columnOf('actual')];
  if (id === -1 || actual === -1) {
    throw new TuneloopError('USAGE', `${name}:1: the first line must name the columns, with id and actual among them`);
  }
  return records.flatMap(({ line, cells }) => {
    const answer = plain(cells[actual] ?? '');
    return answer.trim() === '' ? [] : [{ line, id: plain(cells[id] ?? ''), actual: answer }];
  });
}

function decode(bytes: Uint8Array, name: string): string {
  try {
    // It takes the byte order mark away.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new TuneloopError('USAGE', `${name} is not UTF-8: save it as "CSV UTF-8" in the spreadsheet`);
  }
}

function parseRecords(text: string, name: string): { line: number; cells: string[] }[] {
  const records: { line: number; cells: string[] }[] = [];
  let line = 1;
  try {
    parse(text, {
      delimiter: delimiterOf(text),
      record_delimiter: ['\r\n', '\n', '\r'],
      // Spreadsheets leave out empty cells at the end, and write lines of delimiters only.
      relax_column_count: true,
      on_record: (cells: string[], { lines }) => {
        records.push({ line, cells });
        line = lines + 1;
        return null;
      },
    });
    return records;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // Its message quotes the cell, which is production data.
    const place = typeof error.lines === 'number' ? `${name}:${error.lines}` : name;
    throw new TuneloopError('USAGE', `${place}: is not CSV (${error.code}): save it as "CSV UTF-8" in the spreadsheet`);
  }
}

/** The names of the columns hold none of these characters, so the first line shows which one separates. */
function delimiterOf(text: string): string {
  const [head = ''] = text.split(/\r|\n/, 1);
  return [',', ';', '\t'].find((delimiter) => head.includes(delimiter)) ?? ',';
}

function quoted(cell: string): string {
  return `"${cell.replaceAll('"', '""')}"`;
}

/*
 * A spreadsheet takes a cell that begins like this for a formula, which can start programs and send data away. An apostrophe in front makes
 * it text. Where a list separator other than ours is in force, cells begin within ours: after a semicolon, a tab, or a line break. A cell
 * with an apostrophe of its own in front gets another one, so that each can be removed again.
 */
const FORMULA = '[=+\\-@＝＋－＠]';
const AT_START = new RegExp(`^(?='*(${FORMULA}|[\\t\\r\\n]))`, 'u');
const INSIDE = new RegExp(`(?<=[;\\t\\r\\n])(?=["']*${FORMULA})`, 'gu');
const ADDED_AT_START = new RegExp(`^'(?='*(${FORMULA}|[\\t\\r\\n]))`, 'u');
const ADDED_INSIDE = new RegExp(`(?<=[;\\t\\r\\n])'(?=["']*${FORMULA})`, 'gu');

function inert(text: string): string {
  return text.replace(INSIDE, "'").replace(AT_START, "'");
}

/** The text that {@link inert} was given. */
function plain(cell: string): string {
  return cell.replace(ADDED_AT_START, '').replace(ADDED_INSIDE, '');
}
