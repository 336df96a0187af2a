import { setTimeout as delay } from 'node:timers/promises';
import { connectProvider } from '../../src/providers/connect.ts';
import { CRUSOE_METRICS } from '../../src/providers/dialects/crusoe-metrics.ts';
import type { Provider } from '../../src/providers/provider.ts';
import type { Job } from '../../src/providers/training.ts';
import { providerAt } from '../providers/provider-at.ts';
import { OPENAI_FRONT } from './fronts/openai.ts';
import { Host, type HostOptions } from './host.ts';
import { hasSpecs, NO_SPECS } from './schemas.ts';
import { type HostName, type RunningHost, startHost } from './start-host.ts';
import { jobRequest, tunedModel } from './tuned-model.ts';

const withSpecs = hasSpecs ? test : test.skip;
if (!hasSpecs) console.warn(NO_SPECS);

const MESSAGES = [{ role: 'user' as const, content: 'please refund my invoice' }];
const SLOW = 120;

let running: RunningHost;
let provider: Provider;

async function start(name: HostName, options: Partial<HostOptions> = {}): Promise<void> {
  running = await startHost(name, options);
  Object.assign(process.env, running.env);
  provider = connectProvider(running.provider);
}

afterEach(() => running.close());

/** The first answer that is as wanted; Jest's time limit bounds it. */
async function until<T>(look: () => Promise<T>, isWanted: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await look();
    if (isWanted(found)) return found;
    await delay(20);
  }
}

const jobWhen = (id: string, isWanted: (job: Job) => boolean) => until(() => provider.training.getJob(id), isWanted);
const ended = (id: string) => jobWhen(id, ({ state }) => state !== 'pending');
const baseModel = () => provider.profile.models[0]?.name ?? 'gpt-4.1-nano';
const newJob = async (seed = 1) => provider.training.createJob(await jobRequest(provider.training, baseModel(), seed));

describe('the documents of the hosts', () => {
  const post = async (body: object, path = '/v1/fine_tuning/jobs') => {
    const headers = { 'content-type': 'application/json', authorization: 'Bearer test-key' };
    const response = await fetch(`${running.host.origin}${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    return { status: response.status, body: await response.json() };
  };

  withSpecs('a request that the document of the host does not allow is refused and taken down', async () => {
    await start('openai');
    const { status } = await post({ model: 'gpt-4.1-nano', training_file: 7 });
    expect(status).toBe(400);
    expect(running.violations()).toMatchObject([{ what: 'request', problems: ['/training_file must be string'] }]);
    expect((await running.ledger()).jobs).toEqual([]);
  });

  withSpecs('Nebius refuses a request with 422 and the field that is wrong', async () => {
    await start('nebius');
    const { status, body } = await post({ model: 'm', training_file: 'f', hyperparameters: { n_epochs: 21 } });
    expect(status).toBe(422);
    expect(body).toMatchObject({ detail: [{ loc: ['body', 'hyperparameters', 'n_epochs'] }] });
  });

  test('Nebius refuses method and hyperparameters together', async () => {
    await start('nebius');
    const method = { type: 'supervised', supervised: { hyperparameters: { lora: true } } };
    const request = { model: 'm', training_file: 'f', method, hyperparameters: { lora: true } };
    expect(await post(request)).toMatchObject({ status: 400, body: { detail: expect.stringContaining('together') } });
  });

  withSpecs('an answer that the document of the host does not allow is taken down', async () => {
    const broken = OPENAI_FRONT.routes.map((route) =>
      route.operation === 'files.list'
        ? { ...route, handle: () => ({ body: { object: 'list', data: [{ id: 1 }] } }) }
        : route,
    );
    const host = await Host.start({ ...OPENAI_FRONT, routes: broken });
    await fetch(`${host.origin}/v1/files`, { headers: { authorization: 'Bearer test-key' } });
    await host.close();
    expect(host.violations()).toMatchObject([{ what: 'answer', path: '/v1/files' }]);
    await start('openai');
  });

  withSpecs('a field that no document has is taken down', async () => {
    await start('openai');
    await post({
      model: 'gpt-4.1-nano',
      training_file: 'f',
      method: { type: 'supervised', supervised: { epochs: 2 } },
    });
    expect(running.violations()).toMatchObject([
      { what: 'meaning', problems: ['/method/supervised/epochs is not in the document'] },
    ]);
  });

  test('a job in the words of OpenAI trains all weights at Nebius, at a rate that nobody asked for', async () => {
    await start('nebius');
    const stranger = providerAt(`${running.host.origin}/v1`, { apiKey: 'test-key' });
    const [model = ''] = running.host.models.bases.map(({ id }) => id);
    await stranger.training.createJob(await jobRequest(stranger.training, model));
    const problems = running.violations().flatMap((each) => each.problems);
    expect(problems).toContain('learning_rate_multiplier is passed over');
    expect(problems).toContain('without lora, all weights are trained');
  });
});

describe('the bill of a host', () => {
  const PRICES = {
    'gpt-4.1-nano': {
      training: 1000,
      minimum_per_job: 0,
      tuned: { input: 20, output: 30 },
      base: { input: 2, output: 3 },
    },
    'gpt-4.1': { training: 1000, minimum_per_job: 4, serving_per_hour: 36 },
  };

  test('a job costs its trained tokens, and a chat its tokens', async () => {
    await start('openai', { prices: PRICES });
    const model = await tunedModel(provider.training, 'gpt-4.1-nano');
    const { promptTokens, completionTokens } = await provider.inference.complete({ model, messages: MESSAGES });
    const { jobs, usd } = await running.ledger();
    expect(jobs[0]?.trainedTokens).toBeGreaterThan(100);
    expect(usd.training).toBeCloseTo((jobs[0]?.trainedTokens ?? 0) / 1000);
    expect(usd.tokens).toBeCloseTo((promptTokens * 20 + completionTokens * 30) / 1e6);
  });

  test('a job costs at least the minimum, and a failed one nothing', async () => {
    await start('openai', { prices: PRICES });
    running.fail([{ on: 'jobs.create', calls: [2], effect: { kind: 'job_ends', state: 'failed' } }]);
    for (const seed of [1, 2])
      await ended((await provider.training.createJob(await jobRequest(provider.training, 'gpt-4.1', seed))).id);
    expect((await running.ledger()).jobs.map(({ state, usd }) => [state, usd])).toEqual([
      ['succeeded', 4],
      ['failed', 0],
    ]);
  });

  test('a cancelled job costs the part that was trained', async () => {
    await start('openai', { prices: PRICES, jobSeconds: 4 });
    const { id } = await newJob();
    await until(
      () => provider.training.listMetrics(id),
      (points) => points.length > 0,
    );
    await provider.training.cancelJob(id);
    const whole = running.host.files.list()[0]?.content?.tokens ?? 0;
    const { usd, trainedTokens } = (await running.ledger()).jobs[0] ?? {};
    expect(trainedTokens).toBeGreaterThan(0);
    expect(trainedTokens).toBeLessThan(2 * whole);
    expect(usd).toBeCloseTo((trainedTokens ?? 0) / 1000);
  });

  test('a lease costs its hours by the clock of the host, and no longer once it was removed', async () => {
    await start('azure', { prices: PRICES, clockFactor: 3600, leaseReadyMs: 0 });
    provider = connectProvider({
      ...running.provider,
      options: { ...running.provider.options, deployment_sku: 'globalstandard' },
    });
    const models = [await tunedModel(provider.training, 'gpt-4.1')];
    const lease = { name: 'tuneloop-a', models, baseModel: 'gpt-4.1' };
    await provider.serving?.create(lease);
    await delay(200);
    await provider.serving?.remove(lease);
    const { leases, openLeases, usd } = await running.ledger();
    const [{ createdAt = 0, removedAt = 0 } = {}] = leases;
    expect(openLeases).toBe(0);
    // A second counts as an hour.
    expect(usd.serving).toBeCloseTo((((removedAt ?? 0) - createdAt) / 1000) * 36);
    expect(usd.serving).toBeGreaterThan(0.2 * 36);
    expect((await running.ledger()).usd.serving).toBe(usd.serving);
  });
});

describe('faults of a host', () => {
  test('the answer of a job that was created gets lost, and the ledger has the job', async () => {
    await start('openai');
    running.fail([{ on: 'jobs.create', times: 1, effect: { kind: 'lose_answer' } }]);
    const request = await jobRequest(provider.training, 'gpt-4.1-nano');
    await expect(provider.training.createJob(request)).rejects.toMatchObject({ mayHaveExecuted: true });
    expect(await running.ledger()).toMatchObject({ jobs: [{ key: request.key.slice(0, 12) }], duplicates: 0 });
    await provider.training.createJob(request);
    expect((await running.ledger()).duplicates).toBe(1);
  });

  test.each([
    ['does not exist', false, 0],
    ['exists all the same', true, 1],
  ])('a job whose creation is answered with 503 %s', async (_, executed, jobs) => {
    await start('openai');
    running.fail([{ on: 'jobs.create', effect: { kind: 'status', status: 503, executed } }]);
    await expect(newJob()).rejects.toMatchObject({ status: 503 });
    expect((await running.ledger()).jobs).toHaveLength(jobs);
  });

  test('an answer of 429 names the wait', async () => {
    await start('azure');
    running.fail([{ on: 'leases.list', effect: { kind: 'status', status: 429, retryAfterSeconds: 7 } }]);
    await expect(provider.serving?.list('')).rejects.toMatchObject({ status: 429, retryAfterMs: 7000 });
  });

  test('a new job is missing from the list for a while', async () => {
    await start('openai', { jobSeconds: SLOW });
    running.fail([{ on: 'jobs.create', effect: { kind: 'list_lag', ms: 300 } }]);
    const request = await jobRequest(provider.training, 'gpt-4.1-nano');
    await provider.training.createJob(request);
    expect(await provider.training.findJobs(request)).toEqual([]);
    await until(
      () => provider.training.findJobs(request),
      (jobs) => jobs.length === 1,
    );
  });

  test('a host that forgets seed and suffix shows neither, and its ledger knows both', async () => {
    await start('nebius', { forgets: ['seed', 'suffix'], jobSeconds: SLOW });
    const request = await jobRequest(provider.training, baseModel());
    await provider.training.createJob(request);
    expect(await provider.training.findJobs(request)).toEqual([]);
    expect((await running.ledger()).jobs).toMatchObject([{ seed: 1, key: request.key.slice(0, 12) }]);
  });

  test('the model of a job that has succeeded comes late', async () => {
    await start('crusoe');
    running.fail([{ on: 'jobs.create', effect: { kind: 'model_late', ms: 500 } }]);
    const { id } = await newJob();
    expect(await ended(id)).toMatchObject({ state: 'succeeded', model: null });
    await jobWhen(id, ({ model }) => model !== null);
  });

  test('a job shows a state that nobody has seen before, and one that it ends in', async () => {
    await start('openai');
    running.fail([
      { on: 'jobs.get', times: 1, effect: { kind: 'shown_state', state: 'defragmenting' } },
      { on: 'jobs.create', effect: { kind: 'job_ends', state: 'error', message: 'a machine is broken' } },
    ]);
    const { id } = await newJob();
    expect(await provider.training.getJob(id)).toMatchObject({
      state: 'pending',
      known: false,
      status: 'defragmenting',
    });
    await jobWhen(id, ({ status }) => status === 'error');
    expect(await running.ledger()).toMatchObject({ jobs: [{ state: 'failed', usd: 0 }] });
  });

  test('losses are missing from the figures of a job', async () => {
    await start('crusoe');
    const { id } = await newJob();
    await ended(id);
    const losses = async () => {
      const headers = { authorization: 'Bearer test-key' };
      const response = await fetch(`${running.provider.baseURL}/fine_tuning/jobs/${id}/metrics`, { headers });
      const { metrics } = CRUSOE_METRICS.parse(await response.json());
      return metrics?.find((each) => each.metric_name === 'ev_loss')?.data?.length ?? 0;
    };
    const all = await losses();
    running.fail([{ on: 'jobs.metrics', effect: { kind: 'gaps' } }]);
    expect(await losses()).toBe(Math.floor(all / 2));
  });
});

describe('leases of a host', () => {
  const leased = async (options: Partial<HostOptions> = {}) => {
    await start('azure', options);
    const model = await tunedModel(provider.training, baseModel());
    const lease = { name: 'tuneloop-a', models: [model], baseModel: baseModel() };
    return { model, lease };
  };
  const ask = (model: string) => provider.inference.complete({ model, callAs: 'tuneloop-a', messages: MESSAGES });

  test('a model cannot be called without a lease, nor while it is starting, nor after its removal', async () => {
    const { model, lease } = await leased({ leaseReadyMs: 300 });
    await expect(ask(model)).rejects.toMatchObject({ status: 404 });
    await expect(provider.inference.complete({ model, messages: MESSAGES })).rejects.toMatchObject({ status: 404 });
    await provider.serving?.create(lease);
    await expect(ask(model)).rejects.toMatchObject({ status: 404 });
    await until(
      async () => (await provider.serving?.find(lease))?.state,
      (state) => state === 'ready',
    );
    expect((await ask(model)).text).not.toBe('');
    running.host.leases.remove('tuneloop-a');
    expect(await provider.serving?.find(lease)).toBeUndefined();
    await expect(ask(model)).rejects.toMatchObject({ status: 404 });
  });

  test('a lease never gets ready, and another one fails', async () => {
    const { lease } = await leased({ leaseReadyMs: 0 });
    running.fail([
      { on: 'leases.create', calls: [1], effect: { kind: 'ready_after', ms: null } },
      { on: 'leases.create', calls: [2], effect: { kind: 'lease_fails' } },
    ]);
    const other = { ...lease, name: 'tuneloop-b' };
    await provider.serving?.create(lease);
    await provider.serving?.create(other);
    await delay(50);
    expect(await provider.serving?.find(lease)).toMatchObject({ state: 'starting' });
    expect(await provider.serving?.find(other)).toMatchObject({ state: 'failed' });
  });

  test('the management of Azure refuses the key of the resource', async () => {
    await start('azure');
    const folder = running.host.front.routes.find(({ operation }) => operation === 'leases.list')?.path;
    const headers = { 'api-key': 'test-key', authorization: 'Bearer test-key' };
    const response = await fetch(`${running.host.origin}${folder}?api-version=1`, { headers });
    expect(response.status).toBe(401);
  });
});
