import { readdirSync, readFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import OpenAI from 'openai';
import { startTrainer } from '../../packages/local-trainer/src/server.ts';
import { clientOf, jobWhen, jsonl, labelled, temporaryFolder, trainerWithClient } from './sample-data.ts';

// Real threads and processes on a machine that may be busy: the usual 5 s are too tight.
jest.setTimeout(30_000);

type Setup = Awaited<ReturnType<typeof trainerWithClient>>;
let setup: Setup;
let client: OpenAI;
let file: string;
const examples = labelled(60);

beforeAll(async () => {
  setup = await trainerWithClient();
  client = setup.client;
  file = await setup.upload(jsonl(examples));
});
afterAll(() => setup.remove());

/** The error of a request that must fail. */
async function refusal(work: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  try {
    await work;
  } catch (error) {
    if (error instanceof OpenAI.APIError) return error;
    throw error;
  }
  throw new Error('the request was not refused');
}

const create = (changes: object = {}) =>
  client.fineTuning.jobs.create({ model: 'local-mini', training_file: file, ...changes });

test('a job goes from files to models that can be called', async () => {
  const validation = await setup.upload(jsonl(labelled(20, 9)));
  const created = await create({ validation_file: validation, suffix: 'desk', seed: 11 });
  expect(created).toMatchObject({ status: 'validating_files', fine_tuned_model: null, error: {}, seed: 11 });
  expect(created.hyperparameters).toEqual({ n_epochs: 'auto', batch_size: 'auto', learning_rate_multiplier: 'auto' });

  const job = await setup.ended(created.id);
  expect(job).toMatchObject({ status: 'succeeded', error: {}, estimated_finish: null });
  expect(job.fine_tuned_model).toMatch(/^ft:local-mini:tuneloop:desk:\w{8}$/);
  expect(job.hyperparameters).toEqual({ n_epochs: 3, batch_size: 1, learning_rate_multiplier: 1 });
  expect(job.method?.supervised?.hyperparameters).toEqual(job.hyperparameters);
  expect(job.trained_tokens).toBeGreaterThan(60 * 3 * 10);

  const { data: checkpoints } = await client.fineTuning.jobs.checkpoints.list(job.id);
  expect(checkpoints.map(({ step_number }) => step_number)).toEqual([180, 120, 60]);
  const names = [job.fine_tuned_model ?? '', ...checkpoints.map((each) => each.fine_tuned_model_checkpoint)];
  for (const model of names) {
    const answer = await client.chat.completions.create({ model, messages: [{ role: 'user', content: 'my invoice' }] });
    expect(answer.choices[0]?.message.content).toBe('billing');
  }
  const listed = (await client.models.list()).data.map(({ id }) => id);
  expect(listed).toEqual(expect.arrayContaining(['local-nano', 'local-mini', 'local-base', ...names]));
});

test('events have the whole story of a job, newest first', async () => {
  const job = await create({ hyperparameters: { n_epochs: 1 } });
  await setup.ended(job.id);
  const { data } = await client.fineTuning.jobs.listEvents(job.id, { limit: 100 });
  const messages = data.map(({ message }) => message).reverse();
  expect(messages.slice(0, 4)).toEqual([
    `Created fine-tuning job: ${job.id}`,
    `Validating training file: ${file}`,
    'Files validated, moving job to queued state',
    'Fine-tuning job started',
  ]);
  expect(messages[4]).toMatch(/^Step 1\/60: training loss=\d+\.\d\d$/);
  expect(messages.slice(-3)).toEqual([
    expect.stringMatching(/^Checkpoint created at step 60: ft:/),
    expect.stringMatching(/^New fine-tuned model created: ft:/),
    'The job has successfully completed',
  ]);
  expect(data[3]).toMatchObject({ type: 'metrics', data: { step: 60, total_steps: 60 } });
});

test('the result file is a CSV in base64', async () => {
  const job = await setup.ended((await create()).id);
  const content = await (await client.files.content(job.result_files[0] ?? '')).text();
  const lines = Buffer.from(content, 'base64').toString().trim().split('\n');
  expect(lines[0]).toBe('step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy');
  expect(lines[lines.length - 1]).toMatch(/^180,[\d.]+,[\d.]+,,$/);
});

test('the same request has the same seed', async () => {
  const [first, second, other] = [await create(), await create(), await create({ hyperparameters: { n_epochs: 2 } })];
  expect(second.seed).toBe(first.seed);
  expect(other.seed).not.toBe(first.seed);
});

test.each([
  ['fewer than ten examples', jsonl(labelled(9)), 'invalid_n_examples', /has 9 example/],
  ['a broken line', `${jsonl(labelled(20))}\n{"messages": [}`, 'invalid_file_format', /Line 21/],
])('a training file with %s fails the job', async (_case, text, code, message) => {
  const job = await setup.ended((await create({ training_file: await setup.upload(text) })).id);
  expect(job).toMatchObject({ status: 'failed', fine_tuned_model: null, trained_tokens: null });
  expect(job.error).toMatchObject({ code, param: 'training_file', message: expect.stringMatching(message) });
});

test.each([
  ['an unknown model', { model: 'gpt-4o' }, 'model'],
  ['no training file', { training_file: undefined }, 'training_file'],
  ['an unknown file', { training_file: 'file-none' }, 'training_file'],
  ['a suffix that is too long', { suffix: 'x'.repeat(65) }, 'suffix'],
  ['a seed out of range', { seed: -1 }, 'seed'],
  [
    '17 pairs of metadata',
    { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`k${n}`, 'v'])) },
    'metadata',
  ],
  ['a value of metadata that is too long', { metadata: { k: 'v'.repeat(513) } }, 'metadata.k'],
  ['no epochs', { hyperparameters: { n_epochs: 0 } }, 'hyperparameters.n_epochs'],
  ['half a row in a batch', { hyperparameters: { batch_size: 0.5 } }, 'hyperparameters.batch_size'],
  ['a rate of 0', { hyperparameters: { learning_rate_multiplier: 0 } }, 'hyperparameters.learning_rate_multiplier'],
  ['an argument that does not exist', { epochs: 3 }, 'epochs'],
])('a job with %s is refused by its name', async (_case, changes, param) => {
  expect(await refusal(create(changes))).toMatchObject({ status: 400, param, type: 'invalid_request_error' });
});

test('metadata finds its jobs, page by page', async () => {
  const ids: string[] = [];
  for (let count = 0; count < 5; count++) ids.push((await create({ metadata: { sweep: 'a', n: `${count}` } })).id);
  const found: string[] = [];
  for await (const job of client.fineTuning.jobs.list({ limit: 2, metadata: { sweep: 'a' } })) found.push(job.id);
  expect(found).toEqual(ids.reverse());
  const both = await client.fineTuning.jobs.list({ metadata: { sweep: 'a', n: '3' } });
  expect(both.data).toHaveLength(1);
  expect(both.has_more).toBe(false);
  expect((await client.fineTuning.jobs.list({ metadata: { sweep: 'none' } })).data).toEqual([]);
});

test('a missing object is not found', async () => {
  const chat = client.chat.completions.create({ model: 'ft:none', messages: [{ role: 'user', content: 'x' }] });
  expect(await refusal(chat)).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
  expect(await refusal(client.fineTuning.jobs.retrieve('ftjob-none'))).toMatchObject({ status: 404 });
  expect(await refusal(client.files.retrieve('file-none'))).toMatchObject({ status: 404 });
  expect(await refusal(client.models.retrieve('none'))).toMatchObject({ status: 404 });
  expect((await fetch(`${setup.trainer.baseURL}/none`)).status).toBe(404);
});

test('a deleted model cannot be called, its checkpoints can', async () => {
  const job = await setup.ended((await create()).id);
  const model = job.fine_tuned_model ?? '';
  expect(await client.models.delete(model)).toEqual({ id: model, object: 'model', deleted: true });
  const ask = (name: string) =>
    client.chat.completions.create({ model: name, messages: [{ role: 'user', content: 'x' }] });
  expect(await refusal(ask(model))).toMatchObject({ status: 404, code: 'model_not_found' });
  await expect(ask(`${model}:ckpt-step-180`)).resolves.toHaveProperty('object', 'chat.completion');
  expect(await refusal(client.models.delete('local-base'))).toMatchObject({ status: 403 });
});

test('a deleted file is gone, and files are listed by purpose', async () => {
  const id = await setup.upload(jsonl(labelled(10)));
  const names = (await client.files.list({ purpose: 'fine-tune' })).data.map((each) => each.id);
  expect(names).toContain(id);
  expect(await (await client.files.content(id)).text()).toBe(jsonl(labelled(10)));
  await client.files.delete(id);
  expect(await refusal(client.files.retrieve(id))).toMatchObject({ status: 404 });
});

test('an upload that breaks off behind its file is not kept', async () => {
  const own = await trainerWithClient();
  const files = join(own.dir, 'files');
  const until = async (count: number) => {
    while (readdirSync(files).length !== count) await new Promise((resolve) => setImmediate(resolve));
  };
  const headers = { 'content-type': 'multipart/form-data; boundary=cut', 'content-length': 10_000 };
  const upload = request(`${own.trainer.baseURL}/files`, { method: 'POST', headers });
  upload.on('error', () => undefined);
  upload.write('--cut\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n{}\r\n--cut\r\n');
  // Bytes and record: the file is whole, its request is not.
  await until(2);
  upload.destroy();
  await until(0);
  expect((await own.client.files.list()).data).toEqual([]);
  await own.remove();
});

test('a completion counts its tokens and keeps to the limit', async () => {
  const body = { model: 'local-base', messages: [{ role: 'user' as const, content: 'hello world' }] };
  const { data: whole, response } = await client.chat.completions.create(body).withResponse();
  expect(whole.usage?.prompt_tokens).toBe(9);
  expect(whole.choices[0]?.finish_reason).toBe('stop');
  expect(response.headers.get('openai-processing-ms')).toMatch(/^\d+\.\d{3}$/);
  expect(response.headers.get('x-request-id')).toMatch(/^req_/);
  const cut = await client.chat.completions.create({ ...body, max_completion_tokens: 3 });
  expect(cut.choices[0]?.finish_reason).toBe('length');
  expect(cut.usage?.completion_tokens).toBe(3);
});

test('an n-gram model streams its answer as one piece, with the usage where it is asked for', async () => {
  const messages = [{ role: 'user' as const, content: 'Answer with yes or no.' }];
  const whole = await client.chat.completions.create({ model: 'local-base', messages });
  const options = { stream: true as const, stream_options: { include_usage: true } };
  const pieces: string[] = [];
  let usage: OpenAI.CompletionUsage | null | undefined;
  for await (const chunk of await client.chat.completions.create({ model: 'local-base', messages, ...options })) {
    if (chunk.choices[0]?.delta.content) pieces.push(chunk.choices[0].delta.content);
    usage = chunk.usage;
  }
  expect(pieces).toEqual([whole.choices[0]?.message.content]);
  expect(usage).toEqual(whole.usage);
});

test('an n-gram model ends its answer before a stop text', async () => {
  const messages = [{ role: 'user' as const, content: 'Answer with billing or refund.' }];
  const [choice] = (await client.chat.completions.create({ model: 'local-base', messages })).choices;
  const answer = choice?.message.content ?? '';
  const cut = await client.chat.completions.create({ model: 'local-base', messages, stop: answer.slice(2) });
  expect(cut.choices[0]?.message.content).toBe(answer.slice(0, 2));
});

test.each([
  ['logprobs', { logprobs: true }],
  ['structured_outputs', { structured_outputs: { choice: ['yes', 'no'] } }],
  ['tools', { tools: [{ type: 'function' as const, function: { name: 'x' } }] }],
  ['temperature', { temperature: 3 }],
  ['structured_outputs.regex', { structured_outputs: { choice: ['a'], regex: 'a' } }],
])('an n-gram model refuses %s by name', async (param, changes) => {
  const messages = [{ role: 'user' as const, content: 'x' }];
  const asked = client.chat.completions.create({ model: 'local-base', messages, ...changes });
  expect(await refusal(asked)).toMatchObject({ status: 400, param });
});

test.each([
  ['a web page', { origin: 'https://example.com' }],
  ['a foreign host name', { host: 'example.com' }],
])('F49 %s is refused by the trainer', async (_case, headers) => {
  const status = await new Promise((resolve, reject) => {
    request(`${setup.trainer.baseURL}/models`, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
  expect(status).toBe(403);
});

test('a port in use and a folder in use are named', async () => {
  const folder = temporaryFolder();
  const { port } = setup.trainer;
  await expect(startTrainer({ dir: folder.dir, port })).rejects.toMatchObject({
    code: 'PORT_TAKEN',
    message: expect.stringContaining(`${port}`),
  });
  const trainer = await startTrainer({ dir: folder.dir });
  await expect(startTrainer({ dir: folder.dir })).rejects.toMatchObject({
    code: 'LOCKED',
    message: expect.stringContaining(folder.dir),
  });
  await trainer.close();
  folder.remove();
});

test('at most the allowed number of jobs run; a stretched job takes its time and can be cancelled at once', async () => {
  const slow = await trainerWithClient({ jobSeconds: 600, concurrency: 2 });
  const training_file = await slow.upload(jsonl(examples));
  const ids: string[] = [];
  for (let count = 0; count < 3; count++) {
    ids.push((await slow.client.fineTuning.jobs.create({ model: 'local-nano', training_file })).id);
  }
  const [first = '', second = '', third = ''] = ids;
  for (const id of [first, second]) await slow.until(id, ({ status }) => status === 'running');
  await slow.until(third, ({ status }) => status === 'queued');
  const running = await slow.client.fineTuning.jobs.retrieve(first);
  expect(running.estimated_finish).toBeGreaterThanOrEqual(running.created_at + 600);

  expect(await slow.client.fineTuning.jobs.cancel(first)).toMatchObject({
    status: 'cancelled',
    fine_tuned_model: null,
  });
  await slow.until(third, ({ status }) => status === 'running');
  expect(await refusal(slow.client.fineTuning.jobs.cancel(first))).toMatchObject({ status: 400 });
  expect((await slow.client.fineTuning.jobs.checkpoints.list(first)).data).toEqual([]);
  await slow.remove();
});

test('closing while files are still being read ends, and the job continues at the next start', async () => {
  const folder = temporaryFolder();
  const first = await startTrainer({ dir: folder.dir });
  const before = clientOf(first);
  const uploaded = await before.files.create({
    file: new File([jsonl(labelled(20_000))], 'train.jsonl'),
    purpose: 'fine-tune',
  });
  const { id } = await before.fineTuning.jobs.create({
    model: 'local-nano',
    training_file: uploaded.id,
    hyperparameters: { n_epochs: 1 },
  });
  await first.close();
  const second = await startTrainer({ dir: folder.dir });
  await jobWhen(clientOf(second), id, ({ status }) => status === 'succeeded');
  await second.close();
  folder.remove();
});

test('steps of a stretched job are spread over its time', async () => {
  const slow = await trainerWithClient({ jobSeconds: 1 });
  const training_file = await slow.upload(jsonl(examples));
  const { id } = await slow.client.fineTuning.jobs.create({ model: 'local-nano', training_file });
  await slow.until(id, ({ status }) => status === 'running');
  const from = performance.now();
  const seen = new Set<number>();
  for (;;) {
    const { data } = await slow.client.fineTuning.jobs.listEvents(id, { limit: 200 });
    seen.add(data.length);
    if (data[0]?.message === 'The job has successfully completed') break;
  }
  expect(performance.now() - from).toBeGreaterThan(700);
  expect(seen.size).toBeGreaterThan(20);
  await slow.remove();
});

test('files, jobs, events and models survive a restart; an unfinished job continues under its id and name', async () => {
  const folder = temporaryFolder();
  const first = await startTrainer({ dir: folder.dir, jobSeconds: 600, concurrency: 1 });
  const before = clientOf(first);
  const training_file = (
    await before.files.create({ file: new File([jsonl(examples)], 'train.jsonl'), purpose: 'fine-tune' })
  ).id;
  const running = await before.fineTuning.jobs.create({ model: 'local-base', training_file, seed: 5 });
  const queued = await before.fineTuning.jobs.create({ model: 'local-base', training_file, seed: 5 });
  await jobWhen(before, running.id, ({ status }) => status === 'running');
  await jobWhen(before, queued.id, ({ status }) => status === 'queued');
  await first.close();

  const second = await startTrainer({ dir: folder.dir });
  const after = clientOf(second);
  for (const { id } of [running, queued]) {
    const job = await jobWhen(after, id, ({ status }) => status === 'succeeded');
    const { data } = await after.fineTuning.jobs.listEvents(id, { limit: 1000 });
    expect(new Set(data.map(({ message }) => message)).size).toBe(data.length);
    const model = job.fine_tuned_model ?? '';
    const answer = await after.chat.completions.create({ model, messages: [{ role: 'user', content: 'refund' }] });
    expect(answer.choices[0]?.message.content).toBe('billing');
  }
  await second.close();

  const third = await startTrainer({ dir: folder.dir });
  const again = clientOf(third);
  expect((await again.fineTuning.jobs.retrieve(running.id)).status).toBe('succeeded');
  expect((await again.files.retrieve(training_file)).filename).toBe('train.jsonl');
  expect((await again.models.list()).data).toHaveLength(3 + 2 * 4);
  expect(statSync(join(folder.dir, 'jobs', `${running.id}.json`)).mode & 0o777).toBe(0o600);
  await third.close();
  folder.remove();
});

describe('jobs of a sweep', () => {
  const NINE = Array.from({ length: 9 }, (_, seed) => seed);
  const EPOCHS = 4;
  let sweep: Setup;
  let training: string;

  beforeAll(async () => {
    sweep = await trainerWithClient();
    training = await sweep.upload(jsonl(labelled(2000)));
  });
  afterAll(() => sweep.remove());

  const start = async (seed: number): Promise<string> => {
    const hyperparameters = { n_epochs: EPOCHS };
    const request = { model: 'local-base', training_file: training, seed, hyperparameters };
    return (await sweep.client.fineTuning.jobs.create(request)).id;
  };
  const startAll = async (): Promise<string[]> => {
    const ids: string[] = [];
    for (const seed of NINE) ids.push(await start(seed));
    return ids;
  };
  const statusesOf = async (ids: readonly string[]): Promise<string[]> => {
    const { data } = await sweep.client.fineTuning.jobs.list({ limit: 100 });
    return data.filter(({ id }) => ids.includes(id)).map(({ status }) => status);
  };
  const eventsOf = async (id: string) => (await sweep.client.fineTuning.jobs.listEvents(id, { limit: 1000 })).data;
  const epochsOf = async (id: string): Promise<number> =>
    (await eventsOf(id)).filter(({ message }) => message.startsWith('Checkpoint created')).length;

  test('jobs of a sweep run side by side: all of them at once, and none ends before each has come far', async () => {
    const ids = await startAll();
    let atOnce = 0;
    for (;;) {
      const statuses = await statusesOf(ids);
      atOnce = Math.max(atOnce, statuses.filter((status) => status === 'running').length);
      if (statuses.includes('succeeded')) break;
    }
    expect(atOnce).toBe(NINE.length);
    // Two compute at a time: while one does its last epoch, the other may still be at any, where its thread got no processor.
    const behind: string[] = [];
    for (const id of ids) if ((await epochsOf(id)) < EPOCHS - 2) behind.push(id);
    expect(behind.length).toBeLessThanOrEqual(1);
    for (const id of ids) expect(await sweep.ended(id)).toMatchObject({ status: 'succeeded' });
  });

  test('jobs of a sweep have the weights that they would have alone, bit for bit', async () => {
    const weightsOf = (id: string) => {
      const folder = join(sweep.dir, 'models', id);
      return readdirSync(folder).map((name) => [name, readFileSync(join(folder, name)).toString('base64')]);
    };
    const ids = await startAll();
    for (const id of ids) await sweep.ended(id);
    const alone = await start(NINE[4] ?? 0);
    await sweep.ended(alone);
    expect(weightsOf(alone)).toHaveLength(4);
    expect(weightsOf(ids[4] ?? '')).toEqual(weightsOf(alone));
    expect(weightsOf(ids[5] ?? '')).not.toEqual(weightsOf(alone));
  });

  test('jobs of a sweep can be cancelled while they compute and while they wait, and the others continue', async () => {
    const ids = await startAll();
    for (const id of ids) await sweep.until(id, ({ status }) => status === 'running');
    const cancelled = ids.filter((_, place) => place % 2 === 0);
    for (const id of cancelled) await sweep.client.fineTuning.jobs.cancel(id);
    for (const id of ids.filter((_, place) => place % 2 === 1)) {
      expect(await sweep.ended(id)).toMatchObject({ status: 'succeeded' });
    }
    expect((await statusesOf(cancelled)).every((status) => status === 'cancelled')).toBe(true);
    // Both of the threads that may compute are free again.
    const later = await Promise.all([start(1), start(2)]);
    for (const id of later) expect(await sweep.ended(id)).toMatchObject({ status: 'succeeded' });
  });

  test('jobs of a sweep report at their end the time of their own work, which is not their duration', async () => {
    const from = performance.now();
    const ids = await startAll();
    for (const id of ids) await sweep.ended(id);
    const took = performance.now() - from;
    const worked = await Promise.all(
      ids.map(async (id) => {
        const [last] = await eventsOf(id);
        return last?.data !== null && typeof last?.data === 'object' && 'worked_ms' in last.data
          ? Number(last.data.worked_ms)
          : Number.NaN;
      }),
    );
    for (const ms of worked) expect(ms).toBeGreaterThan(0);
    expect(worked.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(2 * took);
  });

  test('jobs of a sweep wait in the queue where their files are too large to have more than two in memory', async () => {
    const slow = await trainerWithClient({ jobSeconds: 600 });
    // White space: large, and nothing to read.
    const large = await slow.upload(jsonl(labelled(24)).replaceAll('\n', `${' '.repeat(1024 * 1024)}\n`));
    const ids: string[] = [];
    for (const seed of [1, 2, 3]) {
      ids.push((await slow.client.fineTuning.jobs.create({ model: 'local-nano', training_file: large, seed })).id);
    }
    const [first = '', second = '', third = ''] = ids;
    for (const id of [first, second]) await slow.until(id, ({ status }) => status === 'running');
    await slow.until(third, ({ status }) => status === 'queued');
    await slow.client.fineTuning.jobs.cancel(first);
    await slow.until(third, ({ status }) => status === 'running');
    await slow.remove();
  });
});
