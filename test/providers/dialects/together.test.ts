import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TOGETHER } from '../../../src/providers/profiles/together.ts';
import { ProviderError } from '../../../src/providers/provider-error.ts';
import { endsEpoch, type JobRequest } from '../../../src/providers/training.ts';
import { hasSpecs } from '../../hosts/schemas.ts';
import { rejection } from '../http-server.ts';
import { failure, type Given, KEY, type TogetherHost, togetherHost } from './together-host.ts';

const BASE_MODEL = 'llama-3.1-8b-instruct';
const BASE_ID = 'meta-llama/Meta-Llama-3.1-8B-Instruct-Reference';
const JOB_KEY = '1b4e28ba2fa11b4e28ba2fa11b4e28ba2fa11b4e28ba2fa11b4e28ba2fa11b4e';
const SUFFIX = 'support-triage-1b4e28ba2fa1-9f0c77d2';
const MODEL = `team/Meta-Llama-3.1-8B-Instruct-Reference:${SUFFIX}:ft-1`;

const REQUEST: JobRequest = {
  key: JOB_KEY,
  seed: 41,
  baseModel: BASE_MODEL,
  trainingFile: 'file-train',
  validationFile: 'file-valid',
  owner: { pipeline: 'support-triage', workflowId: 'run/1', executionId: '11112222-3333-4444-5555-66669f0c77d2' },
  hyperparameters: { learningRateMultiplier: 2, learningRate: 2e-4, epochs: 3 },
};

const LIMITS = {
  model_name: BASE_ID,
  max_num_epochs: 20,
  max_num_evals: 100,
  max_learning_rate: 0.01,
  min_learning_rate: 1e-8,
  supports_vision: false,
  supports_tools: true,
  supports_reasoning: false,
  merge_output_lora: true,
  lora_training: { max_batch_size: 32, max_batch_size_dpo: 16, min_batch_size: 4, max_rank: 64, target_modules: [] },
};

function job(changes: object = {}) {
  return {
    id: 'ft-1',
    status: 'running',
    created_at: '2026-11-30T10:00:00.500Z',
    updated_at: '2026-11-30T10:30:00Z',
    model: BASE_ID,
    training_file: 'file-train',
    n_epochs: 3,
    ...changes,
  };
}

function event(type: string, changes: object = {}) {
  return {
    object: 'fine-tune-event',
    created_at: '2026-11-30T10:05:00Z',
    level: 'info',
    message: type,
    type,
    param_count: 0,
    token_count: 0,
    total_steps: 0,
    wandb_url: '',
    step: 0,
    checkpoint_path: '',
    model_path: '',
    training_offset: 0,
    hash: '',
    ...changes,
  };
}

function storedFile(changes: object = {}) {
  return {
    id: 'file-1',
    object: 'file',
    created_at: 1_790_000_000,
    filename: 'train.jsonl',
    bytes: 6,
    purpose: 'fine-tune',
    FileType: 'jsonl',
    Processed: true,
    processing_status: 'COMPLETED',
    ...changes,
  };
}

let host: TogetherHost;

beforeEach(async () => {
  host = await togetherHost();
  host.routes['GET /fine-tunes/models/limits'] = { body: LIMITS };
});

afterEach(async () => {
  await host.close();
  expect(host.problems).toEqual([]);
});

async function providerError(work: Promise<unknown>): Promise<ProviderError> {
  const error = await rejection(work);
  if (!(error instanceof ProviderError)) throw error;
  return error;
}

describe('training files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tuneloop-together-'));
  const file = join(folder, 'train');
  const upload = () => host.provider().training.uploadFile('train.jsonl', file);

  beforeAll(() => writeFileSync(file, '{"a":1}'));
  afterAll(() => rmSync(folder, { recursive: true }));

  const redirect = (): Given => ({
    status: 302,
    headers: {
      location: `${host.storage.baseURL}/bucket/1?signature=0123456789`,
      'x-together-file-id': 'file-1',
    },
  });

  test('an upload sends the bytes to the storage address without the key, and waits until they are checked', async () => {
    const states = ['PENDING', 'QUEUED', 'RUNNING', 'COMPLETED'];
    host.routes['POST /files'] = redirect;
    host.routes['POST /files/file-1/preprocess'] = {};
    host.routes['GET /files/file-1'] = () => ({ body: storedFile({ processing_status: states.shift() }) });

    expect(await upload()).toBe('file-1');
    expect(states).toEqual([]);
    expect(host.sent('POST /files').map(({ body }) => body)).toEqual([
      {
        purpose: 'fine-tune',
        file_name: 'train.jsonl',
        file_type: 'jsonl',
        checksum: '015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862',
      },
    ]);
    const [stored, ...others] = host.storage.received;
    expect(others).toEqual([]);
    expect(stored).toMatchObject({ method: 'PUT', url: '/v1/bucket/1?signature=0123456789', body: '{"a":1}' });
    expect(stored?.headers['content-length']).toBe('7');
    expect(JSON.stringify(stored?.headers)).not.toContain(KEY);
    expect(stored?.headers.authorization).toBeUndefined();
  });

  test('bytes that the server has already (409) are used under the id that it gives, and are not sent again', async () => {
    host.routes['POST /files'] = { status: 409, body: { file_id: 'file-7', message: 'file exists' } };
    host.routes['GET /files/file-7'] = { body: storedFile({ id: 'file-7' }) };

    expect(await upload()).toBe('file-7');
    expect(host.storage.received).toEqual([]);
  });

  test('a known file whose check was never asked for is checked', async () => {
    let state = 'PENDING';
    host.routes['POST /files'] = { status: 409, body: { file_id: 'file-7' } };
    host.routes['GET /files/file-7'] = () => ({ body: storedFile({ id: 'file-7', processing_status: state }) });
    host.routes['POST /files/file-7/preprocess'] = () => {
      state = 'COMPLETED';
      return {};
    };

    expect(await upload()).toBe('file-7');
  });

  test('a file that the check refuses is an error that is not retried', async () => {
    host.routes['POST /files'] = redirect;
    host.routes['POST /files/file-1/preprocess'] = {};
    host.routes['GET /files/file-1'] = { body: storedFile({ processing_status: 'INVALID_FORMAT' }) };

    const error = await providerError(upload());
    expect(error).toMatchObject({ code: 'PROVIDER_REFUSED', retryable: false });
    expect(error.message).toContain('INVALID_FORMAT');
  });

  test('an answer without a storage address is an error, and no bytes are sent', async () => {
    host.routes['POST /files'] = { status: 200, body: {} };

    expect(await providerError(upload())).toMatchObject({ code: 'PROVIDER_UNAVAILABLE', retryable: true });
    expect(host.storage.received).toEqual([]);
    // The specification has no such answer.
    if (hasSpecs) expect(host.problems.splice(0)).toEqual(['status 200 is not one of 302']);
  });

  test('neither the key nor the signature of the storage address stands in an error', async () => {
    host.routes['POST /files'] = redirect;
    host.storage.answer = ({ url }) => ({ status: 403, body: `no access to ${url} with ${KEY}` });
    const { message } = await providerError(upload());
    expect(message).toContain('403');
    expect(message).not.toContain('0123456789');

    host.routes['GET /fine-tunes'] = failure(401, `the key ${KEY} is wrong`);
    const refusal = await providerError(host.provider().training.checkFineTuning());
    expect(refusal.message).toContain('401');
    expect(refusal.message).not.toContain(KEY);
  });

  test('a file is found by name and size once it has been checked, and the newest one first', async () => {
    host.routes['GET /files'] = {
      body: {
        data: [
          storedFile({ id: 'file-old' }),
          storedFile({ id: 'file-new', created_at: 1_790_000_100 }),
          storedFile({ id: 'file-unchecked', created_at: 1_790_000_200, processing_status: 'RUNNING' }),
          storedFile({ id: 'file-invalid', created_at: 1_790_000_300, processing_status: 'INVALID_FORMAT' }),
        ],
      },
    };
    const { training } = host.provider();
    expect(await training.findFile('train.jsonl', 6)).toBe('file-new');
    expect(await training.findFile('train.jsonl', 7)).toBeUndefined();
    expect(await training.findFile('other.jsonl', 6)).toBeUndefined();
  });
});

describe('jobs', () => {
  test('a job is created with every setting, because the API fills in no defaults', async () => {
    host.routes['POST /fine-tunes'] = { body: job({ status: 'pending' }) };

    const created = await host.provider().training.createJob(REQUEST);
    expect(created).toMatchObject({
      id: 'ft-1',
      state: 'pending',
      phase: 'queued',
      known: true,
      createdAt: 1_796_032_800,
    });
    expect(host.sent('POST /fine-tunes').map(({ body }) => body)).toEqual([
      {
        model: BASE_ID,
        training_file: 'file-train',
        validation_file: 'file-valid',
        n_epochs: 3,
        n_checkpoints: 3,
        n_evals: 3,
        batch_size: 8,
        learning_rate: 2e-4,
        lr_scheduler: { lr_scheduler_type: 'linear', lr_scheduler_args: { min_lr_ratio: 0 } },
        warmup_ratio: 0,
        max_grad_norm: 1,
        weight_decay: 0,
        training_method: { method: 'sft', train_on_inputs: false },
        training_type: {
          type: 'Lora',
          lora_r: 16,
          lora_alpha: 32,
          lora_dropout: 0,
          lora_trainable_modules: 'all-linear',
        },
        suffix: SUFFIX,
        random_seed: 41,
      },
    ]);
  });

  test('settings of a candidate go before the defaults, and a multiplier is sent as the rate that it stands for', async () => {
    host.routes['POST /fine-tunes'] = { body: job() };
    const hyperparameters = { learningRateMultiplier: 0.5, epochs: 1, batchSize: 24, loraRank: 8, seed: 7 };

    await host.provider().training.createJob({ ...REQUEST, hyperparameters });
    expect(host.sent('POST /fine-tunes')[0]?.body).toMatchObject({
      learning_rate: 5e-5,
      batch_size: 24,
      n_epochs: 1,
      n_checkpoints: 1,
      training_type: { lora_r: 8, lora_alpha: 16 },
      random_seed: 7,
    });
  });

  test('the default batch and the number of checkpoints keep to the limits of the model', async () => {
    const lora = { ...LIMITS.lora_training, min_batch_size: 16 };
    host.routes['GET /fine-tunes/models/limits'] = { body: { ...LIMITS, max_num_checkpoints: 2, lora_training: lora } };
    host.routes['POST /fine-tunes'] = { body: job() };

    await host.provider().training.createJob(REQUEST);
    expect(host.sent('POST /fine-tunes')[0]?.body).toMatchObject({ batch_size: 16, n_checkpoints: 2, n_evals: 3 });
  });

  test('a creation whose answer is lost is sent once, and may have been executed', async () => {
    host.routes['POST /fine-tunes'] = () => (response) => response.destroy();

    expect(await providerError(host.provider().training.createJob(REQUEST))).toMatchObject({ mayHaveExecuted: true });
    expect(host.sent('POST /fine-tunes')).toHaveLength(1);
  });

  test('a job whose creation was not answered is found by its suffix on the second page', async () => {
    const others = job({ id: 'ft-9', suffix: 'support-triage-aaaaaaaaaaaa-9f0c77d2' });
    host.routes['GET /fine-tunes'] = (_body, { url }) =>
      url.includes('after=ft-9')
        ? { body: { data: [job({ id: 'ft-2', suffix: SUFFIX }), job({ id: 'ft-3' })] } }
        : { body: { data: [others], has_more: true } };

    const { training } = host.provider();
    expect((await training.findJobs(REQUEST)).map(({ id }) => id)).toEqual(['ft-2']);
    expect(await training.listPendingJobs()).toEqual([
      { id: 'ft-9', owner: { executionEnd: '9f0c77d2' } },
      { id: 'ft-2', owner: { executionEnd: '9f0c77d2' } },
    ]);
  });

  test.each([
    ['the name of its model', { model_output_name: MODEL }],
    ['the older name of its model', { model_output_name: `team/Meta-Llama-${SUFFIX}-1a2b3c4d` }],
    ['its file, model and seed together', { random_seed: 41 }],
  ])('a job without a suffix is found by %s', async (_name, fields) => {
    host.routes['GET /fine-tunes'] = { body: { data: [job(fields), job({ id: 'ft-2', random_seed: 42 })] } };

    expect((await host.provider().training.findJobs(REQUEST)).map(({ id }) => id)).toEqual(['ft-1']);
  });

  test('the state `error` is final, names its reason and costs nothing', async () => {
    const events = [event('training_start'), event('job_error', { level: 'error', message: 'out of memory' })];
    host.routes['GET /fine-tunes/ft-1'] = { body: job({ status: 'error', events, token_count: 5, total_price: 4e9 }) };

    expect(await host.provider().training.getJob('ft-1')).toMatchObject({
      state: 'failed',
      failure: 'out of memory',
      needsPerson: false,
      trainedTokens: null,
      costUsd: 0,
    });
  });

  test('a job that ended at a limit on spending waits for a person', async () => {
    host.routes['GET /fine-tunes/ft-1'] = {
      body: job({ status: 'error', events: [event('billing_limit', { message: 'no credit' })] }),
    };

    expect(await host.provider().training.getJob('ft-1')).toMatchObject({ failure: 'no credit', needsPerson: true });
  });

  test('a job in a state that nobody knows runs on', async () => {
    // Written past the validation: the specification knows no such state.
    const text = JSON.stringify(job({ status: 'defragmenting', model_output_name: MODEL }));
    host.routes['GET /fine-tunes/ft-1'] = () => (response) => response.end(text);

    expect(await host.provider().training.getJob('ft-1')).toMatchObject({
      state: 'pending',
      phase: 'running',
      known: false,
      status: 'defragmenting',
      model: null,
    });
  });

  test('the price of a job comes in billionths of a dollar', async () => {
    host.routes['GET /fine-tunes/ft-1'] = {
      body: job({ status: 'completed', model_output_name: MODEL, total_price: 4_120_000_000, token_count: 85_000 }),
    };

    expect(await host.provider().training.getJob('ft-1')).toMatchObject({
      state: 'succeeded',
      model: MODEL,
      costUsd: 4.12,
      trainedTokens: 85_000,
      finishedAt: 1_796_034_600,
    });
  });

  test('the cancellation of a job that has ended gives the job back as it is', async () => {
    host.routes['POST /fine-tunes/ft-1/cancel'] = failure(400, 'job is not running');
    host.routes['GET /fine-tunes/ft-1'] = { body: job({ status: 'completed', model_output_name: MODEL }) };

    expect(await host.provider().training.cancelJob('ft-1')).toMatchObject({ state: 'succeeded', model: MODEL });
  });

  test('a refused cancellation of a running job is an error', async () => {
    host.routes['POST /fine-tunes/ft-1/cancel'] = failure(400, 'not now');
    host.routes['GET /fine-tunes/ft-1'] = { body: job() };

    expect(await providerError(host.provider().training.cancelJob('ft-1'))).toMatchObject({ status: 400 });
  });

  test('training begins with the event of it, not with the first stage of the job', async () => {
    host.routes['GET /fine-tunes/ft-1'] = {
      body: job({ started_at: '2026-11-30T10:29:00Z', events: [event('job_start'), event('training_start')] }),
    };

    expect(await host.provider().training.getTrainingTime('ft-1')).toEqual({
      startedAt: 1_796_033_100,
      workedMs: null,
    });
  });

  test('a model is deleted with its job, and a model that is not there is no error', async () => {
    let jobs = [job({ status: 'completed', model_output_name: MODEL })];
    host.routes['GET /fine-tunes'] = () => ({ body: { data: jobs } });
    host.routes['DELETE /fine-tunes/ft-1'] = () => {
      jobs = [];
      return { body: { message: 'deleted' } };
    };
    const { training } = host.provider();

    await training.deleteModel(MODEL);
    expect(jobs).toEqual([]);
    expect(await training.deleteModel(MODEL)).toBeUndefined();
    expect(await providerError(training.deleteModel(BASE_ID))).toMatchObject({ code: 'PROVIDER_REFUSED' });
  });

  test('a checkpoint is not deleted alone, because its model would go with it', async () => {
    host.routes['GET /fine-tunes'] = { body: { data: [job({ status: 'completed', model_output_name: MODEL })] } };

    const error = await providerError(host.provider().training.deleteModel(`${MODEL}:10`));
    expect(error).toMatchObject({ code: 'PROVIDER_REFUSED', retryable: false });
    expect(error.message).toContain(`delete ${MODEL}`);
  });

  test('the provider estimates the price of a job from its files, and nothing is created', async () => {
    host.routes['POST /fine-tunes/estimate-price'] = { body: { estimated_total_price: 4.5, allowed_to_proceed: true } };

    expect(await host.provider().estimateJob?.(REQUEST)).toBe(4.5);
    expect(host.sent('POST /fine-tunes/estimate-price')[0]?.body).toMatchObject({
      model: BASE_ID,
      n_epochs: 3,
      n_evals: 3,
    });
    expect(host.sent('POST /fine-tunes')).toEqual([]);
  });

  test('a price that the provider does not estimate is an error with its reason', async () => {
    host.routes['POST /fine-tunes/estimate-price'] = {
      body: { estimation_available: false, unavailable_reason: 'train_file_not_validated' },
    };

    const error = await providerError(host.provider().estimateJob?.(REQUEST) ?? Promise.resolve());
    expect(error.message).toContain('train_file_not_validated');
  });
});

describe('metrics and checkpoints', () => {
  const train = (step: number, loss: number) => ({ 'train/global_step': step, 'train/loss': loss });
  const valid = (step: number, loss: number) => ({ 'train/global_step': step, 'eval/loss': loss });
  const serve = (metrics: object[], changes: object = {}) => {
    host.routes['GET /fine-tunes/ft-1'] = {
      body: job({ events: [event('training_start', { total_steps: 30 })], ...changes }),
    };
    host.routes['GET /fine-tunes/ft-1/metrics'] = { body: { metrics } };
  };
  const ends = async () =>
    (await host.provider().training.listMetrics('ft-1')).filter(endsEpoch).map(({ step }) => step);

  test('the figures of training and validation are joined by their step', async () => {
    serve([train(20, 0.8), train(10, 1.2), valid(10, 1.3), train(5, 1.9)]);

    const { training } = host.provider();
    const of = (step: number, trainLoss: number, fullValidLoss: number | null) => ({
      step,
      totalSteps: 30,
      trainLoss,
      validLoss: null,
      fullValidLoss,
      fullValidAccuracy: null,
    });
    expect(await training.listMetrics('ft-1')).toEqual([of(5, 1.9, null), of(10, 1.2, 1.3), of(20, 0.8, null)]);
    expect(await training.listMetrics('ft-1', 10)).toEqual([of(20, 0.8, null)]);
  });

  test('each measurement at the end of an epoch ends it, and one before the first step does not', async () => {
    serve([valid(0, 3), valid(10, 1.3), valid(20, 1.1), valid(30, 1)]);
    expect(await ends()).toEqual([10, 20, 30]);
  });

  test.each([
    ['that the job tells', {}],
    ['that no event tells', { events: [] }],
  ])(
    'after a lost measurement no later one counts as the end of an epoch, in a job with steps %s',
    async (_, changes) => {
      serve([train(10, 1), valid(20, 1.1), valid(30, 1)], changes);
      expect(await ends()).toEqual([]);

      serve([valid(10, 1), valid(30, 1)], { ...changes });
      expect(await ends()).toEqual([10]);
    },
  );

  test('a job that has not been measured yet has no points', async () => {
    serve([]);
    expect(await host.provider().training.listMetrics('ft-1')).toEqual([]);
    host.routes['GET /fine-tunes/ft-1/metrics'] = { body: {} };
    expect(await host.provider().training.listMetrics('ft-1')).toEqual([]);
  });

  test('there is one checkpoint an epoch, and the last one is the model itself', async () => {
    const checkpoint = (step: number, type: string, name?: string) => ({
      step,
      checkpoint_type: type,
      path: `s3://bucket/${step}`,
      created_at: '2026-11-30T10:10:00Z',
      ...(name === undefined ? {} : { object_name: name }),
    });
    serve([valid(10, 1.3), valid(30, 1)], { status: 'completed', model_output_name: MODEL });
    host.routes['GET /fine-tunes/ft-1/checkpoints'] = {
      body: {
        data: [
          checkpoint(30, 'Final Adapter'),
          checkpoint(30, 'Final Merged'),
          checkpoint(20, 'Intermediate Merged', 'team/triage-20'),
          checkpoint(20, 'Intermediate Adapter', 'team/triage-adapter-20'),
          checkpoint(10, 'Intermediate Merged'),
        ],
      },
    };

    expect(await host.provider().training.listCheckpoints('ft-1')).toEqual([
      { epoch: 1, step: 10, model: `${MODEL}:10`, validLoss: 1.3, validAccuracy: null },
      { epoch: 2, step: 20, model: 'team/triage-20', validLoss: null, validAccuracy: null },
      { epoch: 3, step: 30, model: MODEL, validLoss: 1, validAccuracy: null },
    ]);
  });
});

describe('serving', () => {
  const LEASE = { name: 'tuneloop-run-1-a', models: [MODEL], baseModel: BASE_MODEL };
  const endpoint = (changes: object = {}) => ({
    object: 'endpoint',
    id: 'endpoint-1',
    name: 'team/triage-5d1f',
    display_name: LEASE.name,
    model: MODEL,
    hardware: '1x_small',
    type: 'dedicated',
    owner: 'team',
    state: 'PENDING',
    autoscaling: { min_replicas: 1, max_replicas: 1 },
    created_at: '2026-11-30T10:00:00Z',
    ...changes,
  });
  const machine = (id: string, cents: number, status?: string) => ({
    object: 'hardware',
    id,
    pricing: { cents_per_minute: cents },
    specs: { gpu_type: 'h100', gpu_link: 'sxm', gpu_memory: 80, gpu_count: 1 },
    updated_at: '2026-11-30T10:00:00Z',
    ...(status === undefined ? {} : { availability: { status } }),
  });
  /** As in the list of the specification, which has no display names. */
  const listed = ({ id, name, model, object, type, owner, state, created_at }: ReturnType<typeof endpoint>) => ({
    id,
    name,
    model,
    object,
    type,
    owner,
    state,
    created_at,
  });
  const serve = (...endpoints: ReturnType<typeof endpoint>[]) => {
    host.routes['GET /endpoints'] = { body: { object: 'list', data: endpoints.map(listed) } };
    for (const each of endpoints) host.routes[`GET /endpoints/${each.id}`] = { body: each };
  };
  const serving = (settings: Record<string, unknown> = { idle_minutes: 15 }) => {
    const port = host.provider({ settings }).serving;
    if (!port) throw new Error('Together serves by lease');
    return port;
  };

  beforeEach(() => {
    serve();
    host.routes['GET /hardware'] = {
      body: {
        object: 'list',
        data: [
          machine('1x_large', 11, 'available'),
          machine('1x_tiny', 2, 'insufficient'),
          machine('1x_small', 6.65, 'available'),
        ],
      },
    };
    host.routes['POST /endpoints'] = { body: endpoint() };
  });

  test('a lease is an endpoint of our name on the cheapest free machine, which stops by itself', async () => {
    expect(await serving().create(LEASE)).toEqual({
      state: 'starting',
      status: 'PENDING',
      failure: null,
      callAs: ['team/triage-5d1f'],
      createdAt: 1_796_032_800,
      usdPerHour: 3.99,
    });
    expect(host.sent('GET /hardware')[0]?.query).toEqual({ model: BASE_ID });
    expect(host.sent('POST /endpoints').map(({ body }) => body)).toEqual([
      {
        display_name: LEASE.name,
        model: MODEL,
        hardware: '1x_small',
        autoscaling: { min_replicas: 1, max_replicas: 1 },
        state: 'STARTED',
        inactive_timeout: 15,
      },
    ]);
  });

  test('an endpoint for production never stops by itself', async () => {
    await serving().create({ ...LEASE, kept: true });
    expect(host.sent('POST /endpoints')[0]?.body).toMatchObject({ inactive_timeout: null });
  });

  test('a machine that the pipeline names is taken, and a base model is leased by its own id', async () => {
    await serving({ hardware: '8x_huge', idle_minutes: 30 }).create({ ...LEASE, models: [BASE_MODEL] });
    expect(host.sent('POST /endpoints')[0]?.body).toMatchObject({
      hardware: '8x_huge',
      inactive_timeout: 30,
      model: BASE_ID,
    });
  });

  test('a second creation takes over the endpoint of this name, and asks for no other', async () => {
    serve(endpoint({ id: 'endpoint-2', display_name: 'somebody' }), endpoint({ state: 'STARTED' }));
    expect(await serving().create(LEASE)).toMatchObject({ state: 'ready', callAs: ['team/triage-5d1f'] });
    expect(host.sent('POST /endpoints')).toEqual([]);
  });

  test('a creation starts an endpoint of this name that has stopped', async () => {
    serve(endpoint({ state: 'STOPPED' }));
    host.routes['PATCH /endpoints/endpoint-1'] = { body: endpoint({ state: 'STARTING' }) };
    expect(await serving().find(LEASE)).toMatchObject({ state: 'failed', status: 'STOPPED' });
    expect(await serving().create(LEASE)).toMatchObject({ state: 'starting', status: 'STARTING' });
    expect(host.sent('PATCH /endpoints/endpoint-1').map(({ body }) => body)).toEqual([{ state: 'STARTED' }]);
    expect(host.sent('POST /endpoints')).toEqual([]);
  });

  test('an endpoint that never starts stays a starting one, and one with an error has failed', async () => {
    serve(endpoint({ state: 'STARTING' }));
    for (let look = 0; look < 3; look += 1) expect(await serving().find(LEASE)).toMatchObject({ state: 'starting' });
    serve(endpoint({ state: 'ERROR' }));
    expect(await serving().find(LEASE)).toMatchObject({ state: 'failed', failure: expect.stringContaining('ERROR') });
  });

  test('an endpoint that was removed by hand is no lease any more', async () => {
    expect(await serving().find(LEASE)).toBeUndefined();
    serve(endpoint());
    delete host.routes['GET /endpoints/endpoint-1'];
    expect(await serving().find(LEASE)).toBeUndefined();
  });

  test('where no machine is free nothing is created, and the attempt is repeated later', async () => {
    host.routes['GET /hardware'] = { body: { object: 'list', data: [machine('1x_small', 6, 'unavailable')] } };
    expect(await providerError(serving().create(LEASE))).toMatchObject({
      code: 'PROVIDER_UNAVAILABLE',
      retryable: true,
    });
    expect(host.sent('POST /endpoints')).toEqual([]);
  });

  test('leases are listed by the beginning of their name', async () => {
    serve(endpoint(), endpoint({ id: 'endpoint-2', display_name: 'tuneloop-run-2-a' }));
    expect(await serving().list('tuneloop-run-1-')).toEqual([{ name: LEASE.name, models: [MODEL] }]);
    expect(host.sent('GET /endpoints')[0]?.query).toEqual({ type: 'dedicated', mine: 'true' });
  });

  test('a removal ends every endpoint of this name, and a missing one is no error', async () => {
    serve(endpoint(), endpoint({ id: 'endpoint-2' }), endpoint({ id: 'endpoint-3', display_name: 'somebody' }));
    host.routes['DELETE /endpoints/endpoint-1'] = { status: 204 };
    await serving().remove(LEASE);
    expect(host.server.received.filter(({ method }) => method === 'DELETE').map(({ url }) => url)).toEqual([
      '/v1/endpoints/endpoint-1',
      '/v1/endpoints/endpoint-2',
    ]);
  });
});

describe('inference', () => {
  test('the limit of an answer goes by the name that the provider documents, beside the options of the pipeline', async () => {
    host.routes['POST /chat/completions'] = {
      body: {
        id: 'chat-1',
        choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'billing' } }],
        usage: { prompt_tokens: 9, completion_tokens: 1, total_tokens: 10 },
      },
    };
    const settings = { chat_template_kwargs: { enable_thinking: false }, idle_minutes: 15 };
    const { inference } = host.provider({ settings });
    const answer = await inference.complete({
      model: MODEL,
      callAs: 'team/triage-5d1f',
      messages: [{ role: 'user', content: 'my invoice' }],
      maxOutputTokens: 16,
    });
    expect(answer).toMatchObject({ text: 'billing', cut: false, promptTokens: 9 });
    expect(host.sent('POST /chat/completions')[0]?.body).toEqual({
      model: 'team/triage-5d1f',
      messages: [{ role: 'user', content: 'my invoice' }],
      temperature: 0,
      max_tokens: 16,
      chat_template_kwargs: { enable_thinking: false },
    });
  });

  test('the models are a bare array', async () => {
    host.routes['GET /models'] = { body: [{ id: BASE_ID, object: 'model', created: 0, type: 'chat' }] };
    expect(await host.provider().inference.listModels()).toEqual([{ id: BASE_ID, shutdownDate: null }]);
  });
});

test('names of tuned models are told from those of base models', () => {
  const { tunedModel } = TOGETHER.ids;
  expect([MODEL, `${MODEL}:10`, 'team/Meta-Llama-3.1-8B-1a2b3c4d'].filter((id) => !tunedModel.test(id))).toEqual([]);
  expect(TOGETHER.models.map(({ id }) => id).filter((id) => tunedModel.test(id))).toEqual([]);
});
