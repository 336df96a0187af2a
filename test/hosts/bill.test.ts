import { setTimeout as delay } from 'node:timers/promises';
import { type Played, play, until } from './playing.ts';
import { endedJob, jobRequest, tunedModel } from './tuned-model.ts';

const PRICES = {
  'gpt-4.1-nano': { training: 1000, tuned: { input: 20, output: 30 }, base: { input: 2, output: 3 } },
  'gpt-4.1': { training: 1000, minimum_per_job: 4, serving_per_hour: 36 },
};

let played: Played;
afterEach(() => played.close());

test('a job costs its trained tokens, and a question its tokens', async () => {
  played = await play('openai', { prices: PRICES });
  const { training, inference } = played.connected;
  const model = await tunedModel(training, 'gpt-4.1-nano');
  const messages = [{ role: 'user' as const, content: 'please refund my invoice' }];
  const { promptTokens, completionTokens } = await inference.complete({ model, messages });
  const { jobs, usd } = await played.ledger();
  expect(jobs[0]?.trainedTokens).toBeGreaterThan(100);
  expect(usd.training).toBeCloseTo((jobs[0]?.trainedTokens ?? 0) / 1000);
  expect(usd.tokens).toBeCloseTo((promptTokens * 20 + completionTokens * 30) / 1e6);
  expect(usd.total).toBeCloseTo(usd.training + usd.tokens);
});

test('a job costs at least the minimum, and a failed one nothing', async () => {
  played = await play('openai', { prices: PRICES });
  const { training } = played.connected;
  played.fail([{ on: 'jobs.create', calls: [2], effect: { kind: 'job_ends', state: 'failed' } }]);
  for (const seed of [1, 2]) {
    const { id } = await training.createJob(await jobRequest(training, 'gpt-4.1', seed));
    await endedJob(training, id);
  }
  expect((await played.ledger()).jobs).toMatchObject([
    { state: 'succeeded', usd: 4 },
    { state: 'failed', usd: 0 },
  ]);
});

test('a cancelled job costs the part that was trained', async () => {
  played = await play('openai', { prices: PRICES, jobSeconds: 4 });
  const { training } = played.connected;
  const { id } = await training.createJob(await jobRequest(training, 'gpt-4.1-nano'));
  await until(
    () => training.listMetrics(id),
    (points) => points.length > 0,
  );
  await training.cancelJob(id);
  const { tokens = 0 } = played.host.files.list()[0]?.content ?? {};
  const [{ usd, trainedTokens } = { usd: 0, trainedTokens: 0 }] = (await played.ledger()).jobs;
  expect(trainedTokens).toBeGreaterThan(0);
  expect(trainedTokens).toBeLessThan(2 * tokens);
  expect(usd).toBeCloseTo((trainedTokens ?? 0) / 1000);
});

test('a lease costs its hours by the clock of the host, and nothing more once it was removed', async () => {
  played = await play(
    'azure',
    // A second counts as an hour.
    { prices: PRICES, clockFactor: 3600, leaseReadyMs: 0 },
    { deployment_sku: 'globalstandard' },
  );
  const { training, serving } = played.connected;
  const lease = { name: 'tuneloop-a', models: [await tunedModel(training, 'gpt-4.1')], baseModel: 'gpt-4.1' };
  await serving?.create(lease);
  await delay(200);
  await serving?.remove(lease);
  const { leases, openLeases, usd } = await played.ledger();
  expect(openLeases).toBe(0);
  const seconds = leases.reduce((sum, { createdAt, removedAt }) => sum + ((removedAt ?? 0) - createdAt) / 1000, 0);
  expect(usd.serving).toBeCloseTo(seconds * 36);
  expect(usd.serving).toBeGreaterThan(0.2 * 36);
  await delay(50);
  expect((await played.ledger()).usd.serving).toBe(usd.serving);
});
