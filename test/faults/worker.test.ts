import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { ROOT, until } from '../setup/cli.ts';
import { shopRows } from '../setup/shop-log.ts';
import { Stack } from '../setup/stack.ts';
import { jobsOf, startAnotherWorker } from '../setup/stack-tools.ts';

jest.setTimeout(120_000);

const CANDIDATE = 'local-nano-lr1-e1';

describe('a worker that is told to stop', () => {
  let stack: Stack;
  let runs = 0;

  beforeAll(async () => {
    stack = await Stack.start();
  });
  afterAll(() => stack.stop());
  beforeEach(() => stack.stopWorker());

  /** Starts a run and waits until its job was created, with the answer to that still on its way. */
  const runWithJobInTheMiddle = async (seconds?: number): Promise<WorkflowHandle> => {
    const effect = { kind: 'execute_then_hang', ...(seconds === undefined ? {} : { seconds }) } as const;
    await stack.setFaults([{ endpoint: 'jobs.create', times: 1, effect }]);
    runs += 1;
    const file = stack.writePipeline(`stop-${runs}`, shopRows(60), {
      candidates: { models: ['local-nano'], learning_rate_multiplier: 1, epochs: 1 },
    });
    const run = await stack.startRun(file);
    await until(async () => (await stack.faults())[0]?.fired === 1, 'a job that is being created');
    return run;
  };

  /** In which attempt an activity of the run's job ended. */
  const attemptOf = async (run: WorkflowHandle, activity: string): Promise<number | undefined> => {
    const { events } = await stack.client.workflow.getHandle(`${run.workflowId}/${CANDIDATE}`).fetchHistory();
    const scheduled = events?.find(
      (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === activity,
    )?.eventId;
    const started = events?.find((event) =>
      event.activityTaskStartedEventAttributes?.scheduledEventId?.eq(scheduled ?? -1),
    );
    return started?.activityTaskStartedEventAttributes?.attempt ?? undefined;
  };

  test('F27 SIGTERM in the middle of an activity: it finishes within the grace time, in one attempt, and the worker exits 0', async () => {
    const worker = await startAnotherWorker(stack);
    const run = await runWithJobInTheMiddle(3);
    worker.child.kill('SIGTERM');
    const { code, stdout } = await worker.ended;
    expect(stdout).toMatch(/SIGTERM: stopping when the running activities have ended/);
    expect(stdout).toMatch(/"worker stopped"/);
    expect(code).toBe(0);

    const next = await startAnotherWorker(stack);
    expect(await run.result()).toMatchObject({ winner: CANDIDATE });
    expect(await attemptOf(run, 'createJob')).toBe(1);
    expect(await jobsOf(stack, run.workflowId)).toHaveLength(1);
    next.child.kill('SIGTERM');
    expect((await next.ended).code).toBe(0);
  });

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'F28 second signal (%s): exits non-zero at once, and the next worker adopts the job',
    async (signal) => {
      const worker = await startAnotherWorker(stack);
      const run = await runWithJobInTheMiddle();
      worker.child.kill(signal);
      await until(() => /stopping when the running/.test(worker.stdout), 'the first signal');
      // A Ctrl-C that reaches the worker twice, from the terminal and from npm, is one.
      await delay(300);
      const start = performance.now();
      worker.child.kill(signal);
      const { code, stdout } = await worker.ended;
      expect(performance.now() - start).toBeLessThan(1000);
      expect(stdout).toMatch(new RegExp(`second signal \\(${signal}\\): stopped without waiting`));
      expect(code).toBe(1);
      await expectAdoption(run);
    },
  );

  test('F28 force time: exits non-zero when it has passed, and the next worker adopts the job', async () => {
    const worker = await startAnotherWorker(stack, {
      NODE_OPTIONS: `--import ${path.join(ROOT, 'test/setup/hasty-worker.ts')}`,
    });
    const run = await runWithJobInTheMiddle();
    const start = performance.now();
    worker.child.kill('SIGTERM');
    const { code, stdout } = await worker.ended;
    expect(performance.now() - start).toBeGreaterThan(2500);
    expect(performance.now() - start).toBeLessThan(10_000);
    expect(stdout).toMatch(/GracefulShutdownPeriodExpiredError: Timed out/);
    expect(stdout).toMatch(/ended by force or by a failure, without waiting for running activities/);
    expect(code).toBe(1);
    await expectAdoption(run);
  });

  async function expectAdoption(run: WorkflowHandle): Promise<void> {
    const next = await startAnotherWorker(stack);
    try {
      expect(await run.result()).toMatchObject({ winner: CANDIDATE });
      expect(await attemptOf(run, 'createJob')).toBe(2);
      expect(await jobsOf(stack, run.workflowId)).toHaveLength(1);
    } finally {
      next.child.kill('SIGTERM');
      expect((await next.ended).code).toBe(0);
    }
  }
});
