import { nebiusProvider } from '../../../src/providers/dialects/nebius.ts';
import { misfitsOf } from '../../../src/providers/profiles/fit.ts';
import { profileOf } from '../../../src/providers/profiles/index.ts';
import type { Provider } from '../../../src/providers/provider.ts';
import type { JobRequest } from '../../../src/providers/training.ts';
import { rejection } from '../http-server.ts';
import { HAS_DOCUMENTS, type HostServer, hostServer, jsonOf, paged } from './host-server.ts';
import { REQUEST as GENERAL, jobBody, LABEL } from './job.ts';

const REQUEST: JobRequest = {
  ...GENERAL,
  baseModel: 'llama-3.1-8b-instruct',
  hyperparameters: { learningRateMultiplier: 2, learningRate: 2e-4, epochs: 3 },
};
/** A pipeline file as written for a lookalike of OpenAI: an address and a key, no profile. */
const LOOKALIKE = { baseURL: 'https://api.tokenfactory.nebius.com/v1/', apiKeyEnv: 'TUNELOOP_TEST_KEY' };

let server: HostServer;
let provider: Provider;
beforeEach(async () => {
  server = await hostServer('nebius');
  provider = nebiusAt(server.baseURL);
});
afterEach(async () => {
  await server.close();
  expect(server.problems).toEqual([]);
});

/** The client of a recognised address, which asks the server of the test. */
function nebiusAt(baseURL: string, settings: Partial<Parameters<typeof profileOf>[0] & object> = {}): Provider {
  return nebiusProvider({ ...profileOf({ ...LOOKALIKE, ...settings }), address: baseURL }, 'key-1');
}

/** A job as Nebius shows it: without the field of a model. */
function nebiusJob(id: string, changes: object = {}) {
  const { fine_tuned_model: _, hyperparameters: __, ...job } = jobBody(id);
  return { ...job, seed: 0, ...changes };
}

function checkpoint(step: number, metrics: object = {}) {
  return {
    id: `ckpt-${step}`,
    object: 'fine_tuning.job.checkpoint',
    created_at: 1,
    fine_tuning_job_id: 'ftjob-1',
    fine_tuned_model_checkpoint: `llama:ftjob-1:step-${step}`,
    step_number: step,
    metrics,
    result_files: [],
  };
}

const sent = () => jsonOf(server.received[0]);

describe('the trap of a lookalike', () => {
  test('an address of Nebius is recognised, and gets a rate and an adapter in its own words', async () => {
    expect(profileOf(LOOKALIKE)).toMatchObject({ name: 'nebius', dialect: 'nebius', keyVariable: 'TUNELOOP_TEST_KEY' });
    server.reply = () => ({ body: nebiusJob('ftjob-1') });
    await provider.training.createJob(REQUEST);
    expect(sent()).toEqual({
      model: 'meta-llama/Meta-Llama-3.1-8B-Instruct',
      training_file: 'file-train',
      validation_file: 'file-validation',
      suffix: LABEL,
      seed: 42,
      hyperparameters: { n_epochs: 3, learning_rate: 2e-4, lora: true, lora_r: 16, lora_alpha: 32 },
    });
  });

  test('an address that nobody knows is refused before anything is sent', () => {
    const provider = { baseURL: 'https://api.lookalike.example/v1', apiKeyEnv: 'TUNELOOP_TEST_KEY' };
    const sweep = { learning_rate: [1e-4, 2e-4], epochs: 3, early_stop: true, checkpoints: true, half_data: false };
    const candidates = { models: ['m'], treatment: 'strip' as const, ...sweep };
    expect(misfitsOf({ provider, candidates, evaluation: { alternatives: [] } })).toMatchObject([
      { path: ['provider', 'baseURL'], message: expect.stringContaining('at no host that Tuneloop knows') },
    ]);
  });
});

describe('training at Nebius', () => {
  test('a multiplier becomes a rate, and is not sent', async () => {
    server.reply = () => ({ body: nebiusJob('ftjob-1') });
    await provider.training.createJob({ ...REQUEST, hyperparameters: { learningRateMultiplier: 3, epochs: 1 } });
    expect(sent().hyperparameters).toMatchObject({ learning_rate: 3e-4, lora: true });
    expect(server.received[0]?.body).not.toContain('multiplier');
  });

  test('rank, batch and seed of a candidate are sent', async () => {
    server.reply = () => ({ body: nebiusJob('ftjob-1') });
    const hyperparameters = { ...REQUEST.hyperparameters, batchSize: 8, loraRank: 64, seed: 7 };
    await provider.training.createJob({ ...REQUEST, hyperparameters });
    expect(sent()).toMatchObject({
      seed: 7,
      hyperparameters: { batch_size: 8, lora: true, lora_r: 64, lora_alpha: 128 },
    });
  });

  test('a pipeline that trains all weights says so, with a tenth of the rate and no adapter', async () => {
    server.reply = () => ({ body: nebiusJob('ftjob-1') });
    const full = nebiusAt(server.baseURL, { options: { lora: false } });
    await full.training.createJob({ ...REQUEST, hyperparameters: { learningRateMultiplier: 1, epochs: 1 } });
    expect(sent().hyperparameters).toEqual({ n_epochs: 1, learning_rate: 1e-5, lora: false });
  });

  test('longer examples ask for a longer context', async () => {
    server.reply = () => ({ body: nebiusJob('ftjob-1') });
    const long = nebiusAt(server.baseURL, { limits: { tokens_per_example: 16_384 } });
    await long.training.createJob(REQUEST);
    expect(sent().hyperparameters).toMatchObject({ context_length: 16_384 });
  });

  test('the model of a job that has succeeded is that of its last checkpoint', async () => {
    const [first, second, third] = [100, 200, 300].map((step) => checkpoint(step));
    const pages = paged([
      [third, first].filter((each) => each !== undefined),
      [second].filter((each) => each !== undefined),
    ]);
    server.reply = (request) =>
      request.url.includes('/checkpoints') ? pages(request) : { body: nebiusJob('ftjob-1', { status: 'succeeded' }) };
    expect(await provider.training.getJob('ftjob-1')).toMatchObject({
      state: 'succeeded',
      model: 'llama:ftjob-1:step-300',
    });
    expect(provider.profile.ids.tunedModel.test('llama:ftjob-1:step-300')).toBe(true);
  });

  test('a job that has succeeded has no model yet while its checkpoints are missing', async () => {
    server.reply = ({ url }) =>
      url.includes('/checkpoints')
        ? { body: { object: 'list', data: [] } }
        : { body: nebiusJob('ftjob-1', { status: 'succeeded' }) };
    expect(await provider.training.getJob('ftjob-1')).toMatchObject({ state: 'succeeded', model: null });
  });

  test('a job that runs has no model, and its checkpoints are not asked for', async () => {
    server.reply = () => ({ body: nebiusJob('ftjob-1') });
    expect(await provider.training.getJob('ftjob-1')).toMatchObject({ state: 'pending', model: null, known: true });
    expect(server.received).toHaveLength(1);
  });

  test('a state that was never seen before counts as running', async () => {
    server.obeys = false;
    server.reply = () => ({ body: nebiusJob('ftjob-1', { status: 'rescheduling' }) });
    expect(await provider.training.getJob('ftjob-1')).toMatchObject({
      state: 'pending',
      phase: 'running',
      known: false,
    });
  });

  test('a job is found by its label on any page of a list that knows no filter and keeps no seed', async () => {
    const other = LABEL.replace('0123456789ab', 'ffffffffffff');
    const pages = [
      [nebiusJob('ftjob-1', { suffix: other })],
      [nebiusJob('ftjob-2')],
      [nebiusJob('ftjob-3', { suffix: LABEL })],
    ];
    server.reply = paged(pages);
    expect(await provider.training.findJobs(REQUEST)).toMatchObject([{ id: 'ftjob-3' }]);
    expect(server.received).toHaveLength(3);
  });

  test('two jobs of one identity are found, the oldest first', async () => {
    const jobs = [
      nebiusJob('ftjob-2', { suffix: LABEL, created_at: 20 }),
      nebiusJob('ftjob-1', { suffix: LABEL, created_at: 10 }),
    ];
    server.reply = paged([jobs]);
    expect((await provider.training.findJobs(REQUEST)).map(({ id }) => id)).toEqual(['ftjob-1', 'ftjob-2']);
  });

  test('ends of epochs are read from the events, and checkpoints can be called', async () => {
    const event = (step: number, data: object) => ({
      id: `event-${step}`,
      object: 'fine_tuning.job.event',
      created_at: step,
      level: 'info',
      message: `step ${step}`,
      type: 'metrics',
      data: { step, total_steps: 200, ...data },
    });
    server.reply = ({ url }) =>
      url.includes('/events')
        ? {
            body: {
              object: 'list',
              data: [event(100, { full_valid_loss: 0.5 }), event(50, { train_loss: 1 })],
              has_more: false,
            },
          }
        : {
            body: {
              object: 'list',
              data: [checkpoint(200), checkpoint(100, { full_valid_loss: 0.5 })],
              has_more: false,
            },
          };
    expect(await provider.training.listMetrics('ftjob-1')).toMatchObject([
      { step: 50, trainLoss: 1, fullValidLoss: null },
      { step: 100, fullValidLoss: 0.5 },
    ]);
    expect(await provider.training.listCheckpoints('ftjob-1')).toMatchObject([
      { epoch: 1, model: 'llama:ftjob-1:step-100', validLoss: 0.5 },
      { epoch: 2, model: 'llama:ftjob-1:step-200' },
    ]);
  });
});

(HAS_DOCUMENTS ? test : test.skip)('a request or an answer that the documents do not allow fails a test', async () => {
  server.reply = () => ({ body: nebiusJob('ftjob-1', { status: 'rescheduling' }) });
  await provider.training.createJob({ ...REQUEST, hyperparameters: { ...REQUEST.hyperparameters, loraRank: 4 } });
  expect(server.problems).toEqual([
    expect.stringMatching(/^request POST .*lora_r must be >= 8/),
    expect.stringMatching(/^answer 200 to POST .*status must be equal to one of the allowed values/),
  ]);
  server.problems.length = 0;
});

describe('errors of Nebius', () => {
  test.each([
    [{ detail: 'method and hyperparameters exclude each other' }, 'method and hyperparameters exclude each other'],
    [
      { detail: [{ loc: ['body', 'hyperparameters', 'lora_r'], msg: 'must be at least 8', type: 'value_error' }] },
      'hyperparameters.lora_r: must be at least 8',
    ],
  ])('%j names the reason, and no job exists', async (body, reason) => {
    server.obeys = false;
    server.reply = () => ({ status: 422, body });
    expect(await rejection(provider.training.createJob(REQUEST))).toMatchObject({
      code: 'PROVIDER_REFUSED',
      status: 422,
      retryable: false,
      mayHaveExecuted: false,
      message: expect.stringMatching(new RegExp(`answered 422: ${reason}$`)),
    });
    expect(server.received).toHaveLength(1);
  });
});

describe('asking models that Nebius has trained', () => {
  test('it has no leases, and questions go to the address that the pipeline names', async () => {
    const served = nebiusAt(server.baseURL, { addresses: { inference: `${server.baseURL}/dedicated` } });
    expect(served.serving).toBeNull();
    server.reply = () => ({ body: { choices: [{ message: { role: 'assistant', content: 'yes' } }] } });
    await served.inference.complete({ model: 'llama:ftjob-1', messages: [{ role: 'user', content: 'well?' }] });
    expect(server.received[0]?.url).toBe('/v1/dedicated/chat/completions');
  });
});
