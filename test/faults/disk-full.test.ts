import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { progressOf, type RunHandle, runJson } from '../../src/client/runs.ts';
import { FileStore } from '../../src/stores/file-store.ts';
import { until } from '../setup/cli.ts';
import { shopRows } from '../setup/shop-log.ts';
import { mountSmallDisk, type SmallDisk } from '../setup/small-disk.ts';
import { Stack } from '../setup/stack.ts';
import { command, executed, jobsOf } from '../setup/stack-tools.ts';

jest.setTimeout(120_000);

const disk = mountSmallDisk(3);
const database = mountSmallDisk(24);
const testOnDisk = disk && database ? test : test.skip;
if (!disk || !database) console.warn('skipped: only root may mount the small disks of these tests');
const mounted = (): SmallDisk => {
  if (!disk) throw new Error('not mounted');
  return disk;
};

afterAll(() => {
  disk?.remove();
  database?.remove();
});

describe('the disk of the artifacts is full', () => {
  const ROWS = 60;
  const CONCURRENCY = 4;
  let stack: Stack;
  let runs = 0;

  beforeAll(async () => {
    if (!disk || !database) return;
    stack = await Stack.start();
    for (const name of ['artifacts', 'runs', 'completions']) {
      mkdirSync(path.join(disk.folder, name));
      symlinkSync(path.join(disk.folder, name), path.join(stack.home, name));
    }
  });
  afterAll(() => stack?.stop());
  beforeEach(() => stack?.setFaults([]));
  afterEach(() => disk?.free());

  const startRun = (): Promise<RunHandle> => {
    runs += 1;
    const file = stack.writePipeline(`disk-${runs}`, shopRows(2 * ROWS), {
      candidates: { models: ['local-nano'], learning_rate_multiplier: 1, epochs: 10 },
      split: { validation: 0.5, test: 0, seed: runs },
      evaluation: { concurrency: CONCURRENCY },
    });
    return stack.startRun(file);
  };
  const paused = async (run: RunHandle) => (await progressOf(stack.client, run))?.paused ?? null;
  const halfFiles = () =>
    readdirSync(mounted().folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('.writing-'));

  testOnDisk(
    'F38 an artifact that does not fit is named, leaves nothing behind, and fits when there is space',
    async () => {
      const store = new FileStore(path.join(mounted().folder, 'store'));
      const rows = Array.from({ length: 1000 }, (_, index) => `row ${index} ${'x'.repeat(1000)}`);
      const first = await store.write(rows.slice(0, 10));
      await expect(store.write([...rows, ...rows, ...rows, ...rows])).rejects.toMatchObject({ code: 'ENOSPC' });
      mounted().fill();
      await expect(store.write(rows)).rejects.toMatchObject({ code: 'ENOSPC' });
      expect(halfFiles()).toEqual([]);
      // Existing artifacts still exist.
      expect(await Array.fromAsync(store.rows(first))).toEqual(rows.slice(0, 10));
      mounted().free();
      expect(await Array.fromAsync(store.rows(await store.write(rows)))).toEqual(rows);
    },
  );

  testOnDisk('F38 before anything was paid: the run pauses, names it, and goes on when there is space', async () => {
    await stack.stopWorker();
    const run = await startRun();
    mounted().fill();
    await stack.startWorker();
    await until(async () => (await paused(run)) !== null, 'a run that is paused');
    expect(await paused(run)).toEqual({ code: 'DISK_FULL', message: expect.stringContaining('ENOSPC') });
    expect(halfFiles()).toEqual([]);
    mounted().free();
    expect((await command(stack, 'resume', run.workflowId)).code).toBe(0);
    await run.result();
    expect(await runJson(run)).toMatchObject({ status: 'completed' });
  });

  testOnDisk(
    'F38 in the middle of an evaluation: no row is asked for in vain again and again, and scored rows stay',
    async () => {
      await stack.setFaults([{ endpoint: 'chat', effect: { kind: 'latency', ms: 100 } }]);
      const before = stack.ledger().length;
      const asked = () => executed(stack.ledger().slice(before), 'chat').length;
      const run = await startRun();
      await until(() => asked() >= 0.4 * ROWS, 'rows');
      mounted().fill();
      await until(async () => (await paused(run)) !== null, 'a run that is paused');
      const whenPaused = asked();
      mounted().free();
      expect((await command(stack, 'resume', run.workflowId)).code).toBe(0);
      await run.result();
      const { candidates = [], status } = await runJson(run);
      expect(status).toBe('completed');
      expect(candidates[0]?.validation?.n).toBe(ROWS);
      expect(whenPaused).toBeLessThan(ROWS);
      // Rows in flight, and those whose answers were about to be written. Short questions: one whether the model answers,
      // and one for each of two attempts.
      expect(asked()).toBeLessThanOrEqual(ROWS + 2 * CONCURRENCY + 1 + 2);
      expect(halfFiles()).toEqual([]);
      expect(await jobsOf(stack, run.workflowId)).toHaveLength(1);
    },
  );
});

describe("the disk of Temporal's database is full", () => {
  let stack: Stack;

  beforeAll(async () => {
    if (!disk || !database) return;
    stack = await Stack.start({ jobSeconds: 6 });
    // The server meets its database again on the small disk.
    expect(await stack.killServer()).toBe(true);
    const file = path.join(stack.home, 'temporal.db');
    for (const suffix of ['', '-wal', '-shm']) {
      if (!existsSync(file + suffix)) continue;
      cpSync(file + suffix, path.join(database.folder, `temporal.db${suffix}`));
      renameSync(file + suffix, `${file}${suffix}.before`);
    }
    symlinkSync(path.join(database.folder, 'temporal.db'), file);
    await stack.startServer();
  });
  afterAll(() => stack?.stop());

  testOnDisk(
    'F39 callers are told, what was accepted is kept, and it goes on without a restart when there is space',
    async () => {
      const pipeline = (name: string) =>
        stack.writePipeline(name, shopRows(60), {
          candidates: { models: ['local-nano', 'local-mini'], learning_rate_multiplier: 1, epochs: 1 },
        });
      const run = await stack.startRun(pipeline('accepted'));
      await until(async () => (await jobsOf(stack, run.workflowId)).length === 2, 'two jobs');
      database?.fill();
      const refused = pipeline('refused');
      const start = async () => {
        const { client } = stack;
        return client
          .withDeadline(Date.now() + 15_000, () => stack.startRun(refused))
          .then(
            () => null,
            (error: unknown) => error,
          );
      };
      // A page or two may still be free inside the files.
      let error: unknown = null;
      await until(async () => {
        error = await start();
        return error !== null;
      }, 'a refusal');
      expect(error).toBeInstanceOf(Error);
      database?.free();
      await run.result();
      expect(await runJson(run)).toMatchObject({ status: 'completed' });
      expect(await jobsOf(stack, run.workflowId)).toHaveLength(2);
      expect(executed(stack.ledger(), 'jobs.create').length).toBeGreaterThanOrEqual(2);
      // And new work is taken again.
      const next = await stack.startRun(pipeline('next'));
      await next.result();
      expect(await runJson(next)).toMatchObject({ status: 'completed' });
    },
  );
});
