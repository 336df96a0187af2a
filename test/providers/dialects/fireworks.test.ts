import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProviderError } from '../../../src/providers/provider-error.ts';
import { endsEpoch, type JobRequest } from '../../../src/providers/training.ts';
import { rejection } from '../http-server.ts';
import { type FireworksHost, fireworksHost, type Given, KEY, LARGEST_FORM_BYTES, refusal } from './fireworks-host.ts';

const JOB_KEY = '1b4e28ba2fa11b4e28ba2fa11b4e28ba2fa11b4e28ba2fa11b4e28ba2fa11b4e';
const JOB = `tuneloop-${JOB_KEY.slice(0, 40)}`;
const JOBS = 'supervisedFineTuningJobs';
const MODEL = `accounts/acme/models/${JOB}`;
const BASE = 'accounts/fireworks/models/llama-v3p1-8b-instruct';
const DEPLOYMENT = 'accounts/acme/deployments/run-7';
const LABEL = 'support-triage-1b4e28ba2fa1-9f0c77d2';

const REQUEST: JobRequest = {
  key: JOB_KEY,
  seed: 41,
  baseModel: 'llama-3.1-8b-instruct',
  trainingFile: 'accounts/acme/datasets/train',
  validationFile: 'accounts/acme/datasets/valid',
  owner: { pipeline: 'support-triage', workflowId: 'run/1', executionId: '9f0c77d2-1111-2222-3333-444455556666' },
  hyperparameters: { learningRateMultiplier: 2, epochs: 3 },
};

function job(changes: object = {}) {
  return {
    name: `accounts/acme/${JOBS}/${JOB}`,
    displayName: LABEL,
    createTime: '2026-11-30T10:00:00.500Z',
    updateTime: '2026-11-30T10:30:00Z',
    state: 'JOB_STATE_RUNNING',
    status: { code: 'OK', message: '' },
    dataset: 'accounts/acme/datasets/train',
    baseModel: BASE,
    outputModel: MODEL,
    epochs: 3,
    ...changes,
  };
}

function deployment(changes: object = {}) {
  return { name: DEPLOYMENT, baseModel: BASE, state: 'READY', createTime: '2026-11-30T10:00:00Z', ...changes };
}

function loaded(model: string, changes: object = {}) {
  return { name: 'accounts/acme/deployedModels/dm-1', model, deployment: DEPLOYMENT, state: 'DEPLOYED', ...changes };
}

let host: FireworksHost;
let folder: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tuneloop-fireworks-'));
  host = await fireworksHost();
});

afterEach(async () => {
  await host.close();
  rmSync(folder, { recursive: true });
  expect(host.problems).toEqual([]);
  // The key reaches the provider, and nobody else.
  expect(host.storage.received.flatMap(({ headers }) => headers.authorization ?? [])).toEqual([]);
});

async function providerError(work: Promise<unknown>): Promise<ProviderError> {
  const error = await rejection(work);
  if (!(error instanceof ProviderError)) throw error;
  expect(`${error.message} ${error.stack}`).not.toContain(KEY);
  return error;
}

describe('a training file at Fireworks', () => {
  const fileOf = (text: string) => {
    const file = join(folder, 'train');
    writeFileSync(file, text);
    return file;
  };
  const id = (): string => {
    const [created] = host.sent('POST datasets');
    return (created?.body as { datasetId: string } | undefined)?.datasetId ?? 'none';
  };
  /** The states of a dataset, one for each look at it; it exists before its creation or not. */
  const answers = (states: object[], { exists = false, upload = { body: {} } as Given } = {}) => {
    host.routes['POST datasets'] = (body) => {
      const { datasetId } = body as { datasetId: string };
      const name = `accounts/acme/datasets/${datasetId}`;
      host.routes[`GET datasets/${datasetId}`] = states.map((state) => ({ body: { name, ...state } }));
      host.routes[`POST datasets/${datasetId}:upload`] = upload;
      host.routes[`POST datasets/${datasetId}:getUploadEndpoint`] = {
        body: { filenameToSignedUrls: { 'train.jsonl': `${host.storageOrigin}/bucket/1?${SIGNATURE}` } },
      };
      host.routes[`POST datasets/${datasetId}:validateUpload`] = { body: {} };
      return exists ? refusal(409, 6, 'already exists') : { body: { name, state: 'UPLOADING' } };
    };
  };
  const SIGNATURE =
    'X-Goog-SignedHeaders=content-type%3Bhost%3Bx-goog-content-length-range&X-Goog-Signature=0123456789abcdef0123456789';
  const UPLOADING = { state: 'UPLOADING' };
  const READY = { state: 'READY', exampleCount: '2', estimatedTokenCount: '12' };

  test('an upload ends once the provider has checked the file', async () => {
    answers([UPLOADING, UPLOADING, UPLOADING, READY]);
    const dataset = await host.provider.training.uploadFile('train.jsonl', fileOf('{"a":1}\n{"b":2}\n'));
    expect(dataset).toBe(`accounts/acme/datasets/${id()}`);
    expect(host.sent('POST datasets')).toEqual([
      {
        query: {},
        body: {
          datasetId: expect.stringMatching(/^tuneloop-[0-9a-f]{40}$/),
          dataset: { displayName: 'train.jsonl', format: 'CHAT', exampleCount: '2', userUploaded: {} },
        },
      },
    ]);
    const [upload] = host.sent(`POST datasets/${id()}:upload`);
    expect(upload?.body).toContain('filename="train.jsonl"');
    expect(upload?.body).toContain('{"a":1}\n{"b":2}\n');
  });

  test('the id of a file follows from its name and its size', async () => {
    const { training } = host.provider;
    await Promise.all([training.findFile('a', 5), training.findFile('a', 6), training.findFile('b', 5)]);
    expect(await training.findFile('a', 5)).toBeUndefined();
    expect(new Set(host.server.received.map(({ url }) => url)).size).toBe(3);
  });

  test('a file that has not been checked is not found', async () => {
    answers([UPLOADING, READY]);
    await host.provider.training.uploadFile('train.jsonl', fileOf('x'));
    expect(await host.provider.training.findFile('train.jsonl', 1)).toBe(`accounts/acme/datasets/${id()}`);
    host.routes[`GET datasets/${id()}`] = { body: { name: `accounts/acme/datasets/${id()}`, state: 'UPLOADING' } };
    expect(await host.provider.training.findFile('train.jsonl', 1)).toBeUndefined();
  });

  test('a large file goes to the signed address, without the key', async () => {
    answers([UPLOADING, READY]);
    host.storage.answer = () => ({ status: 200 });
    const text = 'x'.repeat(LARGEST_FORM_BYTES + 1);
    await host.provider.training.uploadFile('train.jsonl', fileOf(text));
    expect(host.sent(`POST datasets/${id()}:getUploadEndpoint`)[0]?.body).toEqual({
      filenameToSize: { 'train.jsonl': `${text.length}` },
    });
    const [put] = host.storage.received;
    expect(put).toMatchObject({ method: 'PUT', url: `/bucket/1?${SIGNATURE}`, body: text });
    expect(put?.headers['x-goog-content-length-range']).toBe(`${text.length},${text.length}`);
    expect(put?.headers['content-type']).toBe('application/octet-stream');
    expect(host.sent(`POST datasets/${id()}:validateUpload`)).toHaveLength(1);
    expect(host.sent(`POST datasets/${id()}:upload`)).toEqual([]);
  });

  test('a refused upload does not show the signature of its address', async () => {
    answers([UPLOADING, READY]);
    host.storage.answer = ({ url }) => ({ status: 403, body: `SignatureDoesNotMatch: ${url}` });
    const work = host.provider.training.uploadFile('train.jsonl', fileOf('x'.repeat(LARGEST_FORM_BYTES + 1)));
    const error = await providerError(work);
    expect(error).toMatchObject({ status: 403, retryable: false });
    expect(error.message).not.toContain('0123456789abcdef0123456789');
  });

  test('a file that was uploaded before is not sent again', async () => {
    answers([READY], { exists: true });
    const dataset = await host.provider.training.uploadFile('train.jsonl', fileOf('x'));
    expect(dataset).toBe(`accounts/acme/datasets/${id()}`);
    expect(host.sent(`POST datasets/${id()}:upload`)).toEqual([]);
  });

  test('an upload that was interrupted before it was sent is sent by the next attempt', async () => {
    answers([UPLOADING, READY], { exists: true });
    await host.provider.training.uploadFile('train.jsonl', fileOf('x'));
    expect(host.sent(`POST datasets/${id()}:upload`)).toHaveLength(1);
  });

  test('an upload that was interrupted during the check waits for its end', async () => {
    const upload = refusal(400, 9, 'the dataset was already uploaded');
    answers([UPLOADING, UPLOADING, READY], { exists: true, upload });
    const dataset = await host.provider.training.uploadFile('train.jsonl', fileOf('x'));
    expect(dataset).toBe(`accounts/acme/datasets/${id()}`);
  });

  test('a file that the provider finds to be wrong is refused for good', async () => {
    answers([UPLOADING, { ...UPLOADING, status: { code: 'INVALID_ARGUMENT', message: 'line 1 has no messages' } }]);
    const error = await providerError(host.provider.training.uploadFile('train.jsonl', fileOf('x')));
    expect(error).toMatchObject({ code: 'PROVIDER_REFUSED', retryable: false });
    expect(error.message).toContain('line 1 has no messages');
  });
});

describe('a job at Fireworks', () => {
  test('a request has the id and the model of its key, a rate, and no field that the provider refuses', async () => {
    host.routes[`POST ${JOBS}`] = { body: job({ state: 'JOB_STATE_CREATING' }) };
    const created = await host.provider.training.createJob({
      ...REQUEST,
      hyperparameters: { ...REQUEST.hyperparameters, batchSize: 16, seed: 7 },
    });
    expect(created).toMatchObject({ id: JOB, state: 'pending', phase: 'validating', known: true, model: null });
    expect(host.sent(`POST ${JOBS}`)).toEqual([
      {
        query: { supervisedFineTuningJobId: JOB },
        body: {
          displayName: LABEL,
          baseModel: BASE,
          dataset: 'accounts/acme/datasets/train',
          evaluationDataset: 'accounts/acme/datasets/valid',
          outputModel: MODEL,
          epochs: 3,
          learningRate: 2e-4,
          loraRank: 8,
          batchSizeSamples: 16,
        },
      },
    ]);
  });

  test('a rate and a rank of the pipeline file are sent as they are', async () => {
    host.routes[`POST ${JOBS}`] = { body: job() };
    const hyperparameters = { ...REQUEST.hyperparameters, learningRate: 3e-5, loraRank: 32 };
    await host.provider.training.createJob({ ...REQUEST, hyperparameters });
    expect(host.sent(`POST ${JOBS}`)[0]?.body).toMatchObject({ learningRate: 3e-5, loraRank: 32 });
  });

  test('a creation whose answer is lost is sent once, and its job is found by the key', async () => {
    host.routes[`POST ${JOBS}`] = () => {
      host.routes[`GET ${JOBS}/${JOB}`] = { body: job() };
      return (response) => response.destroy();
    };
    const error = await providerError(host.provider.training.createJob(REQUEST));
    expect([error.mayHaveExecuted, error.retryable]).toEqual([true, true]);
    expect(host.sent(`POST ${JOBS}`)).toHaveLength(1);
    expect(await host.provider.training.findJobs(REQUEST)).toMatchObject([{ id: JOB }]);
  });

  test('a second creation finds the first job', async () => {
    host.routes[`POST ${JOBS}`] = refusal(409, 6, 'already exists');
    host.routes[`GET ${JOBS}/${JOB}`] = { body: job() };
    expect(await host.provider.training.createJob(REQUEST)).toMatchObject({ id: JOB, state: 'pending' });
  });

  test('a creation that is refused with 409 is tried again where no job can be seen yet', async () => {
    host.routes[`POST ${JOBS}`] = refusal(409, 6, 'already exists');
    expect(await providerError(host.provider.training.createJob(REQUEST))).toMatchObject({
      status: 409,
      retryable: true,
    });
  });

  test.each([
    ['JOB_STATE_COMPLETED', 'succeeded'],
    ['JOB_STATE_EARLY_STOPPED', 'succeeded'],
    ['JOB_STATE_FAILED', 'failed'],
    ['JOB_STATE_EXPIRED', 'failed'],
    ['JOB_STATE_CANCELLED', 'cancelled'],
    ['JOB_STATE_CANCELLING', 'pending'],
    ['JOB_STATE_PAUSED', 'pending'],
    ['JOB_STATE_WRITING_RESULTS', 'pending'],
  ])('a job that is %s counts as %s', async (state, expected) => {
    host.routes[`GET ${JOBS}/${JOB}`] = { body: job({ state }) };
    const found = await host.provider.training.getJob(JOB);
    expect(found).toMatchObject({ state: expected, known: true, status: state });
    expect(found.model).toBe(expected === 'succeeded' ? MODEL : null);
  });

  test('a state that nobody knows counts as running', async () => {
    host.routes[`GET ${JOBS}/${JOB}`] = { body: JSON.stringify(job({ state: 'JOB_STATE_DREAMING' })) };
    expect(await host.provider.training.getJob(JOB)).toMatchObject({
      state: 'pending',
      phase: 'running',
      known: false,
      status: 'JOB_STATE_DREAMING',
    });
  });

  test('a job that has ended says when, and what it cost', async () => {
    const estimatedCost = { currencyCode: 'USD', units: '12', nanos: 340_000_000 };
    const completedTime = '2026-11-30T10:20:00Z';
    host.routes[`GET ${JOBS}/${JOB}`] = { body: job({ state: 'JOB_STATE_COMPLETED', completedTime, estimatedCost }) };
    const seconds = (time: string) => Date.parse(time) / 1000;
    expect(await host.provider.training.getJob(JOB)).toMatchObject({
      createdAt: seconds('2026-11-30T10:00:00Z'),
      finishedAt: seconds(completedTime),
      costUsd: 12.34,
      trainedTokens: null,
    });
  });

  test.each<[string, object | undefined, number | null]>([
    ['nanos alone', { nanos: 500_000_000 }, 0.5],
    ['units as a string', { currencyCode: 'USD', units: '9007199254740' }, 9007199254740],
    ['zero, which is left out', { currencyCode: 'USD' }, 0],
    ['no amount', {}, null],
    ['nothing', undefined, null],
    ['another currency', { currencyCode: 'EUR', units: '3' }, null],
  ])('a cost of %s is understood', async (_, estimatedCost, expected) => {
    host.routes[`GET ${JOBS}/${JOB}`] = { body: job({ state: 'JOB_STATE_COMPLETED', estimatedCost }) };
    expect((await host.provider.training.getJob(JOB)).costUsd).toBe(expected);
  });

  test('a job that has not ended has no cost, only an estimate', async () => {
    host.routes[`GET ${JOBS}/${JOB}`] = { body: job({ estimatedCost: { currencyCode: 'USD', units: '3' } }) };
    expect((await host.provider.training.getJob(JOB)).costUsd).toBeNull();
  });

  test('a job that has failed says why, without the key', async () => {
    const status = { code: 'RESOURCE_EXHAUSTED', message: `the limit of ${KEY} is reached` };
    host.routes[`GET ${JOBS}/${JOB}`] = { body: job({ state: 'JOB_STATE_FAILED', status }) };
    const { failure, needsPerson } = await host.provider.training.getJob(JOB);
    expect(failure).toBe('RESOURCE_EXHAUSTED: the limit of *** is reached');
    expect(needsPerson).toBe(true);
  });

  test('pending jobs are looked for on all pages, with the owner that their label names', async () => {
    const pages: Given[] = [
      {
        body: {
          [JOBS]: [job(), job({ name: `accounts/acme/${JOBS}/done`, state: 'JOB_STATE_COMPLETED' })],
          nextPageToken: 'next',
        },
      },
      {
        body: {
          [JOBS]: [job({ name: `accounts/acme/${JOBS}/other` }), job({ displayName: 'somebody else' })],
          nextPageToken: '',
        },
      },
    ];
    host.routes[`GET ${JOBS}`] = pages;
    const owner = { executionPrefix: '9f0c77d2' };
    expect(await host.provider.training.listPendingJobs()).toEqual([
      { id: JOB, owner },
      { id: 'other', owner },
    ]);
    expect(host.sent(`GET ${JOBS}`).map(({ query }) => query)).toEqual([
      { pageSize: '200' },
      { pageSize: '200', pageToken: 'next' },
    ]);
  });

  test('an account without jobs may leave the list out', async () => {
    host.routes[`GET ${JOBS}`] = { body: {} };
    expect(await host.provider.training.listPendingJobs()).toEqual([]);
    expect(await host.provider.training.checkFineTuning()).toBeUndefined();
  });

  test('the cancellation of a job that has ended is no error', async () => {
    host.routes[`POST ${JOBS}/${JOB}:cancel`] = refusal(400, 9, 'the job has ended');
    host.routes[`GET ${JOBS}/${JOB}`] = { body: job({ state: 'JOB_STATE_COMPLETED' }) };
    expect(await host.provider.training.cancelJob(JOB)).toMatchObject({ state: 'succeeded' });
  });

  test('a refused cancellation of a job that goes on is an error', async () => {
    host.routes[`POST ${JOBS}/${JOB}:cancel`] = refusal(400, 9, 'not now');
    host.routes[`GET ${JOBS}/${JOB}`] = { body: job() };
    expect(await providerError(host.provider.training.cancelJob(JOB))).toMatchObject({ status: 400 });
  });

  test('an error repeats no key', async () => {
    host.routes[`GET ${JOBS}/${JOB}`] = refusal(401, 16, `invalid key ${KEY}`);
    const error = await providerError(host.provider.training.getJob(JOB));
    expect(error).toMatchObject({ code: 'PROVIDER_REFUSED', status: 401, retryable: false });
    expect(error.message).toContain('invalid key ***');
  });

  test('a model of the library is not deleted, and nothing is sent', async () => {
    expect(await providerError(host.provider.training.deleteModel(BASE))).toMatchObject({ code: 'PROVIDER_REFUSED' });
    expect(host.server.received).toEqual([]);
  });
});

describe('the figures of a job at Fireworks', () => {
  const line = (value: object) => `${JSON.stringify(value)}\n`;
  const TEXT = [
    line({ step: 1, 'train/loss': 1.5, 'train/lr': 0.0001, 'train/total_tokens': 106_622 }),
    line({ step: 2, 'train/loss': 1.25 }),
    line({ step: 2, 'eval/loss': 1.3 }),
    line({ step: '3', data: { 'train/loss': '1', 'train/epoch': 1 } }),
    'no JSON\n',
    '{"step": 4, "train/lo',
  ].join('');
  const url = (number: number) => `${host.storageOrigin}/metrics/${number}?Expires=1&Signature=0123456789abcdef01234`;
  const jobs = (...urls: (string | undefined)[]) => {
    host.routes[`GET ${JOBS}/${JOB}`] = urls.map((each) => ({ body: job({ metricsFileSignedUrl: each }) }));
  };

  test('lines become points: those of one step are one, and an evaluation ends an epoch', async () => {
    jobs(url(1));
    host.storage.answer = () => ({ body: TEXT });
    const points = await host.provider.training.listMetrics(JOB);
    expect(
      points.map(({ step, trainLoss, validLoss, fullValidLoss }) => [step, trainLoss, validLoss, fullValidLoss]),
    ).toEqual([
      [1, 1.5, null, null],
      [2, 1.25, 1.3, 1.3],
      [3, 1, null, null],
    ]);
    expect(points.map(endsEpoch)).toEqual([false, true, false]);
  });

  test('points up to a known step are left out', async () => {
    jobs(url(1));
    host.storage.answer = () => ({ body: TEXT });
    expect((await host.provider.training.listMetrics(JOB, 2)).map(({ step }) => step)).toEqual([3]);
  });

  test('there are no more ends of epochs than epochs', async () => {
    jobs(url(1));
    host.storage.answer = () => ({ body: [1, 2, 3, 4, 5].map((step) => line({ step, 'eval/loss': 1 })).join('') });
    expect((await host.provider.training.listMetrics(JOB)).filter(endsEpoch)).toHaveLength(3);
  });

  test('an address that has expired is asked for again', async () => {
    jobs(url(1), url(2));
    host.storage.answer = ({ url: asked }) =>
      asked.startsWith('/metrics/1') ? { status: 400, body: '<Code>ExpiredToken</Code>' } : { body: TEXT };
    expect(await host.provider.training.listMetrics(JOB)).toHaveLength(3);
    expect(host.storage.received).toHaveLength(2);
  });

  test('a job without figures has no points yet', async () => {
    jobs(undefined, url(1));
    host.storage.answer = () => ({ status: 404 });
    expect(await host.provider.training.listMetrics(JOB)).toEqual([]);
    expect(await host.provider.training.listMetrics(JOB)).toEqual([]);
  });
});

describe('a serving lease at Fireworks', () => {
  const request = { name: 'run-7', baseModel: 'llama-3.1-8b-instruct', models: [MODEL] };
  const other = 'accounts/acme/models/other';
  const serving = () => {
    const { serving: port } = host.provider;
    if (!port) throw new Error('no serving');
    return port;
  };
  const deployedModels = (...entries: object[]) => {
    host.routes['GET deployedModels'] = { body: { deployedModels: entries } };
  };

  test('a deployment is created with our name, scales to zero, and has no end of its own', async () => {
    host.routes['POST deployments'] = { body: deployment({ state: 'CREATING' }) };
    expect(await serving().create(request)).toEqual({
      state: 'starting',
      status: 'CREATING, 0 of 1 models loaded',
      failure: null,
      callAs: [`${MODEL}#${DEPLOYMENT}`],
      createdAt: Date.parse('2026-11-30T10:00:00Z') / 1000,
      usdPerHour: null,
    });
    expect(host.sent('POST deployments')).toEqual([
      {
        query: { deploymentId: 'run-7' },
        body: {
          displayName: 'run-7',
          baseModel: BASE,
          enableAddons: true,
          minReplicaCount: 0,
          maxReplicaCount: 1,
          autoscalingPolicy: { scaleToZeroWindow: '1200s' },
        },
      },
    ]);
    expect(host.sent('POST deployedModels')).toEqual([]);
  });

  test('models are loaded once the deployment is ready, each once', async () => {
    host.routes['GET deployments/run-7'] = { body: deployment() };
    deployedModels(loaded(MODEL, { state: 'DEPLOYING' }), loaded(other, { deployment: `${DEPLOYMENT}-2` }));
    host.routes['POST deployedModels'] = { body: loaded(other, { state: 'DEPLOYING' }) };
    const wanted = { ...request, models: [MODEL, request.baseModel, other] };
    expect(await serving().find(wanted)).toMatchObject({
      state: 'starting',
      callAs: [`${MODEL}#${DEPLOYMENT}`, `${BASE}#${DEPLOYMENT}`, `${other}#${DEPLOYMENT}`],
    });
    expect(host.sent('POST deployedModels').map(({ body }) => body)).toEqual([
      { model: other, deployment: DEPLOYMENT },
    ]);
    deployedModels(loaded(MODEL), loaded(other));
    expect(await serving().find(wanted)).toMatchObject({ state: 'ready', status: 'READY, 2 of 2 models loaded' });
  });

  test('a lease of the base model alone is ready with its deployment', async () => {
    host.routes['GET deployments/run-7'] = { body: deployment() };
    const lease = await serving().find({ ...request, models: [request.baseModel] });
    expect(lease).toMatchObject({ state: 'ready', callAs: [`${BASE}#${DEPLOYMENT}`] });
  });

  test('a second creation takes the deployment over and loads what is missing', async () => {
    host.routes['POST deployments'] = refusal(409, 6, 'already exists');
    host.routes['GET deployments/run-7'] = { body: deployment() };
    deployedModels();
    host.routes['POST deployedModels'] = { body: loaded(MODEL, { state: 'DEPLOYING' }) };
    expect(await serving().create(request)).toMatchObject({ state: 'starting' });
    expect(host.sent('POST deployments')).toHaveLength(1);
    expect(host.sent('POST deployedModels')).toHaveLength(1);
  });

  test('a model that another attempt has loaded is waited for', async () => {
    host.routes['GET deployments/run-7'] = { body: deployment() };
    deployedModels();
    host.routes['POST deployedModels'] = refusal(409, 6, 'already exists');
    expect(await serving().find(request)).toMatchObject({ state: 'starting', failure: null });
  });

  test.each(['DELETING', 'DELETED'])('a deployment that is %s is no lease any more', async (state) => {
    host.routes['GET deployments/run-7'] = { body: deployment({ state }) };
    expect(await serving().find(request)).toBeUndefined();
  });

  test('a deployment that was deleted by hand is no lease any more', async () => {
    expect(await serving().find(request)).toBeUndefined();
  });

  test('a deleted deployment that keeps its name is refused for good, one that is about to go is not', async () => {
    host.routes['POST deployments'] = refusal(409, 6, 'already exists');
    host.routes['GET deployments/run-7'] = { body: deployment({ state: 'DELETED' }) };
    expect(await providerError(serving().create(request))).toMatchObject({ retryable: false });
    host.routes['GET deployments/run-7'] = { body: deployment({ state: 'DELETING' }) };
    expect(await providerError(serving().create(request))).toMatchObject({ retryable: true });
  });

  test('a deployment that fails says why', async () => {
    const status = { code: 'RESOURCE_EXHAUSTED', message: 'no H100 is free' };
    host.routes['GET deployments/run-7'] = { body: deployment({ state: 'FAILED', status }) };
    expect(await serving().find(request)).toMatchObject({
      state: 'failed',
      failure: 'RESOURCE_EXHAUSTED: no H100 is free',
    });
  });

  test('a deployment that never gets ready is starting for ever, and loads nothing', async () => {
    host.routes['GET deployments/run-7'] = { body: JSON.stringify(deployment({ state: 'THINKING' })) };
    expect(await serving().find(request)).toMatchObject({ state: 'starting' });
    expect(host.sent('POST deployedModels')).toEqual([]);
  });

  test('a model that the provider refuses makes the lease fail', async () => {
    host.routes['GET deployments/run-7'] = { body: deployment() };
    deployedModels();
    host.routes['POST deployedModels'] = refusal(400, 3, 'the model has another base');
    const lease = await serving().find(request);
    expect(lease).toMatchObject({ state: 'failed' });
    expect(lease?.failure).toContain('the model has another base');
  });

  test('leases are listed by the beginning of their name, without deleted ones', async () => {
    const named = (name: string, state = 'READY') => deployment({ name: `accounts/acme/deployments/${name}`, state });
    host.routes['GET deployments'] = [
      { body: { deployments: [named('run-7'), named('else')], nextPageToken: 'x' } },
      { body: { deployments: [named('run-8', 'DELETED'), named('run-9', 'FAILED')] } },
    ];
    expect((await serving().list('run-')).map(({ name }) => name)).toEqual(['run-7', 'run-9']);
  });

  test('a removal deletes the models of the deployment, and the deployment with its name', async () => {
    const entry = (id: string, changes: object = {}) =>
      loaded(MODEL, { name: `accounts/acme/deployedModels/${id}`, ...changes });
    deployedModels(entry('dm-1'), entry('dm-2', { deployment: `${DEPLOYMENT}-2` }), entry('dm-3'));
    host.routes['DELETE deployedModels/dm-1'] = { body: {} };
    host.routes['DELETE deployments/run-7'] = { body: {} };
    await serving().remove(request);
    expect(host.server.received.filter(({ method }) => method === 'DELETE').map(({ url }) => url)).toEqual([
      '/v1/accounts/acme/deployedModels/dm-1',
      '/v1/accounts/acme/deployedModels/dm-3',
      '/v1/accounts/acme/deployments/run-7?ignoreChecks=true&hard=true',
    ]);
  });

  test('a deployment is deleted even if its models cannot be', async () => {
    host.routes['GET deployedModels'] = refusal(500, 13, 'no list today');
    host.routes['DELETE deployments/run-7'] = { body: {} };
    await serving().remove(request);
    expect(host.sent('DELETE deployments/run-7')).toHaveLength(1);
  });

  test('a refused deletion is tried again, and a missing deployment is no error', async () => {
    deployedModels();
    host.routes['DELETE deployments/run-7'] = [refusal(429, 8, 'too early'), refusal(404, 5, 'gone')];
    expect(await providerError(serving().remove(request))).toMatchObject({ retryable: true });
    expect(await serving().remove(request)).toBeUndefined();
  });
});

describe('the models of Fireworks', () => {
  test('models of the library and of the account are listed, with the day on which one ends', async () => {
    host.routes['GET models'] = { body: { models: [{ name: MODEL, state: 'READY' }] } };
    host.routes['GET /v1/accounts/fireworks/models'] = {
      body: { models: [{ name: BASE, deprecationDate: { year: 2027, month: 3, day: 31 } }] },
    };
    expect(await host.provider.inference.listModels()).toEqual([
      { id: BASE, shutdownDate: new Date('2027-03-31') },
      { id: MODEL, shutdownDate: null },
    ]);
  });

  test('a deployment that starts from zero is asked again later', async () => {
    const message = 'the deployment is currently scaled to zero and is scaling up';
    host.routes['POST /inference/v1/chat/completions'] = {
      status: 503,
      body: { error: { code: 'DEPLOYMENT_SCALING_UP', message } },
    };
    const question = { model: MODEL, callAs: `${MODEL}#${DEPLOYMENT}`, maxOutputTokens: 5 };
    const work = host.provider.inference.complete({ ...question, messages: [{ role: 'user', content: 'hello' }] });
    expect(await providerError(work)).toMatchObject({ retryable: true, status: 503 });
    expect(host.sent('POST /inference/v1/chat/completions')[0]?.body).toMatchObject({
      model: `${MODEL}#${DEPLOYMENT}`,
      max_tokens: 5,
      temperature: 0,
    });
  });
});
