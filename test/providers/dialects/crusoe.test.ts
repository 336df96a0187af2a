import type { LeaseRequest } from '../../../src/core/run/lease.ts';
import type { MetricPoint } from '../../../src/core/run/training-metrics.ts';
import { crusoeProvider } from '../../../src/providers/dialects/crusoe.ts';
import { CRUSOE_METRICS, crusoePoints } from '../../../src/providers/dialects/crusoe-metrics.ts';
import { profileOf } from '../../../src/providers/profiles/index.ts';
import type { Provider } from '../../../src/providers/provider.ts';
import type { Serving } from '../../../src/providers/serving.ts';
import { endsEpoch, type JobRequest } from '../../../src/providers/training.ts';
import { describeServing } from '../../../src/testing/serving.ts';
import { type Answer, type Received, rejection } from '../http-server.ts';
import { type HostServer, hostServer, jsonOf, paged } from './host-server.ts';
import { REQUEST as GENERAL, jobBody, LABEL } from './job.ts';

const REQUEST: JobRequest = { ...GENERAL, baseModel: 'llama-3.1-8b-instruct' };
const BASE = 'meta-llama/Llama-3.1-8B-Instruct';
const LORAS = '/v1/projects/project-1/foundry/loras';
const SELFSERVE = '/v1/projects/project-1/foundry/selfserve';
const OWNER = { object: 'model', created: 1, owned_by: 'crusoe' };
const CATALOGUE = {
  object: 'list',
  data: [
    { ...OWNER, id: 'model-1', model_name: BASE, fine_tuning_available: false },
    { ...OWNER, id: 'model-2', model_name: BASE, fine_tuning_available: true },
    { ...OWNER, id: 'model-3', model_name: 'openai/gpt-oss-120b', fine_tuning_available: false },
  ],
};

let server: HostServer;
let provider: Provider;
beforeEach(async () => {
  server = await hostServer('crusoe');
  provider = crusoeAt(server.baseURL);
});
afterEach(async () => {
  await server.close();
  expect(server.problems).toEqual([]);
});

function crusoeAt(baseURL: string, options: Record<string, unknown> = {}, apiKey = 'key-1'): Provider {
  const profile = profileOf({ profile: 'crusoe', options: { project: 'project-1', ...options } });
  const addresses = { inference: `${baseURL}/inference`, deployments: baseURL };
  return crusoeProvider({ ...profile, address: baseURL, addresses }, apiKey);
}

function servingOf({ serving }: Provider): Serving {
  if (!serving) throw new Error('it serves nothing');
  return serving;
}

/** Answers by method and path. */
const routes =
  (answers: Readonly<Record<string, Answer | ((request: Received) => Answer)>>) =>
  (request: Received): Answer => {
    const { pathname } = new URL(request.url, 'http://host');
    const answer = answers[`${request.method} ${pathname.replace(/^\/v1/, '')}`];
    if (!answer) return { status: 404, body: { error: { message: `no ${request.method} ${pathname}` } } };
    return typeof answer === 'function' ? (answer as (request: Received) => Answer)(request) : answer;
  };
const creating = { 'GET /models': { body: CATALOGUE }, 'POST /fine_tuning/jobs': { body: jobBody('ftjob-1') } };
const sent = () => jsonOf(server.received.find(({ method }) => method === 'POST'));

describe('training at Crusoe', () => {
  test('a job names the entry of the catalogue that can be tuned, and asks for one evaluation an epoch', async () => {
    server.reply = routes(creating);
    await provider.training.createJob(REQUEST);
    expect(sent()).toEqual({
      model: 'model-2',
      training_file: 'file-train',
      validation_file: 'file-validation',
      suffix: LABEL,
      seed: 42,
      metadata: expect.objectContaining({ tuneloop_key: REQUEST.key }),
      method: {
        type: 'supervised',
        supervised: {
          hyperparameters: { n_epochs: 3, learning_rate_multiplier: 2, lora_rank: 16, eval_steps_per_epoch: 1 },
        },
      },
    });
  });

  test('a rate is sent as a rate without a multiplier, beside rank, batch and patience', async () => {
    server.reply = routes(creating);
    const hyperparameters = { learningRateMultiplier: 2, learningRate: 2e-4, epochs: 2, batchSize: 32, loraRank: 8 };
    await crusoeAt(server.baseURL, { early_stopping_patience: 4 }).training.createJob({ ...REQUEST, hyperparameters });
    expect(sent().method).toEqual({
      type: 'supervised',
      supervised: {
        hyperparameters: {
          n_epochs: 2,
          batch_size: 32,
          learning_rate: 2e-4,
          lora_rank: 8,
          early_stopping_patience: 4,
          eval_steps_per_epoch: 1,
        },
      },
    });
  });

  test.each([
    ['gpt-oss-120b', 'cannot be tuned there'],
    ['no-such-model', 'is not in its list of models'],
  ])('no job is sent for %s', async (baseModel, reason) => {
    server.reply = routes(creating);
    expect(await rejection(provider.training.createJob({ ...REQUEST, baseModel }))).toMatchObject({
      retryable: false,
      mayHaveExecuted: false,
      message: expect.stringContaining(reason),
    });
    expect(server.received.map(({ method }) => method)).toEqual(['GET']);
  });

  test('models are listed by the names that pipelines use, with those that can be asked at the other address', async () => {
    server.reply = routes({
      'GET /models': { body: CATALOGUE },
      'GET /inference/models': { body: { object: 'list', data: [{ id: 'ftmodel-1' }, { id: BASE }] } },
    });
    expect((await provider.inference.listModels()).map(({ id }) => id)).toEqual([
      BASE,
      'openai/gpt-oss-120b',
      'ftmodel-1',
    ]);
    server.reply = routes({ 'GET /models': { body: CATALOGUE } });
    expect(await provider.inference.listModels()).toHaveLength(2);
  });

  test('questions go to the address of inference, with the same key', async () => {
    server.reply = () => ({ body: { choices: [{ message: { role: 'assistant', content: 'yes' } }] } });
    await provider.inference.complete({ model: 'ftmodel-1', messages: [{ role: 'user', content: 'well?' }] });
    expect(server.received[0]).toMatchObject({
      url: '/v1/inference/chat/completions',
      headers: { authorization: 'Bearer key-1' },
    });
  });

  test('a job without metadata is found by the label of its suffix on any page, and not by seed alone', async () => {
    const ours = jobBody('ftjob-3', { suffix: LABEL, seed: 0 });
    const pages = [[jobBody('ftjob-1', { training_file: 'file-other' })], [jobBody('ftjob-2', { seed: 7 })], [ours]];
    server.reply = routes({ 'GET /fine_tuning/jobs': paged(pages) });
    expect(await provider.training.findJobs(REQUEST)).toMatchObject([{ id: 'ftjob-3' }]);
    expect(await provider.training.findJobs({ ...REQUEST, key: 'f'.repeat(64), seed: 9 })).toEqual([]);
  });

  test('a job whose suffix is lost is found by file and seed', async () => {
    server.reply = routes({ 'GET /fine_tuning/jobs': paged([[jobBody('ftjob-1', { model: 'model-2' })]]) });
    expect(await provider.training.findJobs(REQUEST)).toMatchObject([{ id: 'ftjob-1' }]);
  });

  test('a pending job tells the execution that created it by its suffix', async () => {
    const others = [jobBody('ftjob-1', { suffix: 'mine' }), jobBody('ftjob-2', { suffix: LABEL, status: 'succeeded' })];
    server.reply = routes({ 'GET /fine_tuning/jobs': paged([others, [jobBody('ftjob-3', { suffix: LABEL })]]) });
    expect(await provider.training.listPendingJobs()).toEqual([{ id: 'ftjob-3', owner: { executionEnd: '9f0c77d2' } }]);
  });

  test('a job may have succeeded before its model is registered', async () => {
    server.reply = routes({ 'GET /fine_tuning/jobs/ftjob-1': { body: { id: 'ftjob-1', status: 'succeeded' } } });
    expect(await provider.training.getJob('ftjob-1')).toMatchObject({
      state: 'succeeded',
      model: null,
      trainedTokens: null,
    });
  });

  test('the reason of a failed job is told even without a code', async () => {
    const failed = { id: 'ftjob-1', status: 'failed', error: { message: 'rows are too long' } };
    server.reply = routes({ 'GET /fine_tuning/jobs/ftjob-1': { body: failed } });
    expect(await provider.training.getJob('ftjob-1')).toMatchObject({ state: 'failed', failure: 'rows are too long' });
  });

  test('the check before a run asks whether the key may serve', async () => {
    server.reply = routes({
      'GET /fine_tuning/jobs': paged([[]]),
      [`GET ${LORAS.slice(3)}`]: { status: 403, body: { code: 'forbidden', message: 'another project' } },
    });
    expect(await rejection(provider.training.checkFineTuning())).toMatchObject({ status: 403 });
  });

  test('checkpoints are the callable ones at ends of epochs, the last one with the model of the job', async () => {
    const checkpoint = (step: number, model: string | null) => ({
      id: `ckpt-${step}`,
      step_number: step,
      created_at: 1,
      fine_tuned_model_checkpoint: `label-${step}`,
      fine_tuned_model_id: model,
      metrics: { full_valid_loss: step / 100 },
    });
    const all = [20, 34, 40, 60, 67, 100].map((step) =>
      checkpoint(step, step === 67 || step === 100 ? null : `ftmodel-${step}`),
    );
    server.reply = routes({
      'GET /fine_tuning/jobs/ftjob-1/checkpoints': { body: { data: all } },
      'GET /fine_tuning/jobs/ftjob-1': {
        body: jobBody('ftjob-1', { status: 'succeeded', fine_tuned_model: 'ftmodel-1' }),
      },
    });
    expect(await provider.training.listCheckpoints('ftjob-1')).toEqual([
      { epoch: 1, step: 34, model: 'ftmodel-34', validLoss: 0.34, validAccuracy: null },
      { epoch: 3, step: 100, model: 'ftmodel-1', validLoss: 1, validAccuracy: null },
    ]);
  });
});

test('checkpoints of a job that Crusoe has ended early are counted by the steps that were planned', async () => {
  const body = { data: [{ id: 'ckpt-1', step_number: 50, created_at: 1, fine_tuned_model_id: 'ftmodel-50' }] };
  server.reply = routes({
    'GET /fine_tuning/jobs/ftjob-1/checkpoints': { body },
    'GET /fine_tuning/jobs/ftjob-1': {
      body: jobBody('ftjob-1', { status: 'succeeded', fine_tuned_model: 'ftmodel-1' }),
    },
    'GET /fine_tuning/jobs/ftjob-1/metrics': {
      body: { metrics: [{ metric_name: 'ev_total_steps', data: [{ value: 150 }, {}] }] },
    },
  });
  expect(await provider.training.listCheckpoints('ftjob-1')).toMatchObject([
    { epoch: 1, step: 50, model: 'ftmodel-50' },
  ]);
});

describe('estimates of Crusoe', () => {
  const estimate = (answer: unknown) => {
    server.reply = routes({ ...creating, 'POST /fine_tuning/jobs/estimate_price': { body: answer } });
    return provider.estimateJob?.(REQUEST);
  };

  test.each([
    [{ estimated_price: 1.25 }, 1.25],
    [{ total_cost: '0.40', currency: 'USD' }, 0.4],
    [{ estimate: { price_usd: 3, price_per_million_tokens: 6 }, tokens: 500_000 }, 3],
    [{ min_price: 1, max_price: 2 }, 2],
  ])('%j is an estimate of %d dollars', async (answer, usd) => {
    expect(await estimate(answer)).toBe(usd);
    expect(sent()).toMatchObject({ model: 'model-2', training_file: 'file-train' });
    expect(sent()).not.toHaveProperty('suffix');
  });

  test.each([{}, { tokens: 5 }, { price: null }, { price: 'unknown' }])('%j is no estimate', async (answer) => {
    expect(await rejection(Promise.resolve(estimate(answer)))).toMatchObject({
      message: expect.stringContaining('without a price'),
    });
  });
});

describe('figures of a job at Crusoe', () => {
  type Series = (number | null)[];
  const answer = (step: Series, loss: Series, evaluation: Series, total = 100) =>
    CRUSOE_METRICS.parse({
      metrics: Object.entries({
        ev_current_step: step,
        ev_loss: loss,
        ev_eval_loss: evaluation,
        ev_total_steps: [total],
      }).map(([name, values]) => ({
        metric_name: name,
        data: values.map((value) => (value === null ? {} : { value })),
      })),
    });
  const ends = (points: MetricPoint[]) =>
    points.filter(endsEpoch).map(({ step, fullValidLoss }) => [step, fullValidLoss]);
  const steps = (points: MetricPoint[]) => points.map(({ step }) => step);

  test('the endpoint is asked, and only steps after the last known one are told', async () => {
    const body = answer([10, 20, 50, 60], [4, 3, 2, 1], [null, null, 0.5, 0.5]);
    server.reply = routes({
      'GET /fine_tuning/jobs/ftjob-1': {
        body: jobBody('ftjob-1', { method: { type: 'supervised', supervised: { hyperparameters: { n_epochs: 2 } } } }),
      },
      'GET /fine_tuning/jobs/ftjob-1/metrics': { body },
    });
    expect(await provider.training.listMetrics('ftjob-1', 10)).toEqual([
      { step: 20, totalSteps: 100, trainLoss: 3, validLoss: null, fullValidLoss: null, fullValidAccuracy: null },
      { step: 50, totalSteps: 100, trainLoss: 2, validLoss: null, fullValidLoss: 0.5, fullValidAccuracy: null },
      { step: 60, totalSteps: 100, trainLoss: 1, validLoss: null, fullValidLoss: null, fullValidAccuracy: null },
    ]);
  });

  test('an evaluation that was read several times ends one epoch, at the step where it was first read', () => {
    const points = crusoePoints(answer([40, 52, 60, 99, 100], [], [null, 0.5, 0.5, 0.5, 0.4]), 2);
    expect(ends(points)).toEqual([
      [52, 0.5],
      [100, 0.4],
    ]);
  });

  test('evaluations without known steps end the epochs in their order', () => {
    const points = crusoePoints(answer([25, 50, 75, 100], [4, 3, 2, 1], [0.5, 0.4]), 2);
    expect(ends(points)).toEqual([
      [50, 0.5],
      [100, 0.4],
    ]);
    expect(steps(points)).toEqual([25, 50, 75, 100]);
  });

  test('steps that count from 0 end the same epochs', () => {
    expect(ends(crusoePoints(answer([0, 49, 99], [], [0.9, 0.5, 0.4]), 2))).toEqual([
      [49, 0.5],
      [99, 0.4],
    ]);
  });

  test('steps from the end of an epoch on are kept back until its evaluation is there', () => {
    const early = crusoePoints(answer([40, 49, 60], [3, 2, 1], []), 2);
    expect(steps(early)).toEqual([40, 49]);
    const late = crusoePoints(answer([40, 49, 60], [3, 2, 1], [0.5]), 2);
    expect(steps(late)).toEqual([40, 49, 50, 60]);
    expect(late.slice(0, 2)).toEqual(early);
    expect(ends(late)).toEqual([[50, 0.5]]);
  });

  test('after an evaluation that was lost no epoch counts as ended, because its number would be wrong', () => {
    const points = crusoePoints(answer([33, 67, 100], [], [0.5, null, 0.3]), 3);
    expect(ends(points)).toEqual([[33, 0.5]]);
    expect(steps(points)).toEqual([33, 67, 100]);
    expect(steps(crusoePoints(answer([33, 67, 90], [], [], 90), 3))).toEqual([33, 67, 90]);
  });

  test('a series with gaps gives its newest value to the newest step', () => {
    const points = crusoePoints(answer([10, 20, 30], [5, 1], []), 1);
    expect(points.map(({ trainLoss }) => trainLoss)).toEqual([null, null, 1]);
  });

  test.each([
    ['the number of epochs', answer([50, 100], [2, 1], [0.5, 0.4]), null],
    [
      'the number of steps',
      CRUSOE_METRICS.parse({ metrics: [{ metric_name: 'ev_current_step', data: [{ value: 5 }] }] }),
      2,
    ],
  ])('without %s no step ends an epoch, and all are told', (_, metrics, epochs) => {
    const points = crusoePoints(metrics, epochs);
    expect(points.length).toBeGreaterThan(0);
    expect(ends(points)).toEqual([]);
  });

  test.each([{}, { metrics: null }, { metrics: [] }, { metrics: [{ metric_name: 'ev_loss', data: null }] }])(
    '%j are no figures',
    (body) => expect(crusoePoints(CRUSOE_METRICS.parse(body), 2)).toEqual([]),
  );
});

const lease = (model: string): LeaseRequest => ({
  name: 'lease-1',
  models: [model],
  baseModel: 'llama-3.1-8b-instruct',
});

describe('adapters at Crusoe', () => {
  test('the base model needs no adapter', async () => {
    expect(await servingOf(provider).create(lease('llama-3.1-8b-instruct'))).toMatchObject({
      state: 'ready',
      callAs: [BASE],
    });
    expect(server.received).toEqual([]);
  });

  test.each([
    ['pending', 'starting'],
    ['downloading', 'starting'],
    ['loading', 'starting'],
    ['ready', 'ready'],
    ['failed', 'failed'],
  ])('an adapter that is %s is %s', async (status, state) => {
    server.reply = () => ({
      body: { lora_adapters: [{ id: 'lora-1', model_id: 'ftmodel-1', status, last_error: { message: 'broken' } }] },
    });
    const found = await servingOf(provider).find(lease('ftmodel-1'));
    expect(found).toMatchObject({ state, callAs: ['ftmodel-1'], failure: state === 'failed' ? 'broken' : null });
  });

  test('adapters are listed by the label of the job that made their model, and those of others are not', async () => {
    const job = (id: string, suffix: string, model: string) =>
      jobBody(id, { suffix, status: 'succeeded', fine_tuned_model: model });
    const jobs = [
      job('ftjob-1', LABEL, 'ftmodel-1'),
      job('ftjob-2', 'support-by-hand', 'ftmodel-2'),
      job('ftjob-3', LABEL, 'ftmodel-3'),
    ];
    server.reply = routes({
      [`GET ${LORAS.slice(3)}`]: {
        body: [
          { id: 'lora-1', model_id: 'ftmodel-1' },
          { id: 'lora-2', model_id: 'ftmodel-2' },
        ],
      },
      'GET /fine_tuning/jobs': paged(jobs.map((each) => [each])),
    });
    expect(await servingOf(provider).list('support-')).toEqual([{ name: LABEL, models: ['ftmodel-1'] }]);
    expect(await servingOf(provider).list('sales-')).toEqual([]);
  });
});

describe('deployments at Crusoe', () => {
  const flavors = [
    { id: 'flavor-1', model_name: BASE, lora_suitable: true, price_per_hour: '10.50' },
    { id: 'flavor-2', model_name: BASE, lora_suitable: true, price_per_hour: '9.25' },
    { id: 'flavor-3', model_name: BASE, lora_suitable: false, price_per_hour: '1.00' },
    { id: 'flavor-4', model_name: 'openai/gpt-oss-120b', lora_suitable: true, price_per_hour: '2.00' },
  ];
  const created = { id: 'dep-1', status: 'creating', deployment_name: 'lease-1', hourly_cost: '9.25' };
  const answers = {
    [`GET ${SELFSERVE.slice(3)}/deployments`]: { body: { deployments: [] } },
    [`GET ${SELFSERVE.slice(3)}/flavors`]: { body: { flavors } },
    [`POST ${SELFSERVE.slice(3)}/deployments`]: { status: 202, body: created },
  };

  test('a tuned model gets the cheapest machine for adapters of its base model', async () => {
    server.reply = routes(answers);
    const serving = servingOf(crusoeAt(server.baseURL, { serving: 'deployment' }));
    expect(await serving.create(lease('ftmodel-1'))).toMatchObject({
      state: 'starting',
      callAs: ['lease-1'],
      usdPerHour: 9.25,
    });
    expect(sent()).toEqual({
      deployment_name: 'lease-1',
      fine_tuned_model: 'ftmodel-1',
      flavor_id: 'flavor-2',
      replicas: 1,
    });
  });

  test('the base model is deployed on the same machine, without a tuned model', async () => {
    server.reply = routes(answers);
    await servingOf(crusoeAt(server.baseURL, { serving: 'deployment' })).create(lease(BASE));
    expect(sent()).toMatchObject({ fine_tuned_model: '', flavor_id: 'flavor-2' });
  });

  test('the machine of the settings is taken without asking for others', async () => {
    server.reply = routes(answers);
    await servingOf(crusoeAt(server.baseURL, { serving: 'deployment', flavor: 'flavor-9' })).create(lease('ftmodel-1'));
    expect(sent()).toMatchObject({ flavor_id: 'flavor-9' });
    expect(server.received).toHaveLength(2);
  });

  test('a removal that comes too soon is an error to repeat, and all of the name are removed', async () => {
    const deployments = ['dep-1', 'dep-2'].map((id) => ({ ...created, id }));
    const serving = servingOf(crusoeAt(server.baseURL, { serving: 'deployment' }));
    const list = { [`GET ${SELFSERVE.slice(3)}/deployments`]: { body: { deployments } } };
    const tooSoon = { status: 429, headers: { 'retry-after': '7' }, body: { message: 'wait' } };
    server.reply = routes({ ...list, [`DELETE ${SELFSERVE.slice(3)}/deployments/dep-1`]: tooSoon });
    expect(await rejection(serving.remove(lease('ftmodel-1')))).toMatchObject({ retryable: true, retryAfterMs: 7000 });
    const gone = { status: 202, body: { ...created, status: 'deleting' } };
    server.reply = routes({
      ...list,
      ...Object.fromEntries(['dep-1', 'dep-2'].map((id) => [`DELETE ${SELFSERVE.slice(3)}/deployments/${id}`, gone])),
    });
    await serving.remove(lease('ftmodel-1'));
    expect(server.received.filter(({ method }) => method === 'DELETE')).toHaveLength(3);
  });
});

test('the key stands in no error', async () => {
  server.reply = ({ headers }) => ({ status: 400, body: { message: `bad key ${headers.authorization}` } });
  const failed = await rejection(servingOf(crusoeAt(server.baseURL, {}, 'key-that-nobody-may-see')).list(''));
  expect(String(failed)).toContain('bad key');
  expect(String(failed)).not.toContain('nobody-may-see');
});

describeServing('Crusoe, adapters on shared machines', () => conformance('lora', false));
describeServing("Crusoe, machines of one's own", () => conformance('deployment', true));

async function conformance(kind: 'lora' | 'deployment', keepsNames: boolean) {
  const crusoe = await hostServer('crusoe');
  crusoe.reply = fakeCrusoe(['ftmodel-1', 'ftmodel-2']);
  const { serving, inference } = crusoeAt(crusoe.baseURL, { serving: kind });
  if (!serving) throw new Error('it serves nothing');
  const close = async () => {
    await crusoe.close();
    expect(crusoe.problems).toEqual([]);
  };
  const models = ['ftmodel-1', 'ftmodel-2'] as const;
  return { serving, inference, baseModel: 'llama-3.1-8b-instruct', models, keepsNames, close };
}

/** Adapters and deployments that get ready after some looks, and that are refused a removal at first. */
function fakeCrusoe(models: readonly string[]): (request: Received) => Answer {
  const kept = new Map<string, { name: string; model: string; looks: number; removals: number }>();
  let ids = 0;
  const create = (name: string, model: string) => {
    ids += 1;
    kept.set(`thing-${ids}`, { name, model, looks: 0, removals: 0 });
    return `thing-${ids}`;
  };
  const shown = (kind: 'lora' | 'deployment') =>
    [...kept].map(([id, thing]) => {
      thing.looks += 1;
      const status = thing.looks > 3 ? 'ready' : kind === 'lora' ? 'loading' : 'creating';
      return kind === 'lora'
        ? { id, status, model_id: thing.model }
        : { id, status, deployment_name: thing.name, fine_tuned_model: thing.model };
    });
  const noModel: Answer = { status: 404, body: { error: { message: 'no such model' } } };
  return (request) => {
    const { method, url } = request;
    const { pathname } = new URL(url, 'http://host');
    const body = jsonOf(method === 'POST' ? request : undefined) as Record<string, string>;
    const isLora = pathname.startsWith(LORAS);
    if (pathname.endsWith('/chat/completions')) {
      const isThere = [...kept.values()].some(({ name, model }) => [name, model].includes(body.model ?? ''));
      return isThere ? { body: { choices: [{ message: { role: 'assistant', content: 'delivery' } }] } } : noModel;
    }
    if (pathname === '/v1/fine_tuning/jobs') {
      return paged([
        models.map((model, place) => jobBody(`ftjob-${place}`, { suffix: LABEL, fine_tuned_model: model })),
      ])(request);
    }
    if (pathname.endsWith('/flavors')) {
      return { body: { flavors: [{ id: 'flavor-1', model_name: BASE, lora_suitable: true, price_per_hour: '9.25' }] } };
    }
    if (method === 'GET')
      return { body: isLora ? { lora_adapters: shown('lora') } : { deployments: shown('deployment') } };
    if (method === 'POST') {
      const model = body.model_id ?? body.fine_tuned_model ?? '';
      if (!models.includes(model)) return noModel;
      const name = body.deployment_name ?? '';
      return {
        status: 202,
        body: {
          id: create(name, model),
          ...(isLora ? { status: 'pending' } : { status: 'creating', deployment_name: name }),
        },
      };
    }
    const id = pathname.split('/').at(-1) ?? '';
    const thing = kept.get(id);
    if (!thing) return { status: 404, body: { message: 'no such thing' } };
    thing.removals += 1;
    if (!isLora && thing.removals === 1) return { status: 429, body: { message: 'just created' } };
    kept.delete(id);
    return { status: 202, body: { id } };
  };
}
