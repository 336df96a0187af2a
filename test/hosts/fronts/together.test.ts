import { setTimeout as delay } from 'node:timers/promises';
import { connectProvider } from '../../../src/providers/connect.ts';
import type { Provider } from '../../../src/providers/provider.ts';
import { endsEpoch, type Job } from '../../../src/providers/training.ts';
import { rejection } from '../../providers/http-server.ts';
import type { FaultInput } from '../faults.ts';
import { type RunningHost, startHost } from '../start-host.ts';
import { jobRequest, tunedModel } from '../tuned-model.ts';

const BASE_MODEL = 'llama-3.1-8b-instruct';

let running: RunningHost;
let provider: Provider;

beforeEach(async () => {
  running = await startHost('together');
  Object.assign(process.env, running.env);
  provider = connectProvider(running.provider);
});

afterEach(async () => {
  await running.close();
  expect(running.violations()).toEqual([]);
});

const once = (on: FaultInput['on'], effect: FaultInput['effect']) => running.fail([{ on, times: 1, effect }]);

function serving() {
  if (!provider.serving) throw new Error('Together serves by lease');
  return provider.serving;
}

async function ended({ id }: Job): Promise<Job> {
  for (;;) {
    const job = await provider.training.getJob(id);
    if (job.state !== 'pending') return job;
    await delay(50);
  }
}

test.each([
  ['the answer with the storage address', 'files.create'],
  ['the answer of the storage, and the check was never asked for,', 'files.send'],
] as const)('an upload is repeated after %s was lost, and its file can be trained on', async (_, on) => {
  once(on, { kind: 'lose_answer' });
  await rejection(jobRequest(provider.training, BASE_MODEL));
  const request = await jobRequest(provider.training, BASE_MODEL);
  expect(await provider.training.createJob(request)).toMatchObject({ state: 'pending' });
});

test('a job whose creation was not answered is found, and there is one of it', async () => {
  const request = await jobRequest(provider.training, BASE_MODEL);
  once('jobs.create', { kind: 'lose_answer' });
  expect(await rejection(provider.training.createJob(request))).toMatchObject({ mayHaveExecuted: true });
  const found = await provider.training.findJobs(request);
  const { jobs, duplicates } = await running.ledger();
  expect(found.map(({ id }) => id)).toEqual(jobs.map(({ id }) => id));
  expect(jobs).toHaveLength(1);
  expect(duplicates).toBe(0);
});

test('an endpoint whose creation was not answered is taken over by the next one', async () => {
  const model = await tunedModel(provider.training, BASE_MODEL);
  const lease = { name: 'tuneloop-run-1-a', models: [model], baseModel: BASE_MODEL };
  once('leases.create', { kind: 'lose_answer' });
  await rejection(serving().create(lease));
  expect(await serving().create(lease)).toMatchObject({ callAs: [expect.stringContaining('tuneloop/')] });
  await serving().remove(lease);
  expect(await running.ledger()).toMatchObject({ leases: [{ models: [model] }], openLeases: 0 });
});

test('the price of a job and of an hour of serving are those that the host charges', async () => {
  const request = await jobRequest(provider.training, BASE_MODEL);
  const estimate = await provider.estimateJob?.(request);
  const job = await ended(await provider.training.createJob(request));
  const { jobs } = await running.ledger();
  expect(job.costUsd).toBe(jobs[0]?.usd);
  expect(job.costUsd).toBe(estimate);
  expect(job.costUsd).toBeGreaterThan(0);

  const lease = { name: 'tuneloop-run-1-a', models: [job.model ?? ''], baseModel: BASE_MODEL };
  const { usdPerHour } = await serving().create(lease);
  expect(usdPerHour).toBeCloseTo(running.host.tariff.perHour(BASE_MODEL), 9);
  await serving().remove(lease);
});

test('a job that ends in the state `error` has failed, and costs nothing', async () => {
  const request = await jobRequest(provider.training, BASE_MODEL);
  once('jobs.create', { kind: 'job_ends', state: 'error', message: 'out of memory' });
  const job = await ended(await provider.training.createJob(request));
  expect(job).toMatchObject({ state: 'failed', known: true, failure: 'out of memory', costUsd: 0 });
  expect((await running.ledger()).usd.training).toBe(0);
});

test('metrics with gaps end no epoch that a later one could be taken for', async () => {
  const job = await ended(await provider.training.createJob(await jobRequest(provider.training, BASE_MODEL)));
  const ends = (await provider.training.listMetrics(job.id)).filter(endsEpoch).map(({ step }) => step);
  expect(ends).toHaveLength(2);
  running.fail([{ on: 'jobs.metrics', effect: { kind: 'gaps' } }]);
  const left = (await provider.training.listMetrics(job.id)).filter(endsEpoch).map(({ step }) => step);
  expect(left).toEqual(ends.slice(0, left.length));
});

test('the checkpoints of a job have what was measured at the end of their epochs', async () => {
  const job = await ended(await provider.training.createJob(await jobRequest(provider.training, BASE_MODEL)));
  const checkpoints = await provider.training.listCheckpoints(job.id);
  expect(checkpoints.map(({ epoch }) => epoch)).toEqual([1, 2]);
  expect(checkpoints.at(-1)?.model).toBe(job.model);
  for (const { validLoss } of checkpoints) expect(validLoss).toBeGreaterThan(0);
});
