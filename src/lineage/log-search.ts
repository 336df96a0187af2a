import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'csv-parse';
import { parse as parseAtOnce } from 'csv-parse/sync';
import { z } from 'zod';
import type { SourceChoice } from '../core/run/source-choice.ts';
import { SHEET_COLUMNS, sheetLine } from '../data/labels/sheet.ts';
import { readJsonl } from '../sources/containers/jsonl.ts';
import { FileBytes, findFiles, nameOf } from '../sources/files.ts';
import { LONGEST_LINE } from '../sources/json-line.ts';
import { parseJudgingRow } from '../sources/log-row.ts';
import { openSource, whereToErase } from '../sources/open-source.ts';
import { splitLines } from '../stores/lines.ts';
import type { FoundRows } from './found-rows.ts';
import { known } from './home-files.ts';
import { objectOf } from './row-lines.ts';

interface LogSearch {
  found: FoundRows;
  onFile: (file: string) => void;
}

/** Looks through the logs, later answers and test files of pipelines, and through sheets that lie beside them. */
export async function searchLogs(found: FoundRows, onFile: (file: string) => void): Promise<void> {
  const { definitions } = found.index;
  const search: LogSearch = { found, onFile };
  const sources = unique(definitions.map(({ source }) => source));
  for (const source of sources) await searchSource(source, search);
  for (const pattern of unique(sources.flatMap(({ actuals }) => actuals ?? []))) await searchAnswers(pattern, search);
  for (const file of unique(
    definitions.flatMap(({ split: { test } }) => (typeof test === 'number' ? [] : test.file)),
  )) {
    await searchTestFile(file, search);
  }
  const paths = sources.flatMap((source) => [...('path' in source ? [source.path] : []), source.actuals ?? []]).flat();
  const folders = new Set([process.cwd(), ...paths.map((file) => path.dirname(file))]);
  for (const folder of folders) await searchSheets(folder, search);
}

async function searchSource(source: SourceChoice, { found, onFile }: LogSearch): Promise<void> {
  const { filter: _, actuals: __, ...rows } = source;
  const { path: pattern } = source;
  if (pattern === undefined) {
    const note = whereToErase(source);
    if (note !== null) found.index.note(note);
    return;
  }
  const searched = await known(async () => {
    const files = await findFiles(pattern);
    for (const file of files) onFile(file);
    const names = new Map(files.map((file) => [nameOf(file, pattern), file]));
    const reading = await openSource(rows, { provider: noProvider }).read(null, new AbortController().signal);
    for await (const item of reading.items) {
      if (item.kind !== 'row' || !found.ids.has(item.row.id)) continue;
      const { file = '', line } = item.row;
      found.places.add('log', names.get(file) ?? file, [], line);
      found.recognize(item.row);
      for (const { name, source: other } of found.index.definitions) {
        if (JSON.stringify(other) === JSON.stringify(source)) found.pipelines.add(name);
      }
    }
  });
  if (!searched.known) found.index.note(`the log was not searched to its end: ${searched.why}`);
}

function noProvider(): never {
  throw new Error('a file needs no provider');
}

/** Later answers carry no place when they are read as a source, so their lines are looked at one by one. */
async function searchAnswers(pattern: string, { found, onFile }: LogSearch): Promise<void> {
  const searched = await known(async () => {
    for (const file of await findFiles(pattern)) {
      onFile(file);
      const { size } = await stat(file);
      const bytes = new FileBytes(file, { name: file, size, signal: new AbortController().signal });
      for await (const { line, bytes: text } of splitLines(bytes.chunks(), LONGEST_LINE)) {
        const value = text && objectOf(line === 1 ? withoutMark(text) : text);
        const id = value && (value.actual_for ?? value.id);
        const isId = typeof id === 'string' || typeof id === 'number';
        if (isId && found.ids.has(String(id))) found.places.add('later-answers', file, [], line);
      }
    }
  });
  if (!searched.known) found.index.note(`later answers were not searched to their end: ${searched.why}`);
}

function withoutMark(text: Buffer): Buffer {
  return text.subarray(0, 3).equals(Buffer.from('\ufeff')) ? text.subarray(3) : text;
}

async function searchTestFile(file: string, { found, onFile }: LogSearch): Promise<void> {
  onFile(file);
  const searched = await known(async () => {
    for await (const row of readJsonl([file], parseJudgingRow)) {
      if (!found.ids.has(row.id)) continue;
      found.places.add('test-file', file, [], row.line);
      found.recognize(row);
    }
  });
  if (!searched.known) found.index.note(`the test file ${file} was not searched to its end: ${searched.why}`);
}

/** The sheets of `tuneloop label --export` in a folder; they are known by their columns. */
async function searchSheets(folder: string, { found, onFile }: LogSearch): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  const cells = new Set([...found.ids].map(cellOf));
  for (const name of names.filter((each) => each.toLowerCase().endsWith('.csv')).sort()) {
    const file = path.join(folder, name);
    if (!(await isSheet(file))) continue;
    onFile(file);
    const searched = await known(async () => {
      let id = -1;
      for await (const { record, line, span } of sheetRecords(file)) {
        if (id === -1) id = record.findIndex((cell) => cell.trim() === 'id');
        else if (cells.has(record[id] ?? '')) found.places.add('sheet', file, [], line, span);
      }
    });
    // The parser's message would quote the cell, which is production data.
    if (!searched.known)
      found.index.note(`the sheet ${file} was not searched to its end: it is no CSV, or cannot be read`);
  }
}

/** An id as a sheet has it: text that a spreadsheet would take for a formula is changed there. */
function cellOf(id: string): string {
  const line = sheetLine({ id, reason: '', input: '', completion: '', suggestion: '', actual: '', note: '' });
  const [record]: string[][] = parseAtOnce(line);
  return record?.[0] ?? id;
}

const HEAD_BYTES = 400;

async function isSheet(file: string): Promise<boolean> {
  let head = '';
  try {
    for await (const chunk of createReadStream(file, { end: HEAD_BYTES, encoding: 'utf8' })) head += chunk;
  } catch {
    return false;
  }
  const [first = ''] = head.split(/\r|\n/, 1);
  const columns = new Set(
    first
      .replace(/^\ufeff/, '')
      .split(/[,;\t]/)
      .map((cell) => cell.replaceAll('"', '').trim()),
  );
  return SHEET_COLUMNS.every((column) => columns.has(column));
}

const sheetRecord = z.object({ record: z.array(z.string()), info: z.object({ lines: z.number() }) });

async function* sheetRecords(file: string): AsyncGenerator<{ record: string[]; line: number; span: number }> {
  const parser = parse({
    bom: true,
    delimiter: [',', ';', '\t'],
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    info: true,
  });
  createReadStream(file)
    .on('error', (error) => parser.destroy(error))
    .pipe(parser);
  let line = 1;
  for await (const each of parser) {
    const { record, info } = sheetRecord.parse(each);
    yield { record, line, span: info.lines + 1 - line };
    line = info.lines + 1;
  }
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}
