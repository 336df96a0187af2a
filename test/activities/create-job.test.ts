import fc from 'fast-check';
import { settle } from '../../src/activities/create-job.ts';
import { jobIdentity } from '../../src/activities/support/job-input.ts';
import { ProviderError } from '../../src/providers/provider-error.ts';
import type { Job } from '../../src/providers/training.ts';
import { type TinyServer, tinyServer } from '../providers/http-server.ts';
import { providerAt } from '../providers/provider-at.ts';
import { ActivityBench, failureOf } from '../setup/activity-bench.ts';

const SETTLING_MS = 300;

describe('creating a job', () => {
  let bench: ActivityBench;

  beforeAll(async () => {
    bench = await ActivityBench.start({ settlingMs: SETTLING_MS, jobSeconds: 600 });
  });
  afterAll(() => bench.stop());
  beforeEach(() => bench.setFaults());

  test('a job is created once, with its owner in its metadata', async () => {
    const input = bench.jobInput();
    const created = await bench.run('createJob', input);
    const jobs = await bench.jobsOf(input);
    expect(created).toEqual({ jobId: jobs[0]?.id, adopted: false });
    expect(jobs).toHaveLength(1);
    expect(jobs[0]?.metadata).toEqual({
      tuneloop_key: jobIdentity(input).key,
      tuneloop_pipeline: 'bench',
      tuneloop_job: 'bench/run/job',
      tuneloop_execution: 'execution',
    });
  });

  test.each([1, 2, 7])('attempt %i adopts the existing job', async (attempt) => {
    const input = bench.jobInput();
    const { id } = await bench.createJob(input);
    expect(await bench.run('createJob', input, { attempt })).toEqual({ jobId: id, adopted: true });
    expect(await bench.jobsOf(input)).toHaveLength(1);
  });

  test('the job of another generation is another one', async () => {
    const input = bench.jobInput();
    const first = await bench.run('createJob', input);
    const second = await bench.run('createJob', { ...input, generation: 2 });
    expect(second).toMatchObject({ adopted: false });
    expect(second).not.toEqual(first);
  });

  test('any attempt but the first waits as long as a job may be missing from the list before it creates one', async () => {
    const input = bench.jobInput();
    const start = performance.now();
    expect(await bench.run('createJob', input, { attempt: 2 })).toMatchObject({ adopted: false });
    expect(performance.now() - start).toBeGreaterThanOrEqual(SETTLING_MS);
  });

  test('an attempt that waits adopts a job that shows meanwhile', async () => {
    const input = bench.jobInput();
    const running = bench.run('createJob', input, { attempt: 2 });
    const { id } = await bench.createJob(input);
    expect(await running).toEqual({ jobId: id, adopted: true });
    expect(await bench.jobsOf(input)).toHaveLength(1);
  });

  test.each([
    [400, undefined, 'PROVIDER_REFUSED'],
    [401, 'invalid_api_key', 'PROVIDER_REFUSED'],
    [403, 'training_not_available', 'PROVIDER_CLOSED'],
    [429, 'insufficient_quota', 'PROVIDER_QUOTA'],
  ])('a refusal with %i %s is a result: no job exists, and no request is repeated', async (status, code, expected) => {
    const effect = { kind: 'status', status, ...(code ? { code } : {}) } as const;
    await bench.setFaults({ endpoint: 'jobs.create', effect });
    const input = bench.jobInput();
    const before = (await bench.requests('jobs.create')).length;
    const created = await bench.run('createJob', input);
    expect(created).toEqual({ refused: { code: expected, message: expect.stringContaining(`answered ${status}`) } });
    expect(await bench.requests('jobs.create')).toHaveLength(before + 1);
    expect(await bench.jobsOf(input)).toEqual([]);
  });

  test('a refusal of the first look is a result, because nothing was sent before', async () => {
    const effect = { kind: 'status', status: 403, code: 'training_not_available' } as const;
    await bench.setFaults({ endpoint: 'jobs.list', effect });
    expect(await bench.run('createJob', bench.jobInput())).toMatchObject({ refused: { code: 'PROVIDER_CLOSED' } });
  });

  test('a refusal of a later look is an error, because a job may exist', async () => {
    const effect = { kind: 'status', status: 403, code: 'training_not_available' } as const;
    await bench.setFaults({ endpoint: 'jobs.list', effect });
    const failure = await failureOf(bench.run('createJob', bench.jobInput(), { attempt: 2 }));
    expect(failure).toMatchObject({ type: 'PROVIDER_CLOSED' });
  });

  test('an error that excludes an execution is not followed by a look, because the next attempt looks', async () => {
    await bench.setFaults({
      endpoint: 'jobs.create',
      effect: { kind: 'status', status: 429, headers: { 'retry-after': '7' } },
    });
    const failure = await failureOf(bench.run('createJob', bench.jobInput()));
    expect(failure).toMatchObject({ type: 'PROVIDER_UNAVAILABLE', nonRetryable: false, nextRetryDelay: 7000 });
  });

  describe('where there are several', () => {
    test('of several jobs the oldest is kept, and the others are cancelled and reported', async () => {
      const input = bench.jobInput();
      const oldest = await bench.createJob(input);
      const others = [await bench.createJob(input), await bench.createJob(input)];
      // Of the same second: then their ids decide, so that all attempts agree.
      const [kept, ...extras] = [oldest, ...others].map(({ id }) => id).sort();
      const sameSecond = new Set([oldest, ...others].map(({ created_at }) => created_at)).size === 1;
      const created = await bench.run('createJob', input);
      if (sameSecond) expect(created).toEqual({ jobId: kept, adopted: true });
      const jobs = await bench.jobsOf(input);
      expect(jobs.filter(({ status }) => status !== 'cancelled')).toHaveLength(1);
      expect(created).toMatchObject({ jobId: jobs.find(({ status }) => status !== 'cancelled')?.id });
      if (sameSecond) expect(bench.log.slice(-2).map(({ extra }) => extra)).toEqual(extras);
      expect(bench.log.at(-1)).toMatchObject({
        msg: 'a job exists twice; the extra one is cancelled unless it has ended',
      });
    });

    test('the newest of several jobs is cancelled although the list does not show it yet', async () => {
      const input = bench.jobInput();
      const { id } = await bench.createJob(input);
      // A lag counts from the end of the second in which a job was created.
      await new Promise((resolve) => setTimeout(resolve, 2100));
      // Hidden from the look, shown when the second one exists, which is not.
      await bench.setFaults(
        { endpoint: 'jobs.list', calls: [1], effect: { kind: 'list_lag', seconds: 600 } },
        { endpoint: 'jobs.list', calls: [2], effect: { kind: 'list_lag', seconds: 1 } },
      );
      expect(await bench.run('createJob', input)).toEqual({ jobId: id, adopted: true });
      expect((await bench.jobsOf(input)).map(({ status }) => status)).toEqual([
        expect.not.stringContaining('cancelled'),
        'cancelled',
      ]);
    });

    test('a list that fails after the creation loses no job', async () => {
      await bench.setFaults({ endpoint: 'jobs.list', calls: [2], effect: { kind: 'reset' } });
      const input = bench.jobInput();
      const created = await bench.run('createJob', input);
      expect(created).toEqual({ jobId: (await bench.jobsOf(input))[0]?.id, adopted: false });
    });
  });

  test('a run that was cancelled during the look creates nothing', async () => {
    await bench.setFaults({ endpoint: 'jobs.list', effect: { kind: 'latency', ms: 200 } });
    const input = bench.jobInput();
    const environment = bench.environment();
    const running = failureOf(environment.run(() => bench.activities.createJob(input)));
    environment.cancel();
    expect(await running).toBeInstanceOf(Error);
    expect(await bench.jobsOf(input)).toEqual([]);
  });
});

describe('a server that keeps no metadata', () => {
  let server: TinyServer;
  let bench: ActivityBench;
  const jobs: Record<string, unknown>[] = [];
  let lost = false;

  beforeAll(async () => {
    server = await tinyServer();
    server.answer = ({ method, body }) => {
      if (method === 'GET') return { body: { object: 'list', data: jobs.toReversed(), has_more: false } };
      const { metadata: _, ...asked } = JSON.parse(body);
      jobs.push({
        id: `ftjob-${jobs.length + 1}`,
        object: 'fine_tuning.job',
        created_at: 1_800_000_000 + jobs.length,
        status: 'running',
        ...asked,
        model: `${asked.model}-2026-11-01`,
      });
      return lost ? (response) => void response.destroy() : { body: jobs.at(-1) };
    };
    bench = await ActivityBench.start({ settlingMs: 50, baseURL: server.baseURL });
  });
  beforeEach(() => {
    jobs.length = 0;
    lost = false;
  });
  afterAll(async () => {
    await bench.stop();
    await server.close();
  });

  test('a job whose answer was lost is adopted by file, model and seed', async () => {
    lost = true;
    const input = bench.jobInput();
    expect(await bench.run('createJob', input)).toEqual({ jobId: 'ftjob-1', adopted: true });
    expect(await bench.run('createJob', input, { attempt: 2 })).toEqual({ jobId: 'ftjob-1', adopted: true });
    expect(jobs).toHaveLength(1);
  });

  test('another candidate, another generation and another file are other jobs', async () => {
    const input = bench.jobInput();
    await bench.run('createJob', input);
    for (const other of [bench.jobInput(), { ...input, generation: 2 }, { ...input, trainingFile: 'file-other' }]) {
      expect(await bench.run('createJob', other, { attempt: 2 })).toMatchObject({ adopted: false });
    }
    expect(new Set(jobs.map(({ seed, training_file }) => `${seed} ${training_file}`)).size).toBe(4);
    expect(jobs).toHaveLength(4);
  });
});

describe('settling', () => {
  const identity = { key: 'key', baseModel: 'm', trainingFile: 'f', seed: 1 };
  /** A provider whose list shows a job from a certain look on. */
  const showsAt = (look: number, settlingMs: number) => {
    let looks = 0;
    const training = providerAt('http://127.0.0.1:9/v1', { settlingMs }).training;
    const job = { id: 'ftjob-1' } as Job;
    jest.spyOn(training, 'findJobs').mockImplementation(async () => {
      looks += 1;
      return looks >= look ? [job] : [];
    });
    return { training, looks: () => looks };
  };

  test('settling ends with the first look that finds a job, and looks a bounded number of times', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 150 }), async (look, settlingMs) => {
        const { training, looks } = showsAt(look, settlingMs);
        const start = performance.now();
        const found = await settle(training, identity);
        const waited = performance.now() - start;
        if (found) expect(looks()).toBe(look);
        else expect(waited).toBeGreaterThanOrEqual(settlingMs);
        expect(looks()).toBeLessThanOrEqual(12);
      }),
      { numRuns: 10 },
    );
  });

  test('a look that fails for a passing reason is no answer, and the ones after it count', async () => {
    const { training, looks } = showsAt(100, 300);
    const findJobs = jest.mocked(training.findJobs);
    const down = new ProviderError('PROVIDER_UNREACHABLE', 'down', { retryable: true });
    findJobs.mockRejectedValueOnce(down).mockRejectedValueOnce(down);
    expect(await settle(training, identity)).toBeUndefined();
    expect(looks()).toBeGreaterThan(0);
  });

  test.each([
    ['the last one', 0, new ProviderError('PROVIDER_UNREACHABLE', 'down', { retryable: true })],
    ['a refused one', 300, new ProviderError('PROVIDER_REFUSED', 'no', { retryable: false, status: 401 })],
    [
      'one that asks to wait',
      300,
      new ProviderError('PROVIDER_UNAVAILABLE', 'later', { retryable: true, retryAfterMs: 9 }),
    ],
  ])('%s fails the whole settling: no job is created blindly', async (_name, settlingMs, error) => {
    const { training } = showsAt(1, settlingMs);
    jest.mocked(training.findJobs).mockRejectedValueOnce(error);
    await expect(settle(training, identity)).rejects.toBe(error);
  });

  test('one look is enough where nothing has to settle', async () => {
    const { training, looks } = showsAt(2, 0);
    expect(await settle(training, identity)).toBeUndefined();
    expect(looks()).toBe(1);
  });
});
