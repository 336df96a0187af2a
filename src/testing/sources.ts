import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RowIssue } from '../core/dataset/issue.ts';
import type { LogRow } from '../core/dataset/row.ts';
import type { Cursor } from '../core/run/snapshot.ts';
import type { RowFilter } from '../core/run/source-choice.ts';
import type { Source, SourceItem } from '../sources/source.ts';
import { assertHas, assertSame, errorOf } from './assertions.ts';
import { globalRunner, type TestRunner } from './runner.ts';

/** A call of production, as a suite writes it into the log of any kind. */
export interface Call {
  id: string;
  /** ISO 8601, whole seconds. */
  timestamp: string;
  prompt: string;
  completion: string;
  model: string;
  metadata: Record<string, string>;
}

/** What the suite chooses of a source: which rows pass, and the file of later answers. */
export interface SourceSettings {
  filter?: RowFilter;
  /** Path of a JSONL file. */
  actuals?: string;
}

/** A log of one kind, empty at first, and its source. */
export interface SourceSubject {
  /** The source as a pipeline with these settings opens it. */
  open(settings: SourceSettings): Source;
  add(calls: readonly Call[]): Promise<void>;
  /** Adds something that cannot become a row. */
  addBad(): Promise<void>;
  /** Makes reading fail. */
  spoil(): Promise<void>;
  /** The number of open files of the log, or of connections to it. */
  handles(): Promise<number>;
  /** Texts that no error may hold. */
  secrets: readonly string[];
  remove?(): Promise<void>;
}

export interface SourceTraits {
  /** The issue of what `addBad` has added. */
  bad: RowIssue;
  /** Whether a reading can go on where the one before it ended; else each is anew. */
  incremental: boolean;
}

/** The call of a number; its id, its time, its texts and its customer follow from the number. */
export function call(number: number, changes: Partial<Call> = {}): Call {
  return {
    id: `call-${number}`,
    timestamp: new Date(Date.UTC(2026, 7, 1) + number * 1000).toISOString(),
    prompt: `Where is parcel ${number}, "please"?\nIt is late.`,
    completion: `answer ${number}`,
    model: 'model-a',
    metadata: { customer: `c${number % 2}` },
    ...changes,
  };
}

const calls = (from: number, to: number, changes: Partial<Call> = {}) =>
  Array.from({ length: to - from }, (_, index) => call(from + index, changes));

/** Everything that a reading of a source gives. The cursor has gone through JSON, as it does between two runs. */
export async function readSource(
  source: Source,
  since: Cursor | null = null,
): Promise<{ anew: boolean; items: SourceItem[]; rows: LogRow[]; cursor: Cursor }> {
  const reading = await source.read(since, new AbortController().signal);
  const items = await Array.fromAsync(reading.items);
  const cursor: Cursor = JSON.parse(JSON.stringify(reading.cursor()));
  return { anew: reading.anew, items, rows: items.flatMap((item) => (item.kind === 'row' ? [item.row] : [])), cursor };
}

/** The numbers of the calls that rows stand for. */
const numbers = (rows: readonly LogRow[]) =>
  rows.map(({ messages }) => Number(/parcel (\d+)/.exec(messages[0]?.content ?? '')?.[1]));

/**
 * Declares the rules that every source of rows keeps.
 *
 * @param name of the kind of source, for the names of the tests
 * @param open makes an empty log; called before each test
 */
export function describeSource(
  name: string,
  traits: SourceTraits,
  open: () => Promise<SourceSubject>,
  runner: TestRunner = globalRunner(),
): void {
  runner.describe(`the source ${name}`, () => declareSourceRules(traits, open, runner));
}

function declareSourceRules(traits: SourceTraits, open: () => Promise<SourceSubject>, runner: TestRunner): void {
  const { describe, test, afterAll, beforeEach, afterEach } = runner;
  const folder = mkdtempSync(path.join(tmpdir(), 'tuneloop-conformance-'));
  let log: SourceSubject;
  beforeEach(async () => {
    log = await open();
  });
  afterEach(() => log.remove?.());
  afterAll(() => rmSync(folder, { recursive: true }));

  const read = (since: Cursor | null = null, settings: SourceSettings = {}) => readSource(log.open(settings), since);
  const filtered = async (filter: RowFilter) => numbers((await read(null, { filter })).rows);
  const until = async (isSo: () => Promise<boolean>) => {
    while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
  };

  describe('a reading', () => {
    test('gives all rows once, in order, with all they say', async () => {
      await log.add(calls(0, 25));
      const { anew, items, rows } = await read();
      assert.equal(anew, false);
      assert.equal(items.length, 25);
      assertSame(
        rows.map(({ messages, completion, model, metadata }) => ({ messages, completion, model, metadata })),
        calls(0, 25).map(({ prompt, completion, model, metadata }) => ({
          messages: [{ role: 'user', content: prompt }],
          completion,
          model,
          metadata,
        })),
      );
      assertSame(
        rows.map(({ timestamp }) => Date.parse(timestamp ?? '')),
        calls(0, 25).map(({ timestamp }) => Date.parse(timestamp)),
      );
      const lines = rows.map(({ line }) => line);
      assertSame(
        lines,
        lines.toSorted((a, b) => a - b),
      );
    });

    test('gives the same ids each time, and another one to each row', async () => {
      await log.add(calls(0, 25));
      const ids = async () => (await read()).rows.map(({ id }) => id);
      const first = await ids();
      assertSame(await ids(), first);
      assert.equal(new Set(first).size, 25);
    });

    test('of an empty log gives nothing, and the next one goes on from there', async () => {
      await log.add([]);
      const before = await read();
      assertHas(before, { anew: false, items: [] });
      await log.add(calls(0, 2));
      assertSame(numbers((await read(before.cursor)).rows), [0, 1]);
    });

    test('goes on behind what cannot become a row, and tells of it', async () => {
      await log.add(calls(0, 2));
      await log.addBad();
      await log.add(calls(2, 4));
      const { items } = await read();
      assertSame(
        items.map((item) => (item.kind === 'refused' ? item.issue : item.kind)),
        ['row', 'row', traits.bad, 'row', 'row'],
      );
    });

    test('says what is read, without credentials', async () => {
      await log.add(calls(0, 1));
      const names = await log.open({}).describe();
      assert.ok(names.length > 0, 'nothing is described');
      for (const secret of log.secrets) assert.ok(!names.join().includes(secret), names.join());
    });
  });

  describe('the next reading', () => {
    test(traits.incremental ? 'gives nothing where nothing is new' : 'is anew', async () => {
      await log.add(calls(0, 12));
      await log.addBad();
      const before = await read();
      const { anew, items, cursor } = await read(before.cursor);
      assert.equal(anew, !traits.incremental);
      assert.equal(items.length, traits.incremental ? 0 : 13);
      assertHas(await read(cursor), { anew: !traits.incremental, cursor });
    });

    test(traits.incremental ? 'gives what has come since, and only that' : 'gives all that is there', async () => {
      await log.add(calls(0, 12));
      const before = await read();
      await log.add(calls(12, 15));
      const second = await read(before.cursor);
      assert.equal(second.anew, !traits.incremental);
      assertSame(numbers(second.rows), traits.incremental ? [12, 13, 14] : Array.from({ length: 15 }, (_, n) => n));
      await log.add(calls(15, 16));
      const third = await read(second.cursor);
      assert.equal(numbers(third.rows).at(-1), 15);
      assert.equal(third.rows.length, traits.incremental ? 1 : 16);
    });

    test('is anew under another configuration', async () => {
      await log.add(calls(0, 3));
      const before = await read();
      const { anew, rows } = await read(before.cursor, { filter: { models: ['model-a', 'model-b'] } });
      assert.equal(anew, true);
      assert.equal(rows.length, 3);
    });
  });

  describe('a filter', () => {
    test('by time takes what is at or after its beginning and before its end', async () => {
      await log.add(calls(0, 6));
      const at = (number: number) => call(number).timestamp;
      assertSame(await filtered({ from: at(2) }), [2, 3, 4, 5]);
      assertSame(await filtered({ to: at(2) }), [0, 1]);
      assertSame(await filtered({ from: at(1), to: at(3) }), [1, 2]);
      assertSame(await filtered({ from: '2026-08-02' }), []);
    });

    test('by model and by metadata takes what has all of it', async () => {
      await log.add([...calls(0, 3), ...calls(3, 5, { model: 'model-b' }), call(5, { model: 'model-c' })]);
      assertSame(await filtered({ models: ['model-b'] }), [3, 4]);
      assertSame(await filtered({ models: ['model-b', 'model-c'] }), [3, 4, 5]);
      assertSame(await filtered({ metadata: { customer: 'c1' } }), [1, 3, 5]);
      assertSame(await filtered({ metadata: { customer: 'c1', region: 'eu' } }), []);
      assertSame(await filtered({ models: ['model-a'], metadata: { customer: 'c0' } }), [0, 2]);
    });

    test('by quality leaves all rows in: ratings may come later', async () => {
      await log.add(calls(0, 2));
      assertSame(await filtered({ min_quality: 0.9 }), [0, 1]);
    });

    test('moves on past what it leaves out', async () => {
      await log.add([...calls(0, 2), call(2, { model: 'model-b' })]);
      const filter = { models: ['model-a'] };
      const before = await read(null, { filter });
      await log.add([call(3, { model: 'model-b' }), call(4)]);
      const { rows } = await read(before.cursor, { filter });
      assertSame(numbers(rows), traits.incremental ? [4] : [0, 1, 4]);
    });
  });

  describe('later answers', () => {
    const actuals = path.join(folder, 'actuals.jsonl');
    const write = (lines: readonly object[], flag = 'w') =>
      writeFileSync(actuals, lines.map((line) => `${JSON.stringify(line)}\n`).join(''), { flag });
    afterEach(() => rmSync(actuals, { force: true }));

    test('come behind the rows, from lines of their own and from log rows', async () => {
      await log.add(calls(0, 2));
      write([
        { actual_for: 'call-0', actual: 'right', by: 'person:ana', timestamp: '2026-08-03T00:00:00Z' },
        { actual_for: 'call-1', quality: 0.25 },
        { id: 'call-1', prompt: 'x', completion: 'y', actual: 'also right' },
        { id: 'call-0', prompt: 'x', completion: 'says nothing' },
      ]);
      const { items } = await read(null, { actuals });
      assertSame(
        items.map(({ kind }) => kind),
        ['row', 'row', 'actual', 'actual', 'actual'],
      );
      assertSame(
        items.flatMap((item) => (item.kind === 'actual' ? [item.actual] : [])),
        [
          { id: 'call-0', actual: 'right', by: 'person:ana', timestamp: '2026-08-03T00:00:00Z' },
          { id: 'call-1', quality: 0.25 },
          { id: 'call-1', actual: 'also right' },
        ],
      );
    });

    test('are read once, and anew with all rows where their file was rewritten', async () => {
      await log.add(calls(0, 2));
      write([{ actual_for: 'call-0', actual: 'right' }]);
      const before = await read(null, { actuals });
      write([{ actual_for: 'call-1', actual: 'right too' }], 'a');
      const grown = await read(before.cursor, { actuals });
      const answers = grown.items.flatMap((item) => (item.kind === 'actual' ? [item.actual.id] : []));
      assertSame(answers, traits.incremental ? ['call-1'] : ['call-0', 'call-1']);
      assert.equal(grown.rows.length, traits.incremental ? 0 : 2);
      write([{ actual_for: 'call-0', actual: 'something else' }]);
      const rewritten = await read(grown.cursor, { actuals });
      assert.equal(rewritten.anew, true);
      assertSame(
        rewritten.items.map(({ kind }) => kind),
        ['row', 'row', 'actual'],
      );
    });
  });

  describe('an end before the end', () => {
    test('an abort stops with the next item, and nothing stays open', async () => {
      await log.add(calls(0, 2500));
      const abort = new AbortController();
      const reason = new Error('enough');
      const { items } = await log.open({}).read(null, abort.signal);
      let seen = 0;
      const reading = (async () => {
        for await (const _ of items) {
          seen += 1;
          if (seen === 3) abort.abort(reason);
        }
      })();
      assert.equal(await errorOf(reading), reason);
      assert.equal(seen, 3);
      await until(async () => (await log.handles()) === 0);
    });

    test('whoever stops listening leaves nothing open', async () => {
      await log.add(calls(0, 2500));
      const { items } = await log.open({}).read(null, new AbortController().signal);
      for await (const _ of items) break;
      await until(async () => (await log.handles()) === 0);
    });

    test('what was aborted before it began reads nothing', async () => {
      await log.add(calls(0, 2));
      const reading = async () => {
        const { items } = await log.open({}).read(null, AbortSignal.abort());
        return Array.fromAsync(items);
      };
      assertHas(await errorOf(reading()), { name: 'AbortError' });
    });

    test('an error says what failed, and neither credentials nor rows', async () => {
      await log.add(calls(0, 2));
      await log.spoil();
      const error = await errorOf(read());
      assert.match(String(Reflect.get(error, 'code')), /^(SOURCE|PROVIDER)_/);
      const text = `${error.message}\n${error.stack}`;
      for (const secret of [...log.secrets, 'parcel', 'answer']) assert.ok(!text.includes(secret), text);
    });
  });
}
