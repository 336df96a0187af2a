import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Cursor } from '../../src/core/run/snapshot.ts';
import type { ColumnNames } from '../../src/core/run/source-choice.ts';
import { type Call, conformsToSource, openFilesIn, readAll } from '../conformance/sources.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';

const folder = temporaryFolder();
const dependencies = {
  provider: () => {
    throw new Error('files need no provider');
  },
};
const HEADER = 'call,timestamp,prompt,completion,model,metadata\n';
const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
const record = ({ id, timestamp, prompt, completion, model, metadata }: Call) =>
  `${id},${timestamp},${quoted(prompt)},${completion},${model},${quoted(JSON.stringify(metadata))}\n`;

conformsToSource({ bad: 'bad-csv', incremental: true }, async () => {
  const log = path.join(mkdtempSync(path.join(folder, 'log-')), 'log.csv');
  writeFileSync(log, HEADER);
  return {
    choice: (common) => ({ type: 'csv', path: log, columns: { id: 'call' }, ...common }),
    dependencies,
    secrets: [],
    add: async (calls) => appendFileSync(log, calls.map(record).join('')),
    addBad: async () => appendFileSync(log, 'call-x,"Mrs Secret" oops,\n'),
    spoil: async () => rmSync(log),
    handles: async () => openFilesIn(path.dirname(log)),
  };
});

function write(content: string | Buffer): string {
  const file = path.join(mkdtempSync(path.join(folder, 'file-')), 'log.csv');
  writeFileSync(file, content);
  return file;
}

const read = (file: string, since: Cursor | null = null, columns: ColumnNames = {}) =>
  readAll({ type: 'csv', path: file, columns }, dependencies, since);

describe('columns', () => {
  test('columns become keys of a log row; empty fields mean nothing', async () => {
    const file = write(
      'id,timestamp,messages,completion,actual,quality,model,prompt_tokens,completion_tokens,latency_ms,metadata,other\n' +
        `7,2026-08-01 12:00:00,"[{""role"":""user"",""content"":""hi""}]",a,b,0.5,m,12,3,99.5,"{""plan"":""pro""}",x\n` +
        `,,"[{""role"":""user"",""content"":""hi""}]",a,,,,12,,,,\n`,
    );
    const { rows } = await read(file);
    const messages = [{ role: 'user', content: 'hi' }];
    expect(rows).toStrictEqual([
      {
        line: 2,
        file: 'log.csv',
        id: '7',
        timestamp: '2026-08-01T12:00:00Z',
        messages,
        completion: 'a',
        actual: 'b',
        quality: 0.5,
        model: 'm',
        usage: { promptTokens: 12, completionTokens: 3 },
        latencyMs: 99.5,
        metadata: { plan: 'pro' },
      },
      { line: 3, file: 'log.csv', id: 'log.csv:3', messages, completion: 'a' },
    ]);
  });

  test('columns may have other names', async () => {
    const { rows } = await read(write('\ufeffQuestion,Answer\r\nhi,there\r\n'), null, {
      prompt: 'Question',
      completion: 'Answer',
    });
    expect(rows).toMatchObject([{ messages: [{ content: 'hi' }], completion: 'there' }]);
  });

  test.each<[string, ColumnNames, RegExp]>([
    [
      'prompt,completion\n',
      { completion: 'answer' },
      /^log\.csv has no column answer: there are "prompt", "completion"$/,
    ],
    ['question,completion\n', {}, /neither a column messages nor prompt.*"question", "completion"/],
    ['"question\n', {}, /^log\.csv:1: the first line must hold the names/],
  ])('missing columns are named, with the existing ones: %j', async (header, columns, message) => {
    await expect(read(write(`${header}a,b\n`), null, columns)).rejects.toMatchObject({
      code: 'SOURCE_COLUMNS',
      message: expect.stringMatching(message),
    });
  });
});

test('each kind of bad record has its issue and its line', async () => {
  const { items } = await read(
    write(
      Buffer.concat([
        Buffer.from('prompt,completion,metadata,quality\n'), // 1
        Buffer.from('good,"two\nlines",,\n'), // 2 and 3
        Buffer.from('one field too few\n'), // 4
        Buffer.from('"a" b,,,\n'), // 5
        Buffer.from('a "b",,,\n'), // 6
        Buffer.from('\n'), // 7
        Buffer.from([0xff, ...Buffer.from(',b,,\n')]), // 8
        Buffer.from(`${'x'.repeat(10_000_001)},b,,\n`), // 9
        Buffer.from('a,b,{oops,\n'), // 10
        Buffer.from('a,b,,high\n'), // 11
        Buffer.from('good,b,,\n'), // 12
        Buffer.from('a,"never closed,,\n'), // 13
      ]),
    ),
  );
  expect(
    items.map((item) =>
      item.kind === 'refused' ? `${item.place.line} ${item.issue}` : item.kind === 'row' ? `${item.row.line} row` : '',
    ),
  ).toEqual([
    '2 row',
    '4 bad-csv',
    '5 bad-csv',
    '6 bad-csv',
    '7 blank-line',
    '8 not-utf8',
    '9 too-large',
    '10 row',
    '11 row',
    '12 row',
    '13 bad-csv',
  ]);
});

test('an unfinished last record makes a growing file be read anew', async () => {
  for (const [torn, rest] of [
    ['b,tw', 'o\nc,three\n'],
    ['b,"t\nw', 'o"\nc,three\n'],
    ['b,"t\n', 'wo"\nc,three\n'],
  ]) {
    const file = write(`prompt,completion\na,one\n${torn}`);
    const before = await read(file);
    expect((await read(file, before.cursor)).items).toEqual([]);
    appendFileSync(file, `${rest}`);
    const after = await read(file, before.cursor);
    expect(after.anew).toBe(true);
    expect(after.rows.map(({ completion }) => completion?.replace('\n', ''))).toEqual(['one', 'two', 'three']);
  }
});
