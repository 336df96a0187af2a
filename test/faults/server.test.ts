import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { runJson } from '../../src/client/runs.ts';
import { until } from '../setup/cli.ts';
import { shopRows } from '../setup/shop-log.ts';
import { Stack } from '../setup/stack.ts';
import { executed, jobsOf, statuses } from '../setup/stack-tools.ts';

jest.setTimeout(120_000);

const EIGHT = { models: ['local-nano', 'local-mini'], learning_rate_multiplier: [0.5, 1, 1.5, 2], epochs: 1 };
/** The whole promise is 10 seconds on a quiet machine; this one may be busy. */
const SERVES_AGAIN_MS = 20_000;

/** SQLite's own check of the server's database; run while the server is dead. */
function integrity(file: string): unknown {
  const database = new DatabaseSync(file);
  try {
    return database.prepare('PRAGMA integrity_check').all();
  } finally {
    database.close();
  }
}

describe('the Temporal server is killed', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await Stack.start({ jobSeconds: 7 });
  });
  afterAll(() => stack.stop());

  test('F19 F20 the server is killed once with eight waiting jobs, and then repeatedly: nothing is lost and nothing is done twice', async () => {
    const database = path.join(stack.home, 'temporal.db');
    const file = stack.writePipeline('server', shopRows(60), { candidates: EIGHT });
    const run = await stack.startRun(file);
    await until(async () => (await jobsOf(stack, run.workflowId)).length === 8, 'eight jobs');
    // What was acknowledged to a caller just now counts as well.
    const accepted = await stack.startRun(
      stack.writePipeline('accepted', shopRows(60), {
        candidates: { models: ['local-base'], epochs: 1, learning_rate_multiplier: 1 },
      }),
    );
    expect(await stack.killServer()).toBe(true);
    expect(integrity(database)).toEqual([{ integrity_check: 'ok' }]);

    const start = performance.now();
    await stack.startServer();
    expect(performance.now() - start).toBeLessThan(SERVES_AGAIN_MS);
    const open: string[] = [];
    for (const id of [run.workflowId, accepted.workflowId]) {
      const { status } = await stack.client.workflow.getHandle(id).describe();
      open.push(status.name);
    }
    for (const { metadata } of await jobsOf(stack, run.workflowId)) {
      const { status } = await stack.client.workflow.getHandle(metadata?.tuneloop_job ?? '').describe();
      open.push(status.name);
    }
    expect(open).toEqual(Array(10).fill('RUNNING'));

    for (let kill = 1; kill <= 3; kill += 1) {
      await delay(1500 * kill);
      expect(await stack.killServer()).toBe(true);
      expect(integrity(database)).toEqual([{ integrity_check: 'ok' }]);
      await stack.startServer();
    }

    // The handles of before: their connection was closed with the server that they knew.
    for (const [id, jobs] of [
      [run.workflowId, 8],
      [accepted.workflowId, 1],
    ] as const) {
      const handle = stack.client.workflow.getHandle(id);
      await handle.result();
      expect(await runJson(handle)).toMatchObject({ status: 'completed' });
      expect(statuses(await jobsOf(stack, id))).toEqual(Array(jobs).fill('succeeded'));
    }
    expect(executed(stack.ledger(), 'jobs.create')).toHaveLength(9);
    expect(executed(stack.ledger(), 'jobs.cancel')).toHaveLength(0);
  });
});
