import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import type { MetricPoint } from '../../src/core/run/training-metrics.ts';
import type { Inference } from '../../src/providers/inference.ts';
import { ProviderError } from '../../src/providers/provider-error.ts';
import type { StoredLog } from '../../src/providers/stored-log.ts';
import { endsEpoch, type JobRequest, type Training } from '../../src/providers/training.ts';
import { type Answer, type Received, rejection, type TinyServer, tinyServer } from './http-server.ts';
import { localTrainerAt, providerAt } from './provider-at.ts';

let server: TinyServer;
let training: Training;
let inference: Inference;
let storedLog: StoredLog;
beforeEach(async () => {
  server = await tinyServer();
  const provider = providerAt(server.baseURL, { apiKey: 'sk-test' });
  ({ training, inference } = provider);
  if (!provider.storedLog) throw new Error('the profile keeps no completions');
  storedLog = provider.storedLog;
});
afterEach(() => server.close());

const REQUEST: JobRequest = {
  key: 'key-1',
  owner: { pipeline: 'support', workflowId: 'support/1/a', executionId: '0-1' },
  baseModel: 'gpt-4o-mini',
  trainingFile: 'file-train',
  validationFile: 'file-validation',
  seed: 42,
  hyperparameters: { learningRateMultiplier: 0.5, epochs: 4 },
};

const jobBody = (id: string, changes: object = {}) => ({
  id,
  object: 'fine_tuning.job',
  status: 'running',
  model: 'gpt-4o-mini',
  fine_tuned_model: null,
  error: null,
  created_at: 1000,
  finished_at: null,
  trained_tokens: null,
  metadata: { tuneloop_key: 'key-1' },
  ...changes,
});
const list = (data: object[], hasMore = false) => ({ body: { object: 'list', data, has_more: hasMore } });
const badRequest: Answer = { status: 400, body: { error: { message: 'it has ended', code: 'invalid_state' } } };
const bodyOf = ({ body }: Received = { method: '', url: '', headers: {}, body: '{}' }) =>
  JSON.parse(body) as Record<string, unknown>;
/** Answers with whole pages, by the `after` of the request, and ignores every filter. */
const paged = (pages: { id: string }[][]) => (request: Received) => {
  const after = new URL(request.url, 'http://x').searchParams.get('after');
  const index = after === null ? 0 : pages.findIndex((page) => page.at(-1)?.id === after) + 1;
  return list(pages[index] ?? [], index < pages.length - 1);
};

describe('creating a job', () => {
  test('creating a job sends model, files, seed, hyperparameters, and the key in its metadata', async () => {
    server.answer = () => ({ body: jobBody('ftjob-1') });
    expect(await training.createJob(REQUEST)).toMatchObject({ id: 'ftjob-1', state: 'pending' });
    expect(server.received[0]).toMatchObject({ method: 'POST', url: '/v1/fine_tuning/jobs' });
    expect(bodyOf(server.received[0])).toEqual({
      model: 'gpt-4o-mini',
      training_file: 'file-train',
      validation_file: 'file-validation',
      suffix: 'support-key-1-0-1',
      seed: 42,
      metadata: {
        tuneloop_pipeline: 'support',
        tuneloop_job: 'support/1/a',
        tuneloop_execution: '0-1',
        tuneloop_key: 'key-1',
      },
      method: {
        type: 'supervised',
        supervised: { hyperparameters: { learning_rate_multiplier: 0.5, n_epochs: 4 } },
      },
    });
  });

  test('creating a job leaves a missing batch size to the provider, and sends a given one', async () => {
    server.answer = () => ({ body: jobBody('ftjob-1') });
    const hyperparameters = { learningRateMultiplier: 1, epochs: 1, batchSize: 8 };
    await training.createJob(REQUEST);
    expect(bodyOf(server.received[0])).not.toHaveProperty('method.supervised.hyperparameters.batch_size');
    await training.createJob({ ...REQUEST, hyperparameters });
    expect(bodyOf(server.received[1])).toMatchObject({
      method: { supervised: { hyperparameters: { batch_size: 8 } } },
    });
  });

  test('an owner longer than a value of the metadata may be is cut', async () => {
    server.answer = () => ({ body: jobBody('ftjob-1') });
    await training.createJob({ ...REQUEST, owner: { ...REQUEST.owner, workflowId: 'x'.repeat(600) } });
    expect(bodyOf(server.received[0])).toMatchObject({ metadata: { tuneloop_job: 'x'.repeat(512) } });
  });

  const broken: [string, Answer][] = [
    ['500', { status: 500 }],
    ['409', { status: 409 }],
    ['429', { status: 429, headers: { 'retry-after': '0' } }],
    ['a request to retry', { status: 500, headers: { 'x-should-retry': 'true' } }],
    ['a reset', (response) => response.socket?.resetAndDestroy()],
    [
      'a broken body',
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '99' });
        response.write('{', () => response.socket?.destroy());
      },
    ],
  ];
  test.each(broken)(
    'a job is requested exactly once even when the answer is %s, because a second one would be paid too',
    async (_, answer) => {
      server.answer = () => answer;
      const error = await rejection(training.createJob(REQUEST));
      expect(error).toBeInstanceOf(ProviderError);
      expect(error).toMatchObject({ retryable: true });
      expect(server.received).toHaveLength(1);
    },
  );

  test('a job is requested exactly once when no answer comes in time', async () => {
    const received = new Promise<void>((resolve) => {
      server.answer = () => () => resolve();
    });
    // The client's clock stands still until the request has arrived: on a busy machine that takes longer than any short time limit.
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate'] });
    try {
      const { training: impatient } = providerAt(server.baseURL, { apiKey: 'sk-test', timeoutMs: 100 });
      const error = rejection(impatient.createJob(REQUEST));
      await received;
      await jest.advanceTimersByTimeAsync(100);
      expect(await error).toMatchObject({ retryable: true });
    } finally {
      jest.useRealTimers();
    }
    expect(server.received).toHaveLength(1);
  });
});

describe('finding jobs', () => {
  test('finding jobs asks the server for the key', async () => {
    server.answer = () => list([]);
    expect(await training.findJobs(REQUEST)).toEqual([]);
    expect(new URL(server.received[0]?.url ?? '', 'http://x').searchParams.get('metadata[tuneloop_key]')).toBe('key-1');
  });

  test('finding jobs keeps only those of the key when the server ignores the filter, over all pages, oldest first', async () => {
    const foreign = { metadata: { tuneloop_key: 'key-2' } };
    server.answer = paged([
      [jobBody('a', { created_at: 300 }), jobBody('x', foreign)],
      [jobBody('y', { metadata: null, seed: 41 }), jobBody('z', { metadata: {} })],
      [jobBody('b', { created_at: 200, status: 'cancelled' }), jobBody('c', { created_at: 100, status: 'failed' })],
    ]);
    const jobs = await training.findJobs(REQUEST);
    expect(jobs.map(({ id, state }) => [id, state])).toEqual([
      ['c', 'failed'],
      ['b', 'cancelled'],
      ['a', 'pending'],
    ]);
    expect(server.received).toHaveLength(3);
  });

  test('on a server without metadata a job is found by its file, model and seed together', async () => {
    const bare = { metadata: null, training_file: 'file-train', seed: 42 };
    server.answer = () =>
      list([
        jobBody('same', bare),
        jobBody('dated', { ...bare, model: 'gpt-4o-mini-2024-07-18' }),
        jobBody('other-seed', { ...bare, seed: 43 }),
        jobBody('no-seed', { ...bare, seed: null }),
        jobBody('other-file', { ...bare, training_file: 'file-2' }),
        jobBody('other-model', { ...bare, model: 'gpt-4.1' }),
        jobBody('other-key', { ...bare, metadata: { tuneloop_key: 'key-2' } }),
      ]);
    expect((await training.findJobs(REQUEST)).map(({ id }) => id)).toEqual(['dated', 'same']);
  });

  test('jobs that have not ended are listed with their owner, and foreign ones are not', async () => {
    const metadata = { tuneloop_pipeline: 'p', tuneloop_job: 'p/1/a', tuneloop_execution: 'e' };
    server.answer = paged([
      [jobBody('mine', { metadata }), jobBody('foreign', { metadata: { team: 'x' } })],
      [jobBody('ended', { metadata, status: 'succeeded' }), jobBody('half', { metadata: { tuneloop_job: 'p/1/a' } })],
    ]);
    const owner = { pipeline: 'p', workflowId: 'p/1/a', executionId: 'e' };
    expect(await training.listPendingJobs()).toEqual([{ id: 'mine', owner }]);
  });

  test('jobs of the same second are in the order of their ids, so that every attempt adopts the same one', async () => {
    server.answer = () => list([jobBody('b'), jobBody('c'), jobBody('a')]);
    expect((await training.findJobs(REQUEST)).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
  });
});

describe('a job', () => {
  const stateOf = async (changes: object) => {
    server.answer = () => ({ body: jobBody('ftjob-1', changes) });
    return training.getJob('ftjob-1');
  };

  test.each([undefined, null, {}, { code: null, message: null, param: null }, { code: '', message: '' }])(
    'a job with error %j is healthy',
    async (error) => {
      expect((await stateOf({ error })).failure).toBeNull();
    },
  );

  test('a job with a failure code has its reason, in at most 500 characters', async () => {
    const error = { code: 'invalid_file_format', message: 'line 3', param: 'training_file' };
    expect(await stateOf({ status: 'failed', error })).toMatchObject({
      state: 'failed',
      failure: 'invalid_file_format: line 3',
    });
    const long = await stateOf({ status: 'failed', error: { ...error, message: 'x'.repeat(9999) } });
    expect(long.failure).toHaveLength(500);
  });

  test.each(['succeeded', 'failed', 'cancelled'])('a job that is %s has ended', async (status) => {
    expect(await stateOf({ status })).toMatchObject({ state: status, status });
  });

  test.each(['validating_files', 'queued', 'running', 'pausing', 'paused', 'resuming', 'SUCCEEDED', ''])(
    'a job that is "%s" is pending',
    async (status) => {
      expect(await stateOf({ status })).toMatchObject({ state: 'pending', status });
    },
  );

  test('a job of any unknown status is pending', async () => {
    const status = fc.string().filter((text) => !['succeeded', 'failed', 'cancelled'].includes(text));
    await fc.assert(
      fc.asyncProperty(fc.oneof(status, fc.constantFrom('constructor', 'toString', '__proto__')), async (text) => {
        expect((await stateOf({ status: text })).state).toBe('pending');
      }),
      { numRuns: 50 },
    );
  });

  test('a job has its model, times and tokens', async () => {
    const changes = { status: 'succeeded', fine_tuned_model: 'ft:x', finished_at: 2000, trained_tokens: 123 };
    expect(await stateOf(changes)).toEqual({
      id: 'ftjob-1',
      state: 'succeeded',
      phase: 'running',
      known: true,
      needsPerson: false,
      status: 'succeeded',
      model: 'ft:x',
      failure: null,
      createdAt: 1000,
      finishedAt: 2000,
      trainedTokens: 123,
    });
  });
});

describe('cancelling a job', () => {
  test('cancelling a job gives the job in its new state', async () => {
    server.answer = () => ({ body: jobBody('ftjob-1', { status: 'cancelled' }) });
    expect(await training.cancelJob('ftjob-1')).toMatchObject({ state: 'cancelled' });
    expect(server.received.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST /v1/fine_tuning/jobs/ftjob-1/cancel',
    ]);
  });

  test.each(['succeeded', 'failed', 'cancelled'])(
    'cancelling a job accepts a 400 for one that is %s already',
    async (status) => {
      server.answer = ({ method }) => (method === 'POST' ? badRequest : { body: jobBody('ftjob-1', { status }) });
      expect(await training.cancelJob('ftjob-1')).toMatchObject({ state: status });
    },
  );

  test('cancelling a job does not accept a 400 for one that still runs', async () => {
    server.answer = ({ method }) => (method === 'POST' ? badRequest : { body: jobBody('ftjob-1') });
    expect(await rejection(training.cancelJob('ftjob-1'))).toMatchObject({
      code: 'PROVIDER_REFUSED',
      retryable: false,
    });
  });

  test.each([404, 500])('cancelling a job does not take a %i for an end', async (status) => {
    server.answer = () => ({ status });
    expect(await rejection(training.cancelJob('ftjob-1'))).toBeInstanceOf(ProviderError);
    expect(server.received).toHaveLength(1);
  });
});

describe('what a job reports', () => {
  const event = (id: number, data: object | null, type = 'metrics') => ({
    id: `${id}`,
    type,
    message: 'Step',
    created_at: 1,
    data,
  });
  const point = (step: number, changes: Partial<MetricPoint> = {}): MetricPoint => ({
    step,
    totalSteps: null,
    trainLoss: null,
    validLoss: null,
    fullValidLoss: null,
    fullValidAccuracy: null,
    ...changes,
  });

  test('the reports of a job are given oldest first, although events come newest first; a value that is no number is unknown', async () => {
    server.answer = () =>
      list([
        event(6, { step: 99 }, 'message'),
        event(5, null),
        event(4, { train_loss: 0.5 }),
        event(3, { step: 60, total_steps: 200, train_loss: 0.1 }),
        event(2, { step: 50, valid_loss: 0.3, full_valid_loss: 0.25, full_valid_mean_token_accuracy: 0.9 }),
        event(1, { step: 40, train_loss: 'NaN', valid_loss: 0.9 }),
      ]);
    expect(await training.listMetrics('ftjob-1')).toEqual([
      point(40, { validLoss: 0.9 }),
      point(50, { validLoss: 0.3, fullValidLoss: 0.25, fullValidAccuracy: 0.9 }),
      point(60, { totalSteps: 200, trainLoss: 0.1 }),
    ]);
  });

  test('a job has no reports before the first event', async () => {
    server.answer = () => list([]);
    expect(await training.listMetrics('ftjob-1')).toEqual([]);
  });

  test('the reports of a job are read over all pages, and back to a known step only', async () => {
    const pages = [
      [event(4, { step: 4 }), event(3, { step: 3 })],
      [event(2, { step: 2 }), event(1, { step: 1 })],
    ];
    server.answer = paged(pages);
    expect((await training.listMetrics('ftjob-1')).map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    expect(server.received).toHaveLength(2);
    expect((await training.listMetrics('ftjob-1', 3)).map(({ step }) => step)).toEqual([4]);
    expect(server.received).toHaveLength(3);
  });

  test('reading the reports ends even where the server always has one more page', async () => {
    let id = 0;
    server.answer = () => {
      id += 1;
      return list([event(id, { step: 1_000_000 - id })], true);
    };
    expect(await training.listMetrics('ftjob-1')).toHaveLength(100);
  });

  test('the reports of a job are thinned to about 200 points, evenly, with the ends of all epochs and the newest', async () => {
    const asked = fc.record({ steps: fc.integer({ min: 1, max: 3000 }), epoch: fc.integer({ min: 60, max: 700 }) });
    await fc.assert(
      fc.asyncProperty(asked, async ({ steps, epoch }) => {
        const all = Array.from({ length: steps }, (_, index) => index + 1);
        const data = all.map((step) => event(step, { step, ...(step % epoch === 0 ? { full_valid_loss: 1 } : {}) }));
        server.answer = () => list(data.toReversed());
        const points = await training.listMetrics('ftjob-1');
        const kept = points.map(({ step }) => step);
        expect(kept.length).toBeLessThanOrEqual(201);
        if (steps <= 200) expect(kept).toEqual(all);
        else expect(kept.length).toBeGreaterThanOrEqual(190);
        expect(points.filter(endsEpoch).map(({ step }) => step)).toEqual(all.filter((step) => step % epoch === 0));
        expect(kept.at(-1)).toBe(steps);
        const gaps = kept.map((step, place) => step - (kept[place - 1] ?? 0));
        expect(Math.max(...gaps)).toBeLessThanOrEqual(Math.ceil(steps / 150) + 1);
      }),
      { numRuns: 30 },
    );
  });

  test('the start of training is found on the last page; where it is missing it is unknown', async () => {
    const told = (id: string, message: string, data: object | null = {}) => {
      return { id, message, created_at: Number(id), type: 'message', data };
    };
    server.answer = paged([
      [told('9', 'completed', { worked_ms: 1250 }), told('3', 'Step 1/2')],
      [told('2', 'Fine-tuning job started'), told('1', 'Job enqueued')],
    ]);
    expect(await training.getTrainingTime('ftjob-1')).toEqual({ startedAt: 2, workedMs: 1250 });
    server.answer = () => list([told('1', 'Job enqueued', null)]);
    expect(await training.getTrainingTime('ftjob-1')).toEqual({ startedAt: null, workedMs: null });
  });
});

describe('checkpoints', () => {
  const checkpoint = (step: number, metrics: object | undefined = {}) => ({
    id: `ftckpt-${step}`,
    fine_tuned_model_checkpoint: `ft:model:ckpt-step-${step}`,
    step_number: step,
    metrics,
  });
  const epochsOf = async (...steps: number[]) => {
    server.answer = () => list(steps.map((step) => checkpoint(step)));
    return (await training.listCheckpoints('ftjob-1')).map(({ step, epoch }) => [step, epoch]);
  };

  test('checkpoints are listed oldest first over all pages, with the figures of the whole validation file', async () => {
    server.answer = paged([
      [checkpoint(400, { full_valid_loss: 0.5, full_valid_mean_token_accuracy: 0.8, valid_loss: 7 })],
      [checkpoint(300), checkpoint(200, undefined)],
    ]);
    const unknown = { validLoss: null, validAccuracy: null };
    expect(await training.listCheckpoints('ftjob-1')).toEqual([
      { epoch: 2, step: 200, model: 'ft:model:ckpt-step-200', ...unknown },
      { epoch: 3, step: 300, model: 'ft:model:ckpt-step-300', ...unknown },
      { epoch: 4, step: 400, model: 'ft:model:ckpt-step-400', validLoss: 0.5, validAccuracy: 0.8 },
    ]);
    expect(server.received).toHaveLength(2);
  });

  test('checkpoints belong to the epochs of their steps, also where one is missing or epochs are not equally long', async () => {
    expect(await epochsOf()).toEqual([]);
    expect(await epochsOf(70)).toEqual([[70, 1]]);
    expect(await epochsOf(300, 100)).toEqual([
      [100, 1],
      [300, 3],
    ]);
    expect(await epochsOf(67, 134, 200)).toEqual([
      [67, 1],
      [134, 2],
      [200, 3],
    ]);
  });
});

describe('files', () => {
  const file = (id: string, filename: string, bytes: number, status = 'processed') => ({ id, filename, bytes, status });

  test('a file of the same name and size is found, over pages, the newest first', async () => {
    server.answer = paged([
      [file('other-name', 'train-b.jsonl', 10), file('other-size', 'train-a.jsonl', 11)],
      [file('newest', 'train-a.jsonl', 10, 'uploaded'), file('older', 'train-a.jsonl', 10)],
    ]);
    expect(await training.findFile('train-a.jsonl', 10)).toBe('newest');
    const { searchParams } = new URL(server.received[0]?.url ?? '', 'http://x');
    expect(searchParams.get('purpose')).toBe('fine-tune');
    expect(searchParams.get('order')).toBe('desc');
  });

  test('a file that the provider could not read is not found', async () => {
    server.answer = () => list([file('bad', 'train-a.jsonl', 10, 'error')]);
    expect(await training.findFile('train-a.jsonl', 10)).toBeUndefined();
  });

  test('an upload is sent once, with its name and purpose', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'tuneloop-test-'));
    try {
      const local = path.join(folder, 'artifact');
      writeFileSync(local, '{"messages":[]}\n');
      server.answer = () => ({ body: { id: 'file-1' } });
      expect(await training.uploadFile('train-a.jsonl', local)).toBe('file-1');
      expect(server.received[0]?.body).toMatch(/name="purpose"\r\n\r\nfine-tune/);
      expect(server.received[0]?.body).toMatch(/filename="train-a.jsonl"[\s\S]*\{"messages":\[\]\}\n/);
      server.answer = () => ({ status: 503 });
      expect(await rejection(training.uploadFile('train-a.jsonl', local))).toMatchObject({ retryable: true });
      expect(server.received).toHaveLength(2);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('completing', () => {
  const completion = {
    choices: [{ message: { role: 'assistant', content: 'refund' } }],
    usage: { prompt_tokens: 12, completion_tokens: 2, total_tokens: 14 },
  };
  const ask = (changes: object = {}) =>
    inference.complete({ model: 'ft:x', messages: [{ role: 'user', content: 'hi' }], ...changes });

  test('completing asks without randomness, with a limit only where one is given', async () => {
    server.answer = () => ({ body: completion });
    await ask();
    await ask({ maxOutputTokens: 5 });
    expect(bodyOf(server.received[0])).toEqual({
      model: 'ft:x',
      messages: [{ role: 'user', content: 'hi' }],
      temperature: 0,
    });
    expect(bodyOf(server.received[1])).toMatchObject({ max_completion_tokens: 5 });
  });

  test('completing takes the time of the server from openai-processing-ms', async () => {
    server.answer = () => ({ body: completion, headers: { 'openai-processing-ms': '12.5' } });
    const answer = await ask();
    expect(answer).toMatchObject({ text: 'refund', promptTokens: 12, completionTokens: 2, serverMs: 12.5 });
    expect(answer.latencyMs).toBeGreaterThan(0);
  });

  test.each([{}, { 'openai-processing-ms': 'fast' }, { 'openai-processing-ms': '' }])(
    'completing takes the latency where the server does not give its time: %j',
    async (headers) => {
      server.answer = () => ({ body: completion, headers: headers as Record<string, string> });
      const { serverMs, latencyMs } = await ask();
      expect(serverMs).toBe(latencyMs);
    },
  );

  test('an answer without text or usage is an empty answer', async () => {
    server.answer = () => ({ body: { choices: [{ message: { role: 'assistant', content: null } }] } });
    expect(await ask()).toMatchObject({ text: '', promptTokens: 0, completionTokens: 0 });
  });

  test('a page of another server is an error that is retried, and no answer', async () => {
    server.answer = () => ({ body: '<html>login</html>', headers: { 'content-type': 'text/html' } });
    expect(await rejection(ask())).toMatchObject({ code: 'PROVIDER_UNAVAILABLE', retryable: true });
  });

  test('an aborted request ends at once', async () => {
    const abort = new AbortController();
    server.answer = () => () => abort.abort();
    expect(await rejection(ask({ signal: abort.signal }))).toMatchObject({ message: 'the request was cancelled' });
  });
});

describe('stored completions', () => {
  const { signal } = new AbortController();
  const stored = (changes: object = {}) => ({
    id: 'chatcmpl-1',
    created: 1000,
    model: 'gpt-4o-mini',
    choices: [{ message: { role: 'assistant', content: 'refund' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 12, completion_tokens: 2 },
    metadata: { customer: 'c1' },
    ...changes,
  });

  test('stored completions are requested page by page, by model and metadata, oldest first', async () => {
    server.answer = () => list([stored()], true);
    const query = { after: 'chatcmpl-0', model: 'gpt-4o-mini', metadata: { customer: 'c1' }, signal };
    expect(await storedLog.listCompletions(query)).toEqual({
      completions: [
        {
          id: 'chatcmpl-1',
          createdAt: 1000,
          model: 'gpt-4o-mini',
          completion: 'refund',
          usage: { promptTokens: 12, completionTokens: 2 },
          metadata: { customer: 'c1' },
        },
      ],
      more: true,
    });
    const { pathname, searchParams } = new URL(server.received[0]?.url ?? '', 'http://x');
    expect(pathname).toBe('/v1/chat/completions');
    expect(Object.fromEntries(searchParams)).toEqual({
      order: 'asc',
      limit: '100',
      after: 'chatcmpl-0',
      model: 'gpt-4o-mini',
      'metadata[customer]': 'c1',
    });
  });

  test.each([
    ['cut off', [{ message: { role: 'assistant', content: 'ref' }, finish_reason: 'length' }]],
    ['a call of a tool', [{ message: { role: 'assistant', content: null, tool_calls: [{}] }, finish_reason: 'stop' }]],
    ['no choice', []],
  ])('stored completions come as the whole response where the answer is %s', async (_case, choices) => {
    server.answer = () => list([stored({ choices, usage: null, metadata: null })]);
    const { completions } = await storedLog.listCompletions({ after: undefined, signal });
    expect(completions).toMatchObject([{ completion: { id: 'chatcmpl-1', choices }, usage: null, metadata: {} }]);
  });

  test('stored completions have their messages, parts included, over all pages', async () => {
    const parts = [{ type: 'text', text: 'hi' }];
    const texts = [{ id: 'm-0', role: 'system', content: 'Sort it.' }];
    server.answer = paged([
      texts,
      [{ id: 'm-1', role: 'user', content: null, content_parts: parts } as { id: string }],
    ]);
    expect(await storedLog.listMessages('chatcmpl-1', signal)).toEqual([
      { role: 'system', content: 'Sort it.' },
      { role: 'user', content: parts },
    ]);
    expect(server.received[1]?.url).toContain('/v1/chat/completions/chatcmpl-1/messages');
  });
});

describe('thinking models', () => {
  const ask = (message: object, finish_reason = 'stop') => {
    server.answer = () => ({
      body: { choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason }] },
    });
    return inference.complete({ model: 'local-mini', messages: [{ role: 'user', content: 'my invoice' }] });
  };

  test('the thoughts of a model are no part of its answer, in the text as in a field of their own', async () => {
    const inText = await ask({ content: '<think>a bill</think>\n\nbilling' });
    const apart = await ask({ content: 'billing', reasoning_content: 'a bill' });
    for (const answer of [inText, apart]) {
      expect(answer).toMatchObject({ text: 'billing', cut: false });
      expect(answer).not.toHaveProperty('cutInThoughts');
    }
  });

  test.each([
    ['in the text', { content: '<think>It may be a bill, or' }],
    ['in `reasoning_content`', { content: null, reasoning_content: 'It may be a bill, or' }],
    ['in `reasoning`', { content: '', reasoning: 'It may be a bill, or' }],
  ])('an answer that is cut off inside its thoughts %s says so, and is empty', async (_, message) => {
    expect(await ask(message, 'length')).toMatchObject({ text: '', cut: true, cutInThoughts: true });
  });

  test.each([
    ['the answer is cut off after its thoughts', { content: '<think>a bill</think>\n\nbil' }, 'length'],
    ['an empty answer has no thoughts', { content: '' }, 'length'],
    ['the model stops by itself inside its thoughts', { content: '<think>a bill' }, 'stop'],
  ])('nothing is said about a cut inside thoughts where %s', async (_, message, reason) => {
    expect(await ask(message, reason)).not.toHaveProperty('cutInThoughts');
  });
});

test('all models of the server are listed', async () => {
  server.answer = () => list([{ id: 'local-mini' }, { id: 'old', shutdown_date: '2027-01-06' } as { id: string }]);
  expect(await inference.listModels()).toEqual([
    { id: 'local-mini', shutdownDate: null },
    { id: 'old', shutdownDate: new Date('2027-01-06') },
  ]);
});

test('a key that the server repeats in its answer is removed from the error', async () => {
  const apiKey = 'azure-canary-0123456789';
  const mine = providerAt(server.baseURL, { apiKey }).inference;
  const long = 'x'.repeat(430);
  for (const message of [`Incorrect API key provided: ${apiKey}.`, `${long} Authorization: Bearer ${apiKey}`]) {
    server.answer = () => ({ status: 401, body: { error: { message, code: 'invalid_api_key' } } });
    const error = await rejection(mine.listModels());
    expect(error).toMatchObject({ code: 'PROVIDER_REFUSED' });
    expect(`${error}`).not.toContain('canary');
  }
});

test('the key of the local trainer is no secret: its word stays in the messages', async () => {
  const trainer = localTrainerAt(server.baseURL).inference;
  server.answer = () => ({ status: 404, body: { error: { message: 'there is no model local-mini', code: null } } });
  expect(await rejection(trainer.listModels())).toMatchObject({
    message: `${server.baseURL} answered 404: there is no model local-mini`,
  });
});
