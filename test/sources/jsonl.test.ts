import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { findFiles, readJsonl } from '../../src/sources/jsonl.ts';
import { parseJudgingRow, parseLogRow } from '../../src/sources/log-row.ts';
import { wellFormedText } from '../storage/any-text.ts';
import { temporaryFolder } from '../storage/temporary-folder.ts';

const folder = temporaryFolder();
let files = 0;

function write(content: string | Buffer): string {
  files += 1;
  const file = path.join(folder, `log-${files}.jsonl`);
  writeFileSync(file, content);
  return file;
}

/** Line number and text of every row. */
async function read(...paths: string[]): Promise<[line: number, text: string][]> {
  const rows: [number, string][] = [];
  for await (const row of readJsonl(paths, (text, { line }): [number, string] => [line, text.toString('utf8')])) {
    rows.push(row);
  }
  return rows;
}

const row = (prompt: string) => JSON.stringify({ prompt, completion: 'yes' });
const all = async <T>(rows: AsyncIterable<T>) => Array.fromAsync(rows);

describe('rows', () => {
  test('are read with the numbers of their lines; blank lines are passed over and counted', async () => {
    expect(await read(write('a\n\n \t\nb\n\r\nc'))).toEqual([
      [1, 'a'],
      [4, 'b'],
      [6, 'c'],
    ]);
  });

  test('lose a byte order mark before the first of them', async () => {
    expect(await read(write('\ufeffa\nb\n'))).toEqual([
      [1, 'a'],
      [2, 'b'],
    ]);
    expect(await read(write('\ufeff\na\n'))).toEqual([[2, 'a']]);
    const [logRow] = await all(readJsonl([write(`\ufeff${row('hello')}\n`)], parseLogRow));
    expect(logRow).toMatchObject({ line: 1, messages: [{ content: 'hello' }] });
  });

  test('may end in CR LF', async () => {
    const file = write(`${row('first')}\r\n\r\n${row('second')}\r\n`);
    const rows = await all(readJsonl([file], parseLogRow));
    expect(rows).toMatchObject([
      { line: 1, messages: [{ content: 'first' }] },
      { line: 3, messages: [{ content: 'second' }] },
    ]);
  });

  test('of several files follow one another, numbered in each from 1', async () => {
    expect(await read(write('a\nb'), write(''), write('\ufeffc\n'))).toEqual([
      [1, 'a'],
      [2, 'b'],
      [1, 'c'],
    ]);
  });

  test('hold any text in their strings, separators of Unicode lines included', async () => {
    const text = fc
      .array(fc.oneof(wellFormedText(), fc.constantFrom('\u2028', '\u2029', '\u0085', '\r\n', '\ufeff')))
      .map((parts) => parts.join(''));
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 10 }), async (prompts) => {
        const file = path.join(folder, 'any.jsonl');
        writeFileSync(file, prompts.map((prompt) => `${row(prompt)}\n`).join(''));
        const rows = await all(readJsonl([file], parseLogRow));
        expect(rows.map(({ messages }) => messages[0]?.content)).toEqual(prompts);
        expect(rows.map(({ line }) => line)).toEqual(prompts.map((_, index) => index + 1));
      }),
      { numRuns: 50 },
    );
  });
});

describe('a row that cannot be read', () => {
  test('is named by its file and line, and is not quoted', async () => {
    const first = write(`${row('fine')}\n`);
    const file = write(`${row('fine')}\r\n\n{"prompt": "card 4242 of Mrs Secret", oops\n`);
    const broken = all(readJsonl([first, file], parseLogRow));
    await expect(broken).rejects.toMatchObject({
      code: 'SOURCE_ROW_INVALID',
      message: expect.stringContaining(`${file}:3: is not a JSON object on one line`),
    });
    await expect(broken).rejects.not.toThrow(/4242|Secret|oops/);
  });

  test('stops the reading there: rows before it were given', async () => {
    const file = write(`${row('fine')}\n{\n${row('never')}\n`);
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const { line } of readJsonl([file], parseLogRow)) seen.push(line);
    })();
    await expect(reading).rejects.toThrow(`${file}:2:`);
    expect(seen).toEqual([1]);
  });

  test('because it is not UTF-8 is named too', async () => {
    const file = write(Buffer.concat([Buffer.from(`${row('fine')}\n{"prompt":"`), Buffer.from([0xff, 0xfe])]));
    await expect(all(readJsonl([file], parseLogRow))).rejects.toMatchObject({
      code: 'SOURCE_ROW_INVALID',
      message: `${file}:2: is not UTF-8`,
    });
  });
});

test('a test file may mix rows of inputs with log rows', async () => {
  const file = write(`{"input":"hello","label":"yes"}\n${row('fine')}\n`);
  expect(await all(readJsonl([file], parseJudgingRow))).toEqual([
    { line: 1, id: 'test-1', input: 'hello', label: 'yes' },
    { line: 2, id: `${path.basename(file)}:2`, messages: [{ role: 'user', content: 'fine' }], completion: 'yes' },
  ]);
});

describe('finding files', () => {
  const logs = path.join(folder, 'logs');
  mkdirSync(path.join(logs, 'folder.jsonl'), { recursive: true });
  mkdirSync(path.join(logs, 'deep'));
  for (const name of ['b.jsonl', 'a.jsonl', 'c.txt', 'C.jsonl', '[1].jsonl', 'deep/d.jsonl']) {
    writeFileSync(path.join(logs, name), '');
  }

  test('a path names its file', async () => {
    expect(await findFiles(path.join(logs, 'c.txt'))).toEqual([path.join(logs, 'c.txt')]);
  });

  test('a glob names files, not folders, in the order of their names', async () => {
    expect(await findFiles(path.join(logs, '*.jsonl'))).toEqual(
      ['C.jsonl', '[1].jsonl', 'a.jsonl', 'b.jsonl'].map((name) => path.join(logs, name)),
    );
  });

  test('a glob may span folders', async () => {
    expect(await findFiles(path.join(logs, '**', '{a,d}.jsonl'))).toEqual([
      path.join(logs, 'a.jsonl'),
      path.join(logs, 'deep', 'd.jsonl'),
    ]);
  });

  test('a file whose name looks like a glob is that file', async () => {
    expect(await findFiles(path.join(logs, '[1].jsonl'))).toEqual([path.join(logs, '[1].jsonl')]);
  });

  test.each(['missing.jsonl', 'missing-*.jsonl', 'deep', 'folder.json*'])('%s names no file', async (pattern) => {
    await expect(findFiles(path.join(logs, pattern))).rejects.toMatchObject({
      code: 'SOURCE_NOT_FOUND',
      message: `${path.join(logs, pattern)}: there is no such file`,
    });
  });
});
