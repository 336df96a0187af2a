import { runJson } from '../../src/client/runs.ts';
import { type Cli, until } from '../setup/cli.ts';
import { shopRows } from '../setup/shop-log.ts';
import { Stack } from '../setup/stack.ts';
import { executed, startAnotherWorker } from '../setup/stack-tools.ts';

jest.setTimeout(120_000);

const RUNS = 6;

describe('several workers on one queue', () => {
  let stack: Stack;
  let other: Cli | undefined;

  beforeAll(async () => {
    stack = await Stack.start({ jobSeconds: 2 });
    other = await startAnotherWorker(stack);
  });
  afterAll(async () => {
    other?.child.kill('SIGTERM');
    await other?.ended;
    await stack.stop();
  });

  test('F30 workers come and go during runs: histories pass from one to the other, and all runs end', async () => {
    const runs = await Promise.all(
      Array.from({ length: RUNS }, (_, index) =>
        stack.startRun(
          stack.writePipeline(`mixed-${index}`, shopRows(60), {
            candidates: { models: ['local-nano', 'local-mini'], learning_rate_multiplier: 1, epochs: 1 },
            split: { seed: index + 1 },
          }),
        ),
      ),
    );
    await until(() => executed(stack.ledger(), 'jobs.create').length >= RUNS, 'jobs');
    // The other worker, and its successor, have to rebuild the cached workflows from their histories.
    expect(await stack.killWorker()).toBe(true);
    await stack.startWorker();
    other?.child.kill('SIGTERM');
    expect((await other?.ended)?.code).toBe(0);
    other = await startAnotherWorker(stack);

    const mixed: boolean[] = [];
    for (const run of runs) {
      await run.result();
      expect(await runJson(run)).toMatchObject({ status: 'completed' });
      const { events } = await run.fetchHistory();
      const workers = new Set(
        events?.map((event) => event.workflowTaskCompletedEventAttributes?.identity).filter(Boolean),
      );
      mixed.push(workers.size > 1);
      const failed = events?.filter(({ workflowTaskFailedEventAttributes }) => workflowTaskFailedEventAttributes);
      expect(failed?.map((event) => event.workflowTaskFailedEventAttributes?.failure?.message)).toEqual([]);
    }
    // Otherwise this says nothing.
    expect(mixed.filter(Boolean).length).toBeGreaterThan(RUNS / 2);
    expect(executed(stack.ledger(), 'jobs.create')).toHaveLength(2 * RUNS);
  });
});
