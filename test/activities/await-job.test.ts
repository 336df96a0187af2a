import { ApplicationFailureCategory } from '@temporalio/common';
import fc from 'fast-check';
import type { Endpoint, FaultRule } from '../../packages/local-trainer/src/faults/fault-plan.ts';
import { pollDelayMs } from '../../src/activities/await-job.ts';
import type { JobHeartbeat } from '../../src/core/run/job-heartbeat.ts';
import { ActivityBench, failureOf } from '../setup/activity-bench.ts';
import { until } from '../setup/cli.ts';
import { STACK_PRICES } from '../setup/stack.ts';

test('the first question is repeated after half a second, the second one 10 % later', () => {
  expect(pollDelayMs(1)).toBe(500);
  expect(pollDelayMs(2)).toBe(550);
});

test('a job is never asked for more often than twice a second, and never less than twice a minute', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), (attempt) => {
      const delay = pollDelayMs(attempt);
      expect(Number.isInteger(delay)).toBe(true);
      expect(delay).toBeGreaterThanOrEqual(500);
      expect(delay).toBeLessThanOrEqual(30_000);
    }),
  );
});

test('the time between questions never shrinks, and is the longest within 45 attempts', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100_000 }), (attempt) => {
      expect(pollDelayMs(attempt + 1)).toBeGreaterThanOrEqual(pollDelayMs(attempt));
    }),
  );
  expect(pollDelayMs(45)).toBe(30_000);
  expect(pollDelayMs(44)).toBe(30_000);
});

test('a job of 4 minutes is asked for at most 50 times', () => {
  let waited = 0;
  let questions = 0;
  while (waited < 240_000) {
    questions += 1;
    waited += pollDelayMs(questions);
  }
  expect(questions).toBeLessThanOrEqual(50);
});

describe('one question', () => {
  const NOW = Date.UTC(2026, 10, 23);
  const MINUTE = 60_000;
  let bench: ActivityBench;

  beforeAll(async () => {
    const deadlines = { validating_minutes: 1, queued_minutes: 2, running_minutes: 3, ready_minutes: 4 };
    bench = await ActivityBench.start({ settlingMs: 0, deadlines });
  });
  afterAll(() => bench.stop());
  beforeEach(() => bench.setFaults());

  /** A job that shows what it is told to, in a plan with further faults. */
  const jobThat = async (effect: FaultRule['effect'], ...rules: FaultRule[]) => {
    await bench.setFaults({ endpoint: 'jobs.create', effect }, ...rules);
    const input = bench.jobInput();
    const { id: jobId } = await bench.createJob(input);
    return { ...input, jobId };
  };
  const seen = (phase: JobHeartbeat['phase'], agoMs: number): JobHeartbeat => {
    return { status: phase, phase, since: NOW - agoMs, step: null, totalSteps: null, trainLoss: null, validLoss: null };
  };
  /** Asks, and returns the error and the shown details. */
  const ask = async (input: Awaited<ReturnType<typeof jobThat>>, last?: JobHeartbeat, attempt = 2) => {
    const environment = bench.environment({
      attempt,
      currentAttemptScheduledTimestampMs: NOW,
      ...(last ? { heartbeatDetails: last } : {}),
    });
    const beats: JobHeartbeat[] = [];
    environment.on('heartbeat', (details: JobHeartbeat) => beats.push(details));
    const failure = await failureOf(environment.run(() => bench.activities.awaitJob(input)));
    return { failure, beat: beats.at(-1) };
  };
  const status = (of: string, error?: { code: string; message: string }) =>
    ({ kind: 'job_status', status: of, ...(error ? { error } : {}) }) as const;

  test.each([
    ['validating_files', 'validating'],
    ['queued', 'queued'],
    ['running', 'running'],
    ['pausing', 'running'],
    ['melting', 'running'],
  ] as const)('a job that is %s is asked for again, and counts as %s', async (shown, phase) => {
    const { failure, beat } = await ask(await jobThat(status(shown)));
    expect(failure).toMatchObject({
      type: 'JOB_PENDING',
      nonRetryable: false,
      nextRetryDelay: pollDelayMs(2),
      category: ApplicationFailureCategory.BENIGN,
    });
    expect(beat).toMatchObject({ status: shown, phase, since: NOW });
  });

  test('the time in a phase counts over attempts, and begins anew with the next phase', async () => {
    const input = await jobThat(status('queued'));
    expect((await ask(input, seen('queued', 2 * MINUTE))).beat?.since).toBe(NOW - 2 * MINUTE);
    expect((await ask(input, seen('validating', 2 * MINUTE))).beat?.since).toBe(NOW);
    expect((await ask(input, seen('queued', 2 * MINUTE + 1))).failure).toMatchObject({
      type: 'JOB_DEADLINE',
      nonRetryable: true,
      message: expect.stringMatching(/queued for .*deadlines\.queued_minutes/),
    });
  });

  test('the last question before a deadline is asked when that has passed, and not half a minute later', async () => {
    const { failure } = await ask(await jobThat(status('running')), seen('running', 3 * MINUTE - 4000), 500);
    expect(failure).toMatchObject({ type: 'JOB_PENDING', nextRetryDelay: 4000 });
  });

  test.each<[string, Endpoint, FaultRule['effect'], number]>([
    ['500', 'jobs.get', { kind: 'status', status: 500 }, pollDelayMs(2)],
    ['a reset', 'jobs.get', { kind: 'reset' }, pollDelayMs(2)],
    ['429', 'jobs.get', { kind: 'status', status: 429, headers: { 'retry-after': '17' } }, 17_000],
    ['a revoked key', 'jobs.get', { kind: 'status', status: 401 }, 60_000],
    ['a quota', 'jobs.get', { kind: 'status', status: 429, code: 'insufficient_quota' }, 60_000],
    ['events that cannot be had', 'jobs.events', { kind: 'status', status: 403 }, pollDelayMs(2)],
  ])('%s is no reason to give up a job', async (_name, endpoint, effect, nextRetryDelay) => {
    const { failure, beat } = await ask(await jobThat(status('queued'), { endpoint, effect }), seen('queued', 5000));
    expect(failure).toMatchObject({ type: 'JOB_PENDING', nonRetryable: false, nextRetryDelay });
    // The phase is the last seen one, and its time continues.
    expect(beat).toMatchObject({ phase: 'queued', since: NOW - 5000 });
  });

  test('the deadline of a job holds whatever error its questions meet', async () => {
    const input = await jobThat(status('queued'), { endpoint: 'jobs.get', effect: { kind: 'status', status: 500 } });
    const { failure } = await ask(input, seen('queued', 3 * MINUTE));
    expect(failure).toMatchObject({ type: 'JOB_DEADLINE', nonRetryable: true });
  });

  test('a job that the provider does not know is lost at once', async () => {
    const { failure } = await ask({ ...(await jobThat(status('queued'))), jobId: 'ftjob-nobody' });
    expect(failure).toMatchObject({ type: 'PROVIDER_REFUSED', nonRetryable: true });
  });

  test('a job that has succeeded is reported with its model and its cost', async () => {
    const input = await jobThat({ kind: 'latency', ms: 0 });
    await until(
      async () => (await bench.openai.fineTuning.jobs.retrieve(input.jobId)).status === 'succeeded',
      'an end',
    );
    const job = await bench.openai.fineTuning.jobs.retrieve(input.jobId);
    const price = STACK_PRICES.models['local-nano']?.training ?? 0;
    expect(await bench.run('awaitJob', input)).toEqual({
      state: 'succeeded',
      jobId: input.jobId,
      model: job.fine_tuned_model,
      trainingUsd: ((job.trained_tokens ?? 0) * price) / 1e6,
      trainingSeconds: expect.any(Number),
      checkpoints: expect.any(Array),
    });
  });

  test('the progress of a job is kept over unanswered questions', async () => {
    const input = await jobThat(status('running'), {
      endpoint: 'jobs.events',
      effect: { kind: 'status', status: 500 },
    });
    const progress = { step: 40, totalSteps: 80, trainLoss: 0.5, validLoss: null };
    const { beat } = await ask(input, { ...seen('running', 5000), ...progress });
    expect(beat).toMatchObject(progress);
  });

  test('a job that has succeeded and has no model yet is waited for as a model', async () => {
    const input = await jobThat({ kind: 'model_ready_after', seconds: 600, null_model: true });
    await until(
      async () => (await bench.openai.fineTuning.jobs.retrieve(input.jobId)).status === 'succeeded',
      'an end',
    );
    expect((await ask(input, seen('running', 2 * MINUTE))).failure).toMatchObject({ type: 'MODEL_PENDING' });
    expect((await ask(input, seen('ready', 5 * MINUTE))).failure).toMatchObject({ type: 'MODEL_NOT_READY' });
  });

  test.each([
    ['failed', { code: 'server_error', message: 'sorry' }, 'server_error: sorry', 0, null],
    ['failed', { code: 'insufficient_quota', message: 'pay' }, 'insufficient_quota: pay', 0, 'PROVIDER_QUOTA'],
    ['failed', undefined, 'ended without a model', 0, null],
    ['cancelled', undefined, 'cancelled at the provider', null, null],
  ] as const)('a job that is %s with %j is a result', async (state, error, reason, trainingUsd, pause) => {
    const input = await jobThat(status(state, error));
    expect(await bench.run('awaitJob', input)).toEqual({ state, jobId: input.jobId, reason, trainingUsd, pause });
  });
});

test('a job that has succeeded is reported although nothing more can be read about it', async () => {
  const bench = await ActivityBench.start({ settlingMs: 0, timeoutMs: 600_000 });
  const { candidate, ...rest } = bench.jobInput();
  const hyperparameters = { learningRateMultiplier: 1, epochs: 3 };
  const input = { ...rest, candidate: { ...candidate, hyperparameters } };
  const { id: jobId } = await bench.createJob(input);
  await until(async () => (await bench.openai.fineTuning.jobs.retrieve(jobId)).status === 'succeeded', 'an end');
  await bench.setFaults({ endpoint: 'jobs.events', effect: { kind: 'execute_then_hang' } });
  expect(await bench.run('awaitJob', { ...input, jobId, reportTo: { workflowId: 'run', runId: '1' } })).toMatchObject({
    state: 'succeeded',
    model: expect.stringMatching(/^ft:/),
    // Of the eight epochs that so few rows get, the last three are kept.
    checkpoints: [{ epoch: 6 }, { epoch: 7 }, { epoch: 8 }],
  });
  await bench.stop();
});
