import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import fc from 'fast-check';
import { Wait } from '../../src/activities/await-job.ts';
import { runJson } from '../../src/client/runs.ts';
import type { JobHeartbeat, WaitPhase } from '../../src/core/run/job-heartbeat.ts';
import { shopRows } from '../setup/shop-log.ts';
import { Stack } from '../setup/stack.ts';
import { jobsOf, startAnotherWorker, statuses } from '../setup/stack-tools.ts';

jest.setTimeout(120_000);

const MINUTE = 60_000;
const NO_PROGRESS = { step: null, totalSteps: null, trainLoss: null, validLoss: null };
const DEADLINES = {
  validating_minutes: 1,
  queued_minutes: 2,
  running_minutes: 3,
  serving_minutes: 60,
  ready_minutes: 4,
};

describe('F45 the clock of the worker is wrong', () => {
  /** The result of a wait in an attempt that the server has scheduled then, on a worker whose clock is wrong. */
  const ask = (
    phase: WaitPhase,
    before: JobHeartbeat | undefined,
    now: number,
    offMs: number,
  ): Promise<ApplicationFailure> => {
    const environment = new MockActivityEnvironment({
      currentAttemptScheduledTimestampMs: now,
      heartbeatDetails: before,
      attempt: 2,
    });
    const clock = jest.spyOn(Date, 'now').mockReturnValue(now + offMs);
    return environment
      .run(async () => new Wait(DEADLINES).goesOn('job', phase, phase, NO_PROGRESS))
      .finally(() => clock.mockRestore()) as Promise<ApplicationFailure>;
  };

  test('deadlines count in the time of the server alone, whatever the worker’s clock says', async () => {
    const phases = ['validating', 'queued', 'running', 'ready'] as const;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...phases),
        fc.constantFrom(...phases),
        fc.integer({ min: 0, max: 6 * MINUTE }),
        fc.integer({ min: -20 * MINUTE, max: 20 * MINUTE }),
        async (phase, last, waited, offMs) => {
          const now = Date.UTC(2026, 10, 23);
          const before: JobHeartbeat = { status: last, phase: last, since: now - waited, ...NO_PROGRESS };
          const failure = await ask(phase, before, now, offMs);
          expect(failure).toBeInstanceOf(ApplicationFailure);
          const late = last === phase && waited > DEADLINES[`${phase}_minutes`] * MINUTE;
          expect(failure.nonRetryable ?? false).toBe(late);
          if (late) expect(failure.type).toBe(phase === 'ready' ? 'MODEL_NOT_READY' : 'JOB_DEADLINE');
        },
      ),
    );
  });

  describe('by ten minutes', () => {
    let stack: Stack;

    beforeAll(async () => {
      // Long enough to be asked for several times.
      stack = await Stack.start({ jobSeconds: 3 });
      await stack.stopWorker();
    });
    afterAll(() => stack.stop());

    test.each([
      ['ahead', 10 * MINUTE],
      ['behind', -10 * MINUTE],
    ])(
      '%s: a job that makes progress is waited for, and one that does not is given up in time',
      async (name, offMs) => {
        const shim = path.join(stack.home, `clock-${name}.mjs`);
        mkdirSync(stack.home, { recursive: true });
        writeFileSync(
          shim,
          `const real = Date.now;
        const Real = Date;
        globalThis.Date = class Date extends Real {
          constructor(...args) { args.length === 0 ? super(real() + ${offMs}) : super(...args); }
          static now() { return real() + ${offMs}; }
        };`,
        );
        const worker = await startAnotherWorker(stack, { NODE_OPTIONS: `--import ${pathToFileURL(shim)}` });
        try {
          // The second job that is created stays queued for ever.
          await stack.setFaults([
            { endpoint: 'jobs.create', calls: [2], effect: { kind: 'job_status', status: 'queued' } },
          ]);
          const file = stack.writePipeline(`clock-${name}`, shopRows(60), {
            candidates: { models: ['local-nano', 'local-mini'], learning_rate_multiplier: 1, epochs: 1 },
            deadlines: { validating_minutes: 1, queued_minutes: 0.15, running_minutes: 1, ready_minutes: 1 },
          });
          const start = Date.now();
          const run = await stack.startRun(file);
          await run.result();
          const { candidates = [] } = await runJson(run);
          expect(candidates.map(({ status }) => status).sort()).toEqual(['failed', 'succeeded']);
          const lost = candidates.find(({ status }) => status === 'failed');
          expect(lost?.reason).toMatch(/JOB_DEADLINE: .* has been queued for .*deadlines\.queued_minutes/);
          // Not before its time, and not ten minutes after it.
          expect(Date.now() - start).toBeGreaterThan(9000);
          expect(Date.now() - start).toBeLessThan(40_000);
          expect(statuses(await jobsOf(stack, run.workflowId))).toEqual(['cancelled', 'succeeded']);
        } finally {
          worker.child.kill('SIGTERM');
          await worker.ended;
        }
      },
    );
  });
});
