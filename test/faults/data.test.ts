import { readFileSync } from 'node:fs';
import type { ApplicationFailure } from '@temporalio/common';
import fc from 'fast-check';
import type { LogRow } from '../../src/core/dataset/row.ts';
import type { Snapshot } from '../../src/core/run/snapshot.ts';
import { failureOf } from '../setup/activity-bench.ts';
import { DatasetBench } from '../setup/dataset-bench.ts';
import { readJson } from '../setup/read-artifact.ts';
import { shopRows } from '../setup/shop-log.ts';

const bench = new DatasetBench();
afterAll(() => bench.remove());
let logs = 0;

function pipelineOf(bytes: Buffer | string, rows: 'lenient' | 'strict' = 'lenient') {
  logs += 1;
  const file = bench.log(`log-${logs}.jsonl`, bytes);
  return { file, pipeline: { name: `data-${logs}`, source: { type: 'jsonl', path: file }, clean: { rows } } };
}

/** The remaining rows of a log, and its issues with their lines. */
async function collect(bytes: Buffer | string): Promise<{ rows: LogRow[]; verdicts: Record<string, number[]> }> {
  const { rows, snapshot } = await bench.collect(pipelineOf(bytes).pipeline);
  const { verdicts } = await readJson<Snapshot>(bench.artifacts, snapshot.ref);
  const lineOf = (place: string) => Number(place.split(':').at(-1));
  return { rows, verdicts: Object.fromEntries(verdicts.map(({ verdict, places }) => [verdict, places.map(lineOf)])) };
}

const row = (text: string) => JSON.stringify({ prompt: text, completion: 'yes' });
const GOOD = [row('one'), row('two'), row('three')];
const text = ({ messages }: LogRow) => messages[0]?.content;
const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;

/** The second of three lines, and its verdict. */
const BROKEN: [name: string, line: Buffer | string, verdict: string][] = [
  ['a line that was cut off', '{"prompt":"two","comple', 'broken-json'],
  ['two rows on one line', `${row('two')}${row('two')}`, 'several-values'],
  [
    'invalid UTF-8',
    Buffer.from([...Buffer.from('{"prompt":"'), 0xff, ...Buffer.from('","completion":"a"}')]),
    'not-utf8',
  ],
  ['a NUL byte in a text', '{"prompt":"t\0wo","completion":"a"}', 'nul-character'],
  ['a line of NUL bytes, as a crashed disk leaves it', Buffer.alloc(40), 'nul-character'],
  ['a number that JSON has not', '{"prompt":"two","completion":"a","quality":NaN}', 'nan'],
  ['a key that is there twice', '{"prompt":"old","prompt":"new","completion":"a"}', 'duplicate-key'],
  ['half a character', '{"prompt":"two \\ud83d","completion":"a"}', 'lone-surrogate'],
  ['deep nesting', `{"prompt":"two","completion":"a","trace":${deep(50_000)}}`, 'too-deep'],
  ['no object', '["two"]', 'not-an-object'],
  ['no prompt', '{"completion":"a"}', 'no-prompt'],
  [
    'an image',
    '{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}],"completion":"a"}',
    'unsupported-content',
  ],
];

describe('F41 a log with a broken row', () => {
  test.each(BROKEN)(
    '%s is left out and counted with its line, and the others are read',
    async (_name, line, verdict) => {
      const bytes = Buffer.concat([`${GOOD[0]}\n`, line, `\n${GOOD[2]}\n`].map((part) => Buffer.from(part)));
      const { rows, verdicts } = await collect(bytes);
      expect(rows.map(text)).toEqual(['one', 'three']);
      expect(verdicts).toEqual({ [verdict]: [2] });
    },
  );

  test('a number above 2^53 as id is passed over and named with its line, because its digits get lost, and its row is read', async () => {
    const line = '{"id":9007199254740993,"prompt":"two","completion":"a"}';
    const { rows, verdicts } = await collect(Buffer.from(`${GOOD[0]}\n${line}\n${GOOD[2]}\n`));
    expect(rows.map(text)).toEqual(['one', 'two', 'three']);
    expect(rows[1]?.id).not.toContain('900719925474099');
    expect(verdicts).toEqual({ 'unsafe-integer': [2] });
  });

  test.each(BROKEN)('%s ends a run that reads strictly, named by file and line and not quoted', async (_name, line) => {
    const bytes = Buffer.concat([`${GOOD[0]}\n`, line, `\n${GOOD[2]}\n`].map((part) => Buffer.from(part)));
    const { file, pipeline } = pipelineOf(bytes, 'strict');
    const failure = await failureOf(bench.collect(pipeline));
    expect(failure).toMatchObject({ type: 'SOURCE_ROW_INVALID', nonRetryable: true });
    const { message } = failure as ApplicationFailure;
    expect(message.startsWith(`${file.split('/').at(-1)}:2: `)).toBe(true);
    expect(message).not.toContain('two');
    expect(message.length).toBeLessThan(1000);
  });

  test.each<[name: string, log: string, verdicts: Record<string, number[]>]>([
    ['a byte order mark before the first row', `\ufeff${GOOD.join('\n')}\n`, { 'byte-order-mark': [1] }],
    ['CR LF', `${GOOD.join('\r\n')}\r\n`, { crlf: [1, 2, 3] }],
    ['blank lines', `\n${GOOD.join('\n \t\n\n')}\n\n`, { 'blank-line': [1, 3, 4, 6, 7, 9] }],
    ['no line break at the end', GOOD.join('\n'), {}],
  ])('%s costs no row, and is reported', async (_name, bytes, verdicts) => {
    const read = await collect(bytes);
    expect(read.rows.map(text)).toEqual(['one', 'two', 'three']);
    expect(read.verdicts).toEqual(verdicts);
  });

  test.each([['separators of Unicode lines', `${row('a\u2028b\u2029c\u0085d')}\n`, 'a\u2028b\u2029c\u0085d']])(
    '%s in a text is text',
    async (_name, bytes, expected) => {
      expect((await collect(bytes)).rows.map(text)).toEqual([expected]);
    },
  );

  test('a changed byte loses only its line, or one beside it, and the loss is counted', async () => {
    const good = Buffer.from(`${GOOD.join('\n')}\n`);
    await fc.assert(
      // But for the last line break: without it the last row may still be being written.
      fc.asyncProperty(fc.nat(good.length - 2), fc.integer({ min: 0, max: 255 }), async (position, byte) => {
        const changed = Buffer.from(good);
        changed[position] = byte;
        const line = good.subarray(0, position).filter((each) => each === 0x0a).length + 1;
        const { rows, verdicts } = await collect(changed);
        for (const other of [1, 2, 3]) {
          if (Math.abs(other - line) <= 1) continue;
          expect(rows.map(text)).toContain(['one', 'two', 'three'][other - 1]);
        }
        for (const places of Object.values(verdicts)) {
          for (const place of places) expect(Math.abs(place - line)).toBeLessThanOrEqual(1);
        }
        if (rows.length < 3) expect(Object.keys(verdicts)).not.toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  test('no byte of the log is changed by reading it', async () => {
    const bytes = `\ufeff${GOOD.join('\r\n')}`;
    const { file, pipeline } = pipelineOf(bytes);
    await bench.collect(pipeline);
    expect(readFileSync(file, 'utf8')).toBe(bytes);
  });
});

describe('F43 a log whose rows repeat, or are known from the test file', () => {
  test('equal and nearly equal inputs are on one side, and those of the test file on none', async () => {
    const rows = shopRows(90);
    const told = (input: string) => ({ input, label: 'refund' });
    const inputOf = (each: object) => {
      const { messages } = each as { messages: { content: string }[] };
      return (messages[1]?.content ?? '').replace('Message: ', '');
    };
    const repeated = rows.map((each) => ({ ...each, id: `again-${inputOf(each)}` }));
    const known = rows.slice(0, 9).map((each) => told(`${inputOf(each)}!`));
    const { pipeline } = pipelineOf([...rows, ...repeated].map((each) => `${JSON.stringify(each)}\n`).join(''));
    const { dataset, manifest } = await bench.build({
      ...pipeline,
      split: { test: { file: bench.log('test.jsonl', known) } },
    });
    const counts = Object.fromEntries(manifest.verdicts.map(({ verdict, rows: count }) => [verdict, count]));
    expect(counts).toMatchObject({ 'in-test-file': 18, 'exact-duplicate': 81 });
    expect(dataset.summary).toMatchObject({ test: 9 });
    const judged = new Set((await bench.examples(dataset, 'test')).map(({ input }) => input.replace('!', '')));
    for (const side of ['train', 'validation'] as const) {
      for (const { input } of await bench.examples(dataset, side)) expect(judged).not.toContain(input);
    }
  });

  test('two rows of one id are reported', async () => {
    const [first, ...others] = shopRows(60);
    const rows = [first, ...others.map((each, index) => (index === 5 ? { ...each, id: 'row-0' } : each))];
    const { pipeline } = pipelineOf(rows.map((each) => `${JSON.stringify(each)}\n`).join(''));
    const { manifest } = await bench.build(pipeline);
    expect(manifest.warnings.join()).toMatch(/1 row has the same id as another one/);
  });
});
