import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import fc from 'fast-check';
import { createCollect, type Snapshot } from '../../src/activities/collect.ts';
import type { Dependencies } from '../../src/activities/dependencies.ts';
import { pipelineSchema } from '../../src/config/pipeline.ts';
import type { LogRow } from '../../src/dataset/row.ts';
import { TuneloopError } from '../../src/errors.ts';
import { readJsonRows, writeJson } from '../../src/storage/artifact-store.ts';
import { FileStore } from '../../src/storage/file-store.ts';
import { temporaryHome } from '../setup/cli.ts';

const { home, remove } = temporaryHome();
const artifacts = new FileStore(path.join(home, 'artifacts'));
const log = path.join(home, 'log.jsonl');
afterAll(remove);

/** Reads a log as a run does: the rows of its snapshot, or the refusal. */
async function collect(bytes: Buffer | string): Promise<LogRow[] | TuneloopError> {
  writeFileSync(log, bytes);
  const definition = await writeJson(
    artifacts,
    pipelineSchema.parse({
      name: 'data',
      task: 'classification',
      source: { type: 'jsonl', path: log },
      candidates: { models: ['local-nano'] },
    }),
  );
  const activity = createCollect({ artifacts } as unknown as Dependencies);
  // Without a worker that would log what is meant to fail.
  const logged = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    const snapshot = (await new MockActivityEnvironment().run(activity, { definition })) as Snapshot;
    return await readJsonRows<LogRow>(artifacts, snapshot.rows);
  } catch (error) {
    if (error instanceof TuneloopError) return error;
    throw error;
  } finally {
    logged.mockRestore();
  }
}

const row = (text: string) => JSON.stringify({ prompt: text, completion: 'yes' });
const GOOD = [row('one'), row('two'), row('three')];
const text = ({ messages }: LogRow) => messages[0]?.content;
const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;

/** The second of three lines, and what is wrong with it. */
const BROKEN: [name: string, line: Buffer | string, verdict: RegExp][] = [
  ['a line that was cut off', '{"prompt":"two","comple', /is not a JSON object on one line/],
  ['two rows on one line', `${row('two')}${row('two')}`, /is not a JSON object on one line/],
  [
    'invalid UTF-8',
    Buffer.from([...Buffer.from('{"prompt":"'), 0xff, ...Buffer.from('","completion":"a"}')]),
    /is not UTF-8$/,
  ],
  ['UTF-16', Buffer.from(row('two'), 'utf16le'), /is not (a JSON object on one line|UTF-8)/],
  ['a NUL byte in a text', '{"prompt":"t\0wo","completion":"a"}', /is not a JSON object on one line/],
  ['a line of NUL bytes, as a crashed disk leaves it', Buffer.alloc(40), /is not a JSON object on one line/],
  ['a number as id, which may be above 2^53', '{"id":9007199254740993,"prompt":"two","completion":"a"}', /id: /],
  [
    'tokens above 2^53',
    '{"prompt":"two","completion":"a","usage":{"prompt_tokens":9007199254740993,"completion_tokens":1}}',
    /usage\.prompt_tokens: /,
  ],
  ['deep nesting where a text belongs', `{"prompt":${deep(50_000)},"completion":"a"}`, /prompt: /],
  ['deep nesting instead of a row', deep(50_000), /the row: /],
  ['no answer', '{"prompt":"two"}', /completion: /],
];

describe('F41 a log with a broken row', () => {
  test.each(BROKEN)('%s is refused with file and line, and nothing of it is read', async (_name, line, verdict) => {
    const bytes = Buffer.concat([`${GOOD[0]}\n`, line, `\n${GOOD[2]}\n`].map((part) => Buffer.from(part)));
    const refused = await collect(bytes);
    expect(refused).toMatchObject({ code: 'SOURCE_ROW_INVALID' });
    const { message } = refused as TuneloopError;
    expect(message.startsWith(`${log}:2: `)).toBe(true);
    expect(message).toMatch(verdict);
    expect(message.length).toBeLessThan(1000);
  });

  test.each<[name: string, log: string, texts: string[]]>([
    ['a byte order mark before the first row', `\ufeff${GOOD.join('\n')}\n`, ['one', 'two', 'three']],
    [
      'a byte order mark before another row, as files that were joined have it',
      `${GOOD.join('\n\ufeff')}\n`,
      ['one', 'two', 'three'],
    ],
    ['CR LF', `${GOOD.join('\r\n')}\r\n`, ['one', 'two', 'three']],
    ['blank lines', `\n${GOOD.join('\n \t\n\n')}\n\n`, ['one', 'two', 'three']],
    ['no line break at the end', GOOD.join('\n'), ['one', 'two', 'three']],
    ['a key that is there twice: the last one counts', '{"prompt":"old","prompt":"new","completion":"a"}\n', ['new']],
    ['an escaped NUL', '{"prompt":"a\\u0000b","completion":"a"}\n', ['a\0b']],
    [
      'a large number in a key that nobody reads',
      '{"trace":9007199254740993,"prompt":"two","completion":"a"}\n',
      ['two'],
    ],
    ['deep nesting in a key that nobody reads', `{"trace":${deep(50_000)},"prompt":"two","completion":"a"}\n`, ['two']],
    ['separators of Unicode lines in a text', `${row('a\u2028b\u2029c\u0085d')}\n`, ['a\u2028b\u2029c\u0085d']],
  ])('%s is no fault: the rows are read', async (_name, bytes, texts) => {
    const rows = await collect(bytes);
    if (rows instanceof TuneloopError) throw rows;
    expect(rows.map(text)).toEqual(texts);
  });

  test('the line that is named is that of the file: blank lines count', async () => {
    const refused = await collect(`\ufeff\r\n${GOOD[0]}\r\n\r\n{\r\n`);
    expect((refused as TuneloopError).message).toContain(`${log}:4: `);
  });

  test('whatever byte is changed: the log is read without it, or its line is named', async () => {
    const good = Buffer.from(`${GOOD.join('\n')}\n`);
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 }), async (position, byte) => {
        const changed = Buffer.from(good);
        changed[position] = byte;
        const line = good.subarray(0, position).filter((each) => each === 0x0a).length + 1;
        const result = await collect(changed);
        if (result instanceof TuneloopError) {
          // A line break that is gone or new moves the fault to one of the lines beside it.
          const named = Number(/log\.jsonl:(\d+): /.exec(result.message)?.[1]);
          expect(Math.abs(named - line)).toBeLessThanOrEqual(1);
          return;
        }
        expect(result.length).toBeGreaterThanOrEqual(2);
        for (const other of [1, 2, 3]) {
          if (Math.abs(other - line) <= 1) continue;
          expect(result.map(text)).toContain(['one', 'two', 'three'][other - 1]);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('no byte of the log is changed by reading it', async () => {
    const bytes = `\ufeff${GOOD.join('\r\n')}`;
    await collect(bytes);
    expect(readFileSync(log, 'utf8')).toBe(bytes);
  });
});
