import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import type { Cursor } from '../../src/core/run/snapshot.ts';
import { readJsonl } from '../../src/sources/containers/jsonl.ts';
import { parseJudgingRow } from '../../src/sources/log-row.ts';
import { type Call, call, conformsToSource, openFilesIn, readAll } from '../conformance/sources.ts';
import { wellFormedText } from '../stores/any-text.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';

const folder = temporaryFolder();
const dependencies = {
  provider: () => {
    throw new Error('files need no provider');
  },
};
const line = (each: Call) => `${JSON.stringify(each)}\n`;

conformsToSource({ bad: 'broken-json', incremental: true }, async () => {
  const log = path.join(mkdtempSync(path.join(folder, 'log-')), 'log.jsonl');
  writeFileSync(log, '');
  return {
    choice: (common) => ({ type: 'jsonl', path: log, ...common }),
    dependencies,
    secrets: [],
    add: async (calls) => appendFileSync(log, calls.map(line).join('')),
    addBad: async () => appendFileSync(log, '{"prompt": "Mrs Secret", oops\n'),
    spoil: async () => rmSync(log),
    handles: async () => openFilesIn(path.dirname(log)),
  };
});

function write(content: string | Buffer): string {
  const file = path.join(mkdtempSync(path.join(folder, 'file-')), 'log.jsonl');
  writeFileSync(file, content);
  return file;
}

const read = (file: string, since: Cursor | null = null) => readAll({ type: 'jsonl', path: file }, dependencies, since);

describe('lines', () => {
  const row = JSON.stringify({ prompt: 'hello', completion: 'yes' });

  test('lines are numbered from 1, blank ones included; rows without an id are named by their line', async () => {
    const { items, rows } = await read(write(`\ufeff${row}\r\n\n \t\n${row}`));
    expect(rows.map(({ id }) => id)).toEqual(['log.jsonl:1', 'log.jsonl:4']);
    expect(items.map((item) => (item.kind === 'refused' ? `${item.issue}:${item.place.line}` : item.kind))).toEqual([
      'row',
      'blank-line:2',
      'blank-line:3',
      'row',
    ]);
    expect(items[0]).toMatchObject({ issues: ['byte-order-mark', 'crlf'] });
  });

  test('lines hold any text in their strings, separators of Unicode lines included', async () => {
    const text = fc
      .array(fc.oneof(wellFormedText(), fc.constantFrom('\u2028', '\u2029', '\u0085', '\r\n', '\ufeff')))
      .map((parts) => `x${parts.join('')}`.replaceAll('\0', ''));
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 10 }), async (prompts) => {
        const { rows } = await read(write(prompts.map((prompt, n) => line(call(n, { prompt }))).join('')));
        expect(rows.map(({ messages }) => messages[0]?.content)).toEqual(prompts);
        expect(rows.map((each) => each.line)).toEqual(prompts.map((_, index) => index + 1));
      }),
      { numRuns: 50 },
    );
  });

  test('lines that are too long are refused without being held, and reading continues', async () => {
    const file = write(`{"prompt":"${'x'.repeat(10_000_000)}"}\n${row}\n`);
    const { items } = await read(file);
    expect(items).toMatchObject([{ kind: 'refused', issue: 'too-large', place: { line: 1 } }, { kind: 'row' }]);
  });

  test('lines that are still being written are left for the next reading, without an issue', async () => {
    const whole = line(call(1));
    // Every cut of the second line but at its end; the euro sign is cut in two as well.
    const torn = Buffer.from(line(call(1, { prompt: 'price in €' })));
    for (const cut of [1, 30, torn.indexOf('€') + 1, torn.length - 2]) {
      const file = write(Buffer.concat([Buffer.from(line(call(0))), torn.subarray(0, cut)]));
      const before = await read(file);
      expect(before.items).toHaveLength(1);
      expect((await read(file, before.cursor)).items).toEqual([]);
      appendFileSync(file, Buffer.concat([torn.subarray(cut), Buffer.from(whole)]));
      const after = await read(file, before.cursor);
      expect(after.anew).toBe(false);
      expect(after.items).toMatchObject([
        { kind: 'row', row: { line: 2, messages: [{ content: 'price in €' }] } },
        { kind: 'row', row: { line: 3 } },
      ]);
    }
  });

  test('lines that only lack their line feed are read once', async () => {
    const file = write(line(call(0)).trimEnd());
    const before = await read(file);
    expect(before.items).toHaveLength(1);
    appendFileSync(file, `\n${line(call(1))}`);
    expect((await read(file, before.cursor)).rows.map(({ id }) => id)).toEqual(['call-1']);
  });
});

describe('a test file', () => {
  const row = (prompt: string) => JSON.stringify({ prompt, completion: 'yes' });
  const all = (file: string) => Array.fromAsync(readJsonl([file], parseJudgingRow));

  test('a test file may mix rows of inputs with log rows; blank lines and a byte order mark are passed over', async () => {
    const file = write(`\ufeff{"input":"hello","label":"yes"}\r\n\n${row('fine')}\n`);
    expect(await all(file)).toMatchObject([
      { line: 1, id: 'test-1', input: 'hello', label: 'yes' },
      { line: 3, messages: [{ role: 'user', content: 'fine' }], completion: 'yes' },
    ]);
  });

  test('a test file ends with an error at its first bad row, which is named by file and line and not quoted', async () => {
    const broken = all(write(`${row('fine')}\r\n\n{"prompt": "card 4242 of Mrs Secret", oops\n`));
    await expect(broken).rejects.toMatchObject({
      code: 'SOURCE_ROW_INVALID',
      message: expect.stringContaining('log.jsonl:3:'),
    });
    await expect(broken).rejects.not.toThrow(/4242|Secret|oops/);
  });
});
