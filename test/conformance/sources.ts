import { readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { RowIssue } from '../../src/core/dataset/issue.ts';
import type { LogRow } from '../../src/core/dataset/row.ts';
import type { Cursor } from '../../src/core/run/snapshot.ts';
import type { RowFilter, SourceChoice } from '../../src/core/run/source-choice.ts';
import type { SourceDependencies } from '../../src/sources/kinds/kind.ts';
import { openSource } from '../../src/sources/open-source.ts';
import type { SourceItem } from '../../src/sources/source.ts';

/** A call of production, as a test writes it into the log of any kind. */
export interface Call {
  id: string;
  /** ISO 8601, whole seconds. */
  timestamp: string;
  prompt: string;
  completion: string;
  model: string;
  metadata: Record<string, string>;
}

/** A log of one kind, empty at first. */
export interface TestLog {
  /** Paths resolved. */
  choice(common: { filter?: RowFilter; actuals?: string }): SourceChoice;
  dependencies: SourceDependencies;
  add(calls: readonly Call[]): Promise<void>;
  /** Adds something that cannot become a row. */
  addBad(): Promise<void>;
  /** Makes reading fail. */
  spoil(): Promise<void>;
  /** Open files of the log, or connections to it. */
  handles(): Promise<number>;
  /** What no error may tell. */
  secrets: readonly string[];
  remove?(): Promise<void>;
}

export interface Traits {
  /** Of what `addBad` has added. */
  bad: RowIssue;
  /** Whether a reading can go on where the one before it ended; else each is anew. */
  incremental: boolean;
}

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

/** Everything that a reading gives. The cursor has gone through JSON, as it does between two runs. */
export async function readAll(
  choice: SourceChoice,
  dependencies: SourceDependencies,
  since: Cursor | null = null,
): Promise<{ anew: boolean; items: SourceItem[]; rows: LogRow[]; cursor: Cursor }> {
  const reading = await openSource(choice, dependencies).read(since, new AbortController().signal);
  const items = await Array.fromAsync(reading.items);
  const cursor: Cursor = JSON.parse(JSON.stringify(reading.cursor()));
  return { anew: reading.anew, items, rows: items.flatMap((item) => (item.kind === 'row' ? [item.row] : [])), cursor };
}

/** The numbers of the calls that rows stand for. */
const numbers = (rows: readonly LogRow[]) =>
  rows.map(({ messages }) => Number(/parcel (\d+)/.exec(messages[0]?.content ?? '')?.[1]));

/** How many of this process's open files lie in a folder. */
export function openFilesIn(folder: string): number {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // Closed meanwhile, like the one that lists them.
      return '';
    }
  });
  return targets.filter((target) => target.startsWith(folder)).length;
}

/** The rules that every source keeps. @param makeFolder - of files for `actuals` */
export function conformsToSource(traits: Traits, makeLog: () => Promise<TestLog>, folder: string): void {
  let log: TestLog;
  beforeEach(async () => {
    log = await makeLog();
  });
  afterEach(() => log.remove?.());

  const read = (since: Cursor | null = null, common: { filter?: RowFilter; actuals?: string } = {}) =>
    readAll(log.choice(common), log.dependencies, since);
  const filtered = async (filter: RowFilter) => numbers((await read(null, { filter })).rows);
  const until = async (isSo: () => Promise<boolean>) => {
    while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
  };

  describe('reading', () => {
    test('gives all rows once, in order, with all they say', async () => {
      await log.add(calls(0, 25));
      const { anew, items, rows } = await read();
      expect(anew).toBe(false);
      expect(items).toHaveLength(25);
      expect(
        rows.map(({ messages, completion, model, metadata }) => ({ messages, completion, model, metadata })),
      ).toEqual(
        calls(0, 25).map(({ prompt, completion, model, metadata }) => ({
          messages: [{ role: 'user', content: prompt }],
          completion,
          model,
          metadata,
        })),
      );
      expect(rows.map(({ timestamp }) => Date.parse(timestamp ?? ''))).toEqual(
        calls(0, 25).map(({ timestamp }) => Date.parse(timestamp)),
      );
      expect(rows.map(({ line }) => line)).toEqual(rows.map(({ line }) => line).toSorted((a, b) => a - b));
    });

    test('gives the same ids each time, and another one to each row', async () => {
      await log.add(calls(0, 25));
      const ids = async () => (await read()).rows.map(({ id }) => id);
      const first = await ids();
      expect(await ids()).toEqual(first);
      expect(new Set(first).size).toBe(25);
    });

    test('an empty log gives nothing, and goes on from there', async () => {
      await log.add([]);
      const before = await read();
      expect(before).toMatchObject({ anew: false, items: [] });
      await log.add(calls(0, 2));
      expect(numbers((await read(before.cursor)).rows)).toEqual([0, 1]);
    });

    test('goes on behind what cannot become a row, and tells of it', async () => {
      await log.add(calls(0, 2));
      await log.addBad();
      await log.add(calls(2, 4));
      const { items } = await read();
      expect(items.map((item) => (item.kind === 'refused' ? item.issue : item.kind))).toEqual([
        'row',
        'row',
        traits.bad,
        'row',
        'row',
      ]);
    });

    test('says what is read, without credentials', async () => {
      await log.add(calls(0, 1));
      const names = await openSource(log.choice({}), log.dependencies).describe();
      expect(names.length).toBeGreaterThan(0);
      for (const secret of log.secrets) expect(names.join()).not.toContain(secret);
    });
  });

  describe('the next reading', () => {
    test(traits.incremental ? 'gives nothing where nothing is new' : 'is anew', async () => {
      await log.add(calls(0, 12));
      await log.addBad();
      const before = await read();
      const { anew, items, cursor } = await read(before.cursor);
      expect(anew).toBe(!traits.incremental);
      expect(items).toHaveLength(traits.incremental ? 0 : 13);
      expect(await read(cursor)).toMatchObject({ anew: !traits.incremental, cursor });
    });

    test(traits.incremental ? 'gives what has come since, and only that' : 'gives all that is there', async () => {
      await log.add(calls(0, 12));
      const before = await read();
      await log.add(calls(12, 15));
      const second = await read(before.cursor);
      expect(second.anew).toBe(!traits.incremental);
      expect(numbers(second.rows)).toEqual(traits.incremental ? [12, 13, 14] : Array.from({ length: 15 }, (_, n) => n));
      await log.add(calls(15, 16));
      const third = await read(second.cursor);
      expect(numbers(third.rows).at(-1)).toBe(15);
      expect(third.rows).toHaveLength(traits.incremental ? 1 : 16);
    });

    test('is anew under another configuration', async () => {
      await log.add(calls(0, 3));
      const before = await read();
      const { anew, rows } = await read(before.cursor, { filter: { models: ['model-a', 'model-b'] } });
      expect(anew).toBe(true);
      expect(rows).toHaveLength(3);
    });
  });

  describe('a filter', () => {
    test('by time takes what is at or after its beginning and before its end', async () => {
      await log.add(calls(0, 6));
      const at = (number: number) => call(number).timestamp;
      expect(await filtered({ from: at(2) })).toEqual([2, 3, 4, 5]);
      expect(await filtered({ to: at(2) })).toEqual([0, 1]);
      expect(await filtered({ from: at(1), to: at(3) })).toEqual([1, 2]);
      expect(await filtered({ from: '2026-08-02' })).toEqual([]);
    });

    test('by model and by metadata takes what has all of it', async () => {
      await log.add([...calls(0, 3), ...calls(3, 5, { model: 'model-b' }), call(5, { model: 'model-c' })]);
      expect(await filtered({ models: ['model-b'] })).toEqual([3, 4]);
      expect(await filtered({ models: ['model-b', 'model-c'] })).toEqual([3, 4, 5]);
      expect(await filtered({ metadata: { customer: 'c1' } })).toEqual([1, 3, 5]);
      expect(await filtered({ metadata: { customer: 'c1', region: 'eu' } })).toEqual([]);
      expect(await filtered({ models: ['model-a'], metadata: { customer: 'c0' } })).toEqual([0, 2]);
    });

    test('by quality leaves all rows in: ratings may come later', async () => {
      await log.add(calls(0, 2));
      expect(await filtered({ min_quality: 0.9 })).toEqual([0, 1]);
    });

    test('moves on past what it leaves out', async () => {
      await log.add([...calls(0, 2), call(2, { model: 'model-b' })]);
      const filter = { models: ['model-a'] };
      const before = await read(null, { filter });
      await log.add([call(3, { model: 'model-b' }), call(4)]);
      const { rows } = await read(before.cursor, { filter });
      expect(numbers(rows)).toEqual(traits.incremental ? [4] : [0, 1, 4]);
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
      expect(items.map(({ kind }) => kind)).toEqual(['row', 'row', 'actual', 'actual', 'actual']);
      expect(items.flatMap((item) => (item.kind === 'actual' ? [item.actual] : []))).toEqual([
        { id: 'call-0', actual: 'right', by: 'person:ana', timestamp: '2026-08-03T00:00:00Z' },
        { id: 'call-1', quality: 0.25 },
        { id: 'call-1', actual: 'also right' },
      ]);
    });

    test('are read once, and anew with all rows where their file was rewritten', async () => {
      await log.add(calls(0, 2));
      write([{ actual_for: 'call-0', actual: 'right' }]);
      const before = await read(null, { actuals });
      write([{ actual_for: 'call-1', actual: 'right too' }], 'a');
      const grown = await read(before.cursor, { actuals });
      const answers = grown.items.flatMap((item) => (item.kind === 'actual' ? [item.actual.id] : []));
      expect(answers).toEqual(traits.incremental ? ['call-1'] : ['call-0', 'call-1']);
      expect(grown.rows).toHaveLength(traits.incremental ? 0 : 2);
      write([{ actual_for: 'call-0', actual: 'something else' }]);
      const rewritten = await read(grown.cursor, { actuals });
      expect(rewritten.anew).toBe(true);
      expect(rewritten.items.map(({ kind }) => kind)).toEqual(['row', 'row', 'actual']);
    });
  });

  describe('an end before the end', () => {
    test('an abort stops with the next item, and nothing stays open', async () => {
      await log.add(calls(0, 2500));
      const abort = new AbortController();
      const reason = new Error('enough');
      const { items } = await openSource(log.choice({}), log.dependencies).read(null, abort.signal);
      let seen = 0;
      const reading = (async () => {
        for await (const _ of items) {
          seen += 1;
          if (seen === 3) abort.abort(reason);
        }
      })();
      await expect(reading).rejects.toBe(reason);
      expect(seen).toBe(3);
      await until(async () => (await log.handles()) === 0);
    });

    test('whoever stops listening leaves nothing open', async () => {
      await log.add(calls(0, 2500));
      const { items } = await openSource(log.choice({}), log.dependencies).read(null, new AbortController().signal);
      for await (const _ of items) break;
      await until(async () => (await log.handles()) === 0);
    });

    test('what was aborted before it began reads nothing', async () => {
      await log.add(calls(0, 2));
      const reading = async () => {
        const { items } = await openSource(log.choice({}), log.dependencies).read(null, AbortSignal.abort());
        return Array.fromAsync(items);
      };
      await expect(reading()).rejects.toMatchObject({ name: 'AbortError' });
    });

    test('an error says what failed, and neither credentials nor rows', async () => {
      await log.add(calls(0, 2));
      await log.spoil();
      const error = await read().then(
        () => undefined,
        (failure: unknown) => failure,
      );
      expect(error).toMatchObject({ code: expect.stringMatching(/^(SOURCE|PROVIDER)_/) });
      const text = error instanceof Error ? `${error.message}\n${error.stack}` : '';
      for (const secret of [...log.secrets, 'parcel', 'answer']) expect(text).not.toContain(secret);
    });
  });
}
