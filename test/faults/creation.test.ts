import { setTimeout as delay } from 'node:timers/promises';
import { defaultPayloadConverter, type WorkflowHandle } from '@temporalio/client';
import { randomShares } from '@tuneloop/app/internal/shared/random';
import fc from 'fast-check';
import type { FaultRule } from '../../packages/local-trainer/src/faults/fault-plan.ts';
import type { CreatedJob } from '../../src/activities/create-job.ts';
import type { JobHeartbeat } from '../../src/core/run/job-heartbeat.ts';
import { ActivityBench, failureOf } from '../setup/activity-bench.ts';
import { until } from '../setup/cli.ts';
import { shopRows } from '../setup/shop-log.ts';
import { Stack } from '../setup/stack.ts';
import { executed, jobsOf, statuses } from '../setup/stack-tools.ts';

jest.setTimeout(150_000);

const TWO = { models: ['local-nano', 'local-mini'], learning_rate_multiplier: 1, epochs: 1 };
const EIGHT = { models: ['local-nano', 'local-mini'], learning_rate_multiplier: [0.5, 1, 1.5, 2], epochs: 1 };

describe('a job is created once, whatever becomes of the request', () => {
  let bench: ActivityBench;

  beforeAll(async () => {
    bench = await ActivityBench.start({ settlingMs: 300, timeoutMs: 1000, jobSeconds: 600 });
  });
  afterAll(() => bench.stop());

  /** Attempts, as Temporal would make them, until one does not fail. */
  const attempts = async (input: ReturnType<ActivityBench['jobInput']>) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return { attempt, created: await bench.run('createJob', input, { attempt }) };
      } catch (error) {
        expect(error).toMatchObject({ nonRetryable: false });
      }
    }
  };

  test.each<[string, FaultRule['effect'][], number]>([
    ['F02 the request was executed and the connection reset: one job, adopted', [{ kind: 'execute_then_reset' }], 1],
    [
      'F03 the request was executed and answered with 500: one job, adopted',
      [{ kind: 'execute_then_status', status: 500 }],
      1,
    ],
    [
      'F03 the request was executed and answered with 503: one job, adopted',
      [{ kind: 'execute_then_status', status: 503 }],
      1,
    ],
    [
      'F03 the request was executed and answered with 408: one job, adopted',
      [{ kind: 'execute_then_status', status: 408 }],
      1,
    ],
    [
      'F03 the third request was executed, and all were answered with 500: one job, adopted',
      [
        { kind: 'status', status: 500 },
        { kind: 'status', status: 500 },
        { kind: 'execute_then_status', status: 500 },
      ],
      3,
    ],
    ['F04 the request was executed and never answered: one job, adopted', [{ kind: 'execute_then_hang' }], 1],
    [
      'F04 the request was executed and answered too late: one job, adopted',
      [{ kind: 'execute_then_hang', seconds: 2 }],
      1,
    ],
  ])('%s', async (_title, effects, requests) => {
    await bench.setFaults(
      ...effects.map((effect, index): FaultRule => ({ endpoint: 'jobs.create', calls: [index + 1], effect })),
    );
    const before = (await bench.requests('jobs.create')).length;
    const input = bench.jobInput();
    const { attempt, created } = await attempts(input);
    const [job, ...more] = await bench.jobsOf(input);
    expect(more).toEqual([]);
    expect(created).toEqual({ jobId: job?.id, adopted: true });
    expect(attempt).toBe(requests);
    // A later attempt finds it too.
    expect(await bench.run('createJob', input, { attempt: attempt + 1 })).toEqual(created);
    expect(await bench.requests('jobs.create')).toHaveLength(before + requests);
  });

  test('F02 F03 any series of lost answers and passing refusals ends with one job', async () => {
    const effects = fc.constantFrom<FaultRule['effect']>(
      { kind: 'reset' },
      { kind: 'status', status: 500 },
      { kind: 'status', status: 429 },
      { kind: 'status', status: 409 },
      { kind: 'execute_then_reset' },
      { kind: 'execute_then_status', status: 502 },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(effects, { maxLength: 4 }),
        fc.array(effects, { maxLength: 3 }),
        async (creates, lists) => {
          const rule =
            (endpoint: FaultRule['endpoint']) =>
            (effect: FaultRule['effect'], index: number): FaultRule => ({ endpoint, calls: [index + 1], effect });
          await bench.setFaults(...creates.map(rule('jobs.create')), ...lists.map(rule('jobs.list')));
          const input = bench.jobInput();
          const { created } = await attempts(input);
          const jobs = await bench.jobsOf(input);
          expect(jobs).toHaveLength(1);
          expect(created).toMatchObject({ jobId: jobs[0]?.id });
        },
      ),
      { numRuns: 12 },
    );
  });

  /** Two jobs of one candidate, because the list had not shown the first in time; the input of the second. */
  const twice = async () => {
    await bench.setFaults(
      { endpoint: 'jobs.create', calls: [1], effect: { kind: 'execute_then_reset' } },
      { endpoint: 'jobs.list', effect: { kind: 'list_lag', seconds: 600 } },
    );
    const input = bench.jobInput();
    const { attempt, created } = await attempts(input);
    expect(attempt).toBe(2);
    if (!('jobId' in created)) throw new Error('refused');
    const [first, second, ...more] = await bench.jobsOf(input);
    if (!first || !second) throw new Error('there are not two jobs');
    expect(more).toEqual([]);
    expect(created).toEqual({ jobId: second.id, adopted: false });
    return { input: { ...input, jobId: second.id }, first: first.id, second: second.id };
  };
  const waited = (phase: JobHeartbeat['phase']) => ({
    attempt: 3,
    heartbeatDetails: {
      status: phase,
      phase,
      since: 1,
      step: null,
      totalSteps: null,
      trainLoss: null,
      validLoss: null,
    },
  });

  test.each([
    ['as soon as a phase ends', 3, 'validating'],
    ['at the tenth question', 10, null],
  ] as const)(
    'F05 as F02, and the list lags for longer than the settling time: the extra job is cancelled %s, and reported',
    async (_when, attempt, phase) => {
      const { input, first, second } = await twice();
      await bench.setFaults();
      let status = '';
      await until(async () => {
        ({ status } = await bench.openai.fineTuning.jobs.retrieve(second));
        return status !== 'validating_files';
      }, 'a job whose files were validated');
      // Nothing has changed, because others are not looked for at each question.
      const same = waited(status === 'queued' ? 'queued' : 'running');
      expect(await failureOf(bench.run('awaitJob', input, same))).toMatchObject({ type: 'JOB_PENDING' });
      expect((await bench.openai.fineTuning.jobs.retrieve(first)).status).not.toBe('cancelled');
      const next = { ...(phase ? waited(phase) : same), attempt };
      expect(await failureOf(bench.run('awaitJob', input, next))).toMatchObject({ type: 'JOB_PENDING' });
      expect((await bench.openai.fineTuning.jobs.retrieve(first)).status).toBe('cancelled');
      expect((await bench.openai.fineTuning.jobs.retrieve(second)).status).not.toBe('cancelled');
      const told = { level: 40, kept: second, extra: first, msg: expect.stringMatching(/exists twice/) };
      expect(bench.log.at(-1)).toMatchObject(told);
      await bench.openai.fineTuning.jobs.cancel(second);
    },
  );

  test('F05 as F02, and the list lags until the job ends: the extra one is cancelled then, although it is the older one', async () => {
    const { input, first, second } = await twice();
    await bench.setFaults();
    await bench.openai.fineTuning.jobs.cancel(second);
    expect(await bench.run('awaitJob', input, waited('running'))).toMatchObject({ state: 'cancelled', jobId: second });
    expect(statuses(await bench.jobsOf(input))).toEqual(['cancelled', 'cancelled']);
    expect(bench.log.at(-1)).toMatchObject({ kept: second, extra: first });
  });

  test('F05 if the list fails in that moment, the job is looked for again until it answers', async () => {
    const { input } = await twice();
    await bench.openai.fineTuning.jobs.cancel(input.jobId);
    await bench.setFaults({ endpoint: 'jobs.list', calls: [1], effect: { kind: 'status', status: 401 } });
    expect(await failureOf(bench.run('awaitJob', input, waited('running')))).toMatchObject({
      type: 'JOB_PENDING',
      nonRetryable: false,
    });
    await bench.run('awaitJob', input, waited('running'));
    expect(statuses(await bench.jobsOf(input))).toEqual(['cancelled', 'cancelled']);
  });
});

describe('a worker dies while jobs are created', () => {
  let stack: Stack;
  let runs = 0;

  beforeAll(async () => {
    stack = await Stack.start({ jobSeconds: 3 });
  });
  afterAll(() => stack.stop());
  beforeEach(() => stack.setFaults([]));

  const startRun = (candidates: object) => {
    runs += 1;
    return stack.startRun(stack.writePipeline(`creation-${runs}`, shopRows(60), { candidates }));
  };
  /** The result of the activity that created a candidate's job, and its attempt. */
  const creationOf = async (workflowId: string): Promise<CreatedJob & { attempt: number }> => {
    const { events = [] } = await stack.client.workflow.getHandle(workflowId).fetchHistory();
    const scheduled = events?.find(
      (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'createJob',
    )?.eventId;
    const started = events?.find((event) =>
      event.activityTaskStartedEventAttributes?.scheduledEventId?.eq(scheduled ?? -1),
    );
    const completed = events?.find((event) =>
      event.activityTaskCompletedEventAttributes?.scheduledEventId?.eq(scheduled ?? -1),
    );
    const payload = completed?.activityTaskCompletedEventAttributes?.result?.payloads?.[0];
    if (!payload) throw new Error(`${workflowId} has created no job`);
    const created = defaultPayloadConverter.fromPayload<CreatedJob>(payload);
    return { ...created, attempt: started?.activityTaskStartedEventAttributes?.attempt ?? 0 };
  };
  const completed = async (run: WorkflowHandle): Promise<string> => {
    await run.result();
    return (await run.describe()).status.name;
  };

  test('F01 the worker is killed between the request for a job and its answer: one job each, and the run continues within 20 s', async () => {
    // One request was executed; the other is still on its way when the worker dies, and is executed later.
    await stack.setFaults([
      { endpoint: 'jobs.create', calls: [1], effect: { kind: 'execute_then_hang' } },
      { endpoint: 'jobs.create', calls: [2], effect: { kind: 'latency', ms: 4000 } },
    ]);
    const run = await startRun(TWO);
    await until(async () => (await stack.faults())[1]?.matched === 2, 'two requests for jobs');
    await until(async () => (await jobsOf(stack, run.workflowId)).length === 1, 'the first job');
    expect(await stack.killWorker()).toBe(true);
    await stack.startWorker();
    const start = performance.now();
    const details = async (id: string) =>
      (await stack.client.workflow.getHandle(id).describe()).raw.pendingActivities?.[0]?.activityType?.name ?? '';
    await until(async () => {
      const jobs = await jobsOf(stack, run.workflowId);
      const waiting = await Promise.all(jobs.map(({ metadata }) => details(metadata?.tuneloop_job ?? '')));
      return jobs.length === 2 && !waiting.includes('createJob');
    }, 'both jobs being waited for');
    expect(performance.now() - start).toBeLessThan(20_000);
    expect(await completed(run)).toBe('COMPLETED');
    const jobs = await jobsOf(stack, run.workflowId);
    expect(statuses(jobs)).toEqual(['succeeded', 'succeeded']);
    expect(new Set(jobs.map(({ metadata }) => metadata?.tuneloop_key)).size).toBe(2);
    expect(executed(stack.ledger(), 'jobs.create')).toHaveLength(2);
    for (const { id, metadata } of jobs) {
      expect(await creationOf(metadata?.tuneloop_job ?? '')).toEqual({ jobId: id, adopted: true, attempt: 2 });
    }
  });

  test('F02 F03 lost answers in a run: each job exists once, is adopted by the same attempt, and trained to its end', async () => {
    await stack.setFaults([
      { endpoint: 'jobs.create', calls: [1], effect: { kind: 'execute_then_reset' } },
      { endpoint: 'jobs.create', calls: [2], effect: { kind: 'execute_then_status', status: 500 } },
    ]);
    const before = stack.ledger().length;
    const run = await startRun(TWO);
    expect(await completed(run)).toBe('COMPLETED');
    const jobs = await jobsOf(stack, run.workflowId);
    expect(statuses(jobs)).toEqual(['succeeded', 'succeeded']);
    expect(executed(stack.ledger().slice(before), 'jobs.create')).toHaveLength(2);
    for (const { id, metadata } of jobs) {
      expect(await creationOf(metadata?.tuneloop_job ?? '')).toEqual({ jobId: id, adopted: true, attempt: 1 });
    }
  });

  test('F06 the worker is killed repeatedly while eight jobs start: eight keys, eight jobs', async () => {
    // The choices of a seed; the moments at which they meet the processes are the machine's.
    const random = randomShares(6);
    await stack.setFaults(
      [
        { endpoint: 'jobs.create', probability: 0.4, effect: { kind: 'latency', ms: 1500 } },
        { endpoint: 'jobs.create', probability: 0.5, times: 4, effect: { kind: 'execute_then_reset' } },
      ],
      6,
    );
    const before = stack.ledger().length;
    const run = await startRun(EIGHT);
    const created = () => executed(stack.ledger().slice(before), 'jobs.create').length;
    await until(() => created() > 0, 'a first job');
    for (let kill = 1; kill <= 4; kill += 1) {
      await delay(random() * 1500);
      expect(await stack.killWorker()).toBe(true);
      await stack.startWorker();
    }
    expect(await completed(run)).toBe('COMPLETED');
    const jobs = await jobsOf(stack, run.workflowId);
    expect(statuses(jobs)).toEqual(Array(8).fill('succeeded'));
    expect(new Set(jobs.map(({ metadata }) => metadata?.tuneloop_key)).size).toBe(8);
    expect(created()).toBe(8);
  });
});
