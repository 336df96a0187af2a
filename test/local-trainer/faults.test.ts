import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import OpenAI from 'openai';
import type { FaultRule } from '../../packages/local-trainer/src/faults/fault-plan.ts';
import type { JobEntry, LedgerEntry, RequestEntry } from '../../packages/local-trainer/src/faults/ledger.ts';
import { startTrainer } from '../../packages/local-trainer/src/server.ts';
import { clientOf, jobWhen, jsonl, labelled, temporaryFolder, trainerWithClient } from './sample-data.ts';

// Real threads and processes on a machine that may be busy: the usual 5 s are too tight.
jest.setTimeout(30_000);

type Setup = Awaited<ReturnType<typeof trainerWithClient>>;
type Served = { readonly baseURL: string };
const SERVER = join(__dirname, '../../packages/local-trainer/src/server.ts');
const examples = labelled(60);

let setup: Setup;
let client: OpenAI;
let file: string;
let entriesBefore: number;

beforeAll(async () => {
  setup = await trainerWithClient({ faults: true });
  client = setup.client;
  file = await setup.upload(jsonl(examples));
});
beforeEach(async () => {
  await plan(setup.trainer);
  entriesBefore = (await ledger(setup.trainer)).length;
});
afterAll(() => setup.remove());

/** Replaces the plan. */
async function plan({ baseURL }: Served, ...rules: readonly FaultRule[]): Promise<void> {
  const response = await fetch(new URL('/_faults', baseURL), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ seed: 7, rules }),
  });
  if (!response.ok) throw new Error(await response.text());
}

async function ledger({ baseURL }: Served): Promise<LedgerEntry[]> {
  const { entries } = (await (await fetch(new URL('/_ledger', baseURL))).json()) as { entries: LedgerEntry[] };
  return entries;
}

/** The entries of this test about requests. */
const requests = async () =>
  (await ledger(setup.trainer)).slice(entriesBefore).filter((entry): entry is RequestEntry => entry.kind === 'request');

const jobEntries = async (job: string) =>
  (await ledger(setup.trainer)).filter((entry): entry is JobEntry => entry.kind === 'job' && entry.job === job);

/** Waits, bounded by Jest's time limit. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}

const trulySucceeded = (job: string) =>
  until(async () => (await jobEntries(job)).some(({ status }) => status === 'succeeded'));

const create = (metadata: Record<string, string> = {}) =>
  client.fineTuning.jobs.create({ model: 'local-nano', training_file: file, metadata });
const chat = (model = 'local-base') =>
  client.chat.completions.create({ model, messages: [{ role: 'user', content: 'hello world' }] });
const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );
const lost = async (work: Promise<unknown>) => expect(await failure(work)).toBeInstanceOf(OpenAI.APIConnectionError);

test('without faults there is neither a plan nor a ledger', async () => {
  const plain = await trainerWithClient();
  for (const path of ['/_faults', '/_ledger']) {
    expect((await fetch(new URL(path, plain.trainer.baseURL))).status).toBe(404);
  }
  await plain.upload(jsonl(examples));
  expect(existsSync(join(plain.dir, 'ledger.jsonl'))).toBe(false);
  await plain.remove();
});

test.each(['/_faults', '/_ledger'])('a web page cannot reach %s', async (path) => {
  const status = await new Promise((resolve, reject) => {
    request(new URL(path, setup.trainer.baseURL), { headers: { origin: 'https://example.com' } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
  expect(status).toBe(403);
});

test('a refused plan leaves the one before in force', async () => {
  await plan(setup.trainer, { endpoint: 'models.list', effect: { kind: 'status', status: 503 } });
  await expect(plan(setup.trainer, { endpoint: 'chat', effect: { kind: 'reset', extra: 1 } } as never)).rejects.toThrow(
    'rules.0.effect.extra',
  );
  expect(await failure(Promise.resolve(client.models.list()))).toMatchObject({ status: 503 });
});

test('an empty plan ends all faults', async () => {
  await plan(setup.trainer, { endpoint: '*', effect: { kind: 'reset' } });
  await lost(Promise.resolve(client.models.list()));
  await plan(setup.trainer);
  await expect(client.models.list()).resolves.toBeDefined();
});

test('status: the call is not executed, and the planned error is answered with its headers', async () => {
  await plan(setup.trainer, {
    endpoint: 'jobs.create',
    times: 1,
    effect: { kind: 'status', status: 429, code: 'slow_down', message: 'Later.', headers: { 'retry-after': '2' } },
  });
  const error = (await failure(create({ tuneloop_key: 'status' }))) as InstanceType<typeof OpenAI.APIError>;
  expect(error).toMatchObject({ status: 429, code: 'slow_down', error: { message: 'Later.' } });
  expect(error.headers?.get('retry-after')).toBe('2');
  const { data } = await client.fineTuning.jobs.list({ metadata: { tuneloop_key: 'status' } });
  expect(data).toEqual([]);
  expect(await requests()).toEqual([
    expect.objectContaining({
      endpoint: 'jobs.create',
      status: 429,
      executed: false,
      fault: 'status',
      key: 'status',
      job: null,
      model: 'local-nano',
    }),
  ]);
});

test('status: an upload is read to its end, so that its client sees the answer, and not kept', async () => {
  const own = await trainerWithClient({ faults: true });
  await plan(own.trainer, { endpoint: 'files.create', effect: { kind: 'status', status: 503 } });
  expect(await failure(own.upload('x'.repeat(20_000_000)))).toMatchObject({ status: 503 });
  expect(readdirSync(join(own.dir, 'files'))).toEqual([]);
  await own.remove();
});

test('reset: the call is not executed and has no answer', async () => {
  await plan(setup.trainer, { endpoint: 'jobs.create', effect: { kind: 'reset' } });
  await lost(create({ tuneloop_key: 'reset' }));
  expect((await client.fineTuning.jobs.list({ metadata: { tuneloop_key: 'reset' } })).data).toEqual([]);
  expect(await requests()).toEqual([
    expect.objectContaining({ status: 'reset', executed: false, fault: 'reset', key: 'reset', job: null }),
  ]);
});

test('execute_then_reset: the job is on disk and in the ledger before the socket dies', async () => {
  await plan(setup.trainer, { endpoint: 'jobs.create', effect: { kind: 'execute_then_reset' } });
  let atDeath: { lines: LedgerEntry[]; jobs: string[] } | undefined;
  await new Promise<void>((resolve) => {
    const body = JSON.stringify({ model: 'local-nano', training_file: file, metadata: { tuneloop_key: 'lost' } });
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const sent = request(`${setup.trainer.baseURL}/fine_tuning/jobs`, { method: 'POST', headers });
    sent.on('error', () => {
      const lines = readFileSync(join(setup.dir, 'ledger.jsonl'), 'utf8').trim().split('\n');
      atDeath = {
        lines: lines.slice(entriesBefore).map((line) => JSON.parse(line) as LedgerEntry),
        jobs: readdirSync(join(setup.dir, 'jobs')),
      };
      resolve();
    });
    sent.end(body);
  });
  const entry = atDeath?.lines.find((line): line is RequestEntry => line.kind === 'request');
  expect(entry).toMatchObject({ status: 'reset', executed: true, fault: 'execute_then_reset', key: 'lost' });
  expect(atDeath?.jobs).toContain(`${entry?.job}.json`);
  expect(atDeath?.lines).toContainEqual(
    expect.objectContaining({ kind: 'job', job: entry?.job, status: 'validating_files', key: 'lost' }),
  );
  const { data } = await client.fineTuning.jobs.list({ metadata: { tuneloop_key: 'lost' } });
  expect(data.map(({ id }) => id)).toEqual([entry?.job]);
});

test('execute_then_status: the call is executed and its client is told the opposite', async () => {
  await plan(setup.trainer, { endpoint: 'jobs.create', effect: { kind: 'execute_then_status', status: 500 } });
  expect(await failure(create({ tuneloop_key: 'told' }))).toMatchObject({
    status: 500,
    type: 'server_error',
    error: { message: 'Internal Server Error' },
  });
  const { data } = await client.fineTuning.jobs.list({ metadata: { tuneloop_key: 'told' } });
  expect(await requests()).toEqual([
    expect.objectContaining({ status: 500, executed: true, fault: 'execute_then_status', job: data[0]?.id }),
  ]);
});

test('execute_then_hang: the answer comes after the planned time', async () => {
  await plan(setup.trainer, { endpoint: 'chat', effect: { kind: 'execute_then_hang', seconds: 0.2 } });
  const from = performance.now();
  await expect(chat()).resolves.toHaveProperty('object', 'chat.completion');
  expect(performance.now() - from).toBeGreaterThanOrEqual(199);
  expect(await requests()).toMatchObject([{ status: 'hang', executed: true, promptTokens: 9 }]);
});

test('execute_then_hang: without a time there is no answer until the server closes, which it does at once', async () => {
  const own = await trainerWithClient({ faults: true });
  await plan(own.trainer, { endpoint: '*', effect: { kind: 'execute_then_hang' } });
  const waiting = failure(own.upload(jsonl(examples)));
  await until(async () => (await ledger(own.trainer)).length === 1);
  expect(await Promise.race([waiting, Promise.resolve('waiting')])).toBe('waiting');
  await own.remove();
  expect(await waiting).toBeInstanceOf(OpenAI.APIConnectionError);
});

test('a call that waits is not executed when the server closes first', async () => {
  const own = await trainerWithClient({ faults: true });
  await plan(own.trainer, { endpoint: 'models.list', effect: { kind: 'latency', ms: 600_000 } });
  const waiting = failure(Promise.resolve(own.client.models.list()));
  await until(async () => {
    const shown = await (await fetch(new URL('/_faults', own.trainer.baseURL))).json();
    return (shown as { rules: { fired: number }[] }).rules[0]?.fired === 1;
  });
  await own.remove();
  expect(await waiting).toBeInstanceOf(OpenAI.APIConnectionError);
});

test.each([
  ['in its middle', 0.5],
  ['at its last byte', 1],
])('reset_upload: an upload that breaks off %s leaves nothing', async (_case, part) => {
  const own = await trainerWithClient({ faults: true });
  const form = new FormData();
  form.append('purpose', 'fine-tune');
  form.append('file', new Blob(['x'.repeat(8_000_000)]), 'train.jsonl');
  const encoded = new Response(form);
  const headers = { 'content-type': encoded.headers.get('content-type') ?? '' };
  const body = Buffer.from(await encoded.arrayBuffer());
  const after_bytes = Math.floor(body.length * part);
  await plan(own.trainer, { endpoint: 'files.create', effect: { kind: 'reset_upload', after_bytes } });
  const upload = fetch(`${own.trainer.baseURL}/files`, { method: 'POST', headers, body });
  expect(await failure(upload)).toMatchObject({ message: 'fetch failed' });
  expect(await ledger(own.trainer)).toMatchObject([
    { endpoint: 'files.create', status: 'reset', executed: false, fault: 'reset_upload', file: null },
  ]);
  await until(() => readdirSync(join(own.dir, 'files')).length === 0);
  expect((await own.client.files.list()).data).toEqual([]);
  await own.remove();
});

test('reset_upload: a smaller upload goes through', async () => {
  await plan(setup.trainer, { endpoint: 'files.create', effect: { kind: 'reset_upload', after_bytes: 1_000_000 } });
  const id = await setup.upload(jsonl(examples));
  expect(await (await client.files.content(id)).text()).toBe(jsonl(examples));
});

test('latency: the call is executed after it, and the next rule acts after it', async () => {
  await plan(
    setup.trainer,
    { endpoint: '*', effect: { kind: 'latency', ms: 100 } },
    { endpoint: 'models.list', effect: { kind: 'latency', ms: 100 } },
    { endpoint: 'models.list', calls: [2], effect: { kind: 'status', status: 500 } },
  );
  const from = performance.now();
  await client.models.list();
  const between = performance.now();
  expect(between - from).toBeGreaterThanOrEqual(199);
  expect(await failure(Promise.resolve(client.models.list()))).toMatchObject({ status: 500 });
  expect(performance.now() - between).toBeGreaterThanOrEqual(199);
  expect(await requests()).toMatchObject([
    { endpoint: 'models.list', status: 200, executed: true, fault: 'latency' },
    { endpoint: 'models.list', status: 500, executed: false, fault: 'status' },
  ]);
});

test('list_lag: a young job is missing from lists only, until it is old enough', async () => {
  const { id } = await create({ tuneloop_key: 'young' });
  const from = Date.now();
  await plan(setup.trainer, { endpoint: 'jobs.list', effect: { kind: 'list_lag', seconds: 1 } });
  const listed = async () =>
    (await client.fineTuning.jobs.list({ metadata: { tuneloop_key: 'young' } })).data.map((job) => job.id);
  expect(await listed()).toEqual([]);
  expect((await client.fineTuning.jobs.retrieve(id)).id).toBe(id);
  await until(async () => (await listed()).includes(id));
  expect(Date.now() - from).toBeGreaterThan(900);
});

test('job_status: only the job of the call is frozen, in every answer, and shows no model', async () => {
  await plan(setup.trainer, {
    endpoint: 'jobs.create',
    calls: [1],
    effect: { kind: 'job_status', status: 'queued' },
  });
  const frozen = await create({ tuneloop_key: 'frozen' });
  const other = await create();
  expect(frozen.status).toBe('queued');
  await setup.ended(other.id);
  await trulySucceeded(frozen.id);

  const asked = await client.fineTuning.jobs.retrieve(frozen.id);
  const listed = (await client.fineTuning.jobs.list({ metadata: { tuneloop_key: 'frozen' } })).data[0];
  for (const job of [asked, listed]) {
    expect(job).toMatchObject({
      status: 'queued',
      fine_tuned_model: null,
      finished_at: null,
      trained_tokens: null,
      result_files: [],
    });
  }
  expect((await client.fineTuning.jobs.checkpoints.list(frozen.id)).data).toEqual([]);
  const { data: events } = await client.fineTuning.jobs.listEvents(frozen.id, { limit: 100 });
  expect(events.map(({ message }) => message)).toEqual([`Created fine-tuning job: ${frozen.id}`]);
  await plan(setup.trainer);
  const model = (await client.fineTuning.jobs.retrieve(frozen.id)).fine_tuned_model ?? '';
  expect(model).toMatch(/^ft:/);
});

test('job_status: the model of a frozen job can be neither listed nor called', async () => {
  await plan(setup.trainer, { endpoint: 'jobs.create', effect: { kind: 'job_status', status: 'running' } });
  const before = (await client.models.list()).data.length;
  const { id } = await create();
  await trulySucceeded(id);
  const record = JSON.parse(readFileSync(join(setup.dir, 'jobs', `${id}.json`), 'utf8')) as { modelId: string };
  expect((await client.models.list()).data).toHaveLength(before);
  expect(await failure(chat(record.modelId))).toMatchObject({ status: 404, code: 'model_not_found' });
});

test('job_status: a frozen job that has succeeded underneath can be cancelled, and then is', async () => {
  await plan(setup.trainer, { endpoint: 'jobs.create', effect: { kind: 'job_status', status: 'queued' } });
  const { id } = await create({ tuneloop_key: 'cancelled' });
  await trulySucceeded(id);
  const { result_files: results } = (
    JSON.parse(readFileSync(join(setup.dir, 'jobs', `${id}.json`), 'utf8')) as {
      job: { result_files: string[] };
    }
  ).job;
  expect(await client.fineTuning.jobs.cancel(id)).toMatchObject({ id, status: 'cancelled', fine_tuned_model: null });
  expect((await jobEntries(id)).at(-1)).toMatchObject({ status: 'cancelled', trainedTokens: null });
  expect((await requests()).at(-1)).toMatchObject({
    endpoint: 'jobs.cancel',
    executed: true,
    job: id,
    key: 'cancelled',
  });
  await plan(setup.trainer);
  expect(await client.fineTuning.jobs.retrieve(id)).toMatchObject({ status: 'cancelled', result_files: [] });
  expect(await failure(client.files.retrieve(results[0] ?? ''))).toMatchObject({ status: 404 });
  await until(() => !existsSync(join(setup.dir, 'models', id)));
});

test('job_status: a frozen job that still trains underneath is stopped by cancelling it', async () => {
  const slow = await trainerWithClient({ faults: true, jobSeconds: 600 });
  await plan(slow.trainer, { endpoint: 'jobs.create', effect: { kind: 'job_status', status: 'paused' } });
  const training_file = await slow.upload(jsonl(examples));
  const { id, status } = await slow.client.fineTuning.jobs.create({ model: 'local-nano', training_file });
  expect(status).toBe('paused');
  await until(async () => (await ledger(slow.trainer)).some((entry) => entry.status === 'running'));
  expect((await slow.client.fineTuning.jobs.retrieve(id)).status).toBe('paused');
  expect((await slow.client.fineTuning.jobs.cancel(id)).status).toBe('cancelled');
  expect((await ledger(slow.trainer)).filter(({ kind }) => kind === 'job').at(-1)?.status).toBe('cancelled');
  await slow.remove();
});

test('job_status: a call that is pending when the plan is replaced makes an ordinary job', async () => {
  await plan(
    setup.trainer,
    { endpoint: 'jobs.create', effect: { kind: 'latency', ms: 300 } },
    { endpoint: 'jobs.create', effect: { kind: 'job_status', status: 'paused' } },
  );
  const creating = create();
  await until(async () => {
    const shown = await (await fetch(new URL('/_faults', setup.trainer.baseURL))).json();
    return (shown as { rules: { fired: number }[] }).rules[1]?.fired === 1;
  });
  await plan(setup.trainer);
  const { id, status } = await creating;
  expect(status).not.toBe('paused');
  await setup.ended(id);
});

test('job_status: a planned failure shows its error', async () => {
  const error = { code: 'exploded', message: 'It went wrong.' };
  await plan(setup.trainer, { endpoint: 'jobs.create', effect: { kind: 'job_status', status: 'failed', error } });
  const { id } = await create();
  const job = await client.fineTuning.jobs.retrieve(id);
  expect(job).toMatchObject({ status: 'failed', error, fine_tuned_model: null });
  expect(job.finished_at).not.toBeNull();
});

test.each([
  [undefined, 404],
  [429 as const, 429],
])('model_ready_after: with status %s the model answers %s for a while and then works', async (status, expected) => {
  const effect = { kind: 'model_ready_after' as const, seconds: 1, ...(status === undefined ? {} : { status }) };
  await plan(setup.trainer, { endpoint: 'jobs.create', effect });
  const { id } = await create();
  const { fine_tuned_model: model } = await setup.ended(id);
  expect(model).not.toBeNull();
  for (const name of [model ?? '', `${model}:ckpt-step-180`]) {
    expect(await failure(chat(name))).toMatchObject({
      status: expected,
      error: { message: 'The model is still being loaded' },
    });
  }
  expect((await requests()).at(-1)).toMatchObject({
    endpoint: 'chat',
    status: expected,
    executed: false,
    fault: 'model_ready_after',
    model: `${model}:ckpt-step-180`,
  });
  await until(async () => (await failure(chat(model ?? ''))) === undefined);
  const answered = (await requests()).findLast(({ status: code }) => code === 200)?.at ?? 0;
  const ready = (await jobEntries(id)).find((entry) => entry.status === 'succeeded')?.at ?? 0;
  expect(answered - ready).toBeGreaterThanOrEqual(1000);
});

test('model_ready_after: with null_model a job that has succeeded names its model later', async () => {
  const effect = { kind: 'model_ready_after' as const, seconds: 1, null_model: true };
  await plan(setup.trainer, { endpoint: 'jobs.create', effect });
  const { id } = await create();
  const ended = await setup.ended(id);
  expect(ended).toMatchObject({ status: 'succeeded', fine_tuned_model: null });
  await until(async () => (await client.fineTuning.jobs.retrieve(id)).fine_tuned_model !== null);
});

test('completion: the planned text is answered, even an empty one, and paid for by its own tokens', async () => {
  await plan(
    setup.trainer,
    { endpoint: 'chat', calls: [1], effect: { kind: 'completion', text: '' } },
    { endpoint: 'chat', calls: [2], effect: { kind: 'completion', text: 'one two', finish_reason: 'length' } },
  );
  const [empty, cut] = [await chat(), await chat()];
  expect(empty.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: '' } });
  expect(empty.usage).toMatchObject({ prompt_tokens: 9, completion_tokens: 0, total_tokens: 9 });
  expect(cut.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: 'one two' } });
  expect(cut.usage).toMatchObject({ prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 });
  expect(await requests()).toMatchObject([
    { fault: 'completion', promptTokens: 9, completionTokens: 0, model: 'local-base' },
    { fault: 'completion', promptTokens: 9, completionTokens: 2, model: 'local-base' },
  ]);
});

test('completion: a model that does not exist still has no answer', async () => {
  await plan(setup.trainer, { endpoint: 'chat', effect: { kind: 'completion', text: 'yes' } });
  expect(await failure(chat('ft:none'))).toMatchObject({ status: 404 });
  expect(await requests()).toMatchObject([{ status: 404, executed: false, promptTokens: null }]);
});

test('the ledger has every request that changes or costs something, and no other', async () => {
  const id = await setup.upload(jsonl(examples));
  const job = await create({ tuneloop_key: 'ledger' });
  await setup.ended(job.id);
  await failure(client.fineTuning.jobs.cancel(job.id));
  await chat();
  await Promise.all([
    client.models.list(),
    client.files.list(),
    client.fineTuning.jobs.list(),
    client.files.retrieve(id),
  ]);
  const nothing = { fault: null, key: null, job: null, file: null, name: null, model: null };
  const noTokens = { promptTokens: null, completionTokens: null };
  const common = { at: expect.any(Number), kind: 'request', status: 200, executed: true, ...nothing, ...noTokens };
  expect(await requests()).toEqual([
    { ...common, endpoint: 'files.create', file: id, name: 'train.jsonl' },
    { ...common, endpoint: 'jobs.create', key: 'ledger', job: job.id, model: 'local-nano' },
    { ...common, endpoint: 'jobs.cancel', status: 400, executed: false, key: 'ledger', job: job.id },
    {
      ...common,
      endpoint: 'chat',
      model: 'local-base',
      promptTokens: 9,
      completionTokens: expect.any(Number),
    },
  ]);
});

test('the ledger has every status of a job in order', async () => {
  const { id, seed } = await create({ tuneloop_key: 'statuses' });
  const { trained_tokens: trainedTokens } = await setup.ended(id);
  const common = {
    at: expect.any(Number),
    kind: 'job',
    job: id,
    key: 'statuses',
    model: 'local-nano',
    trainingFile: file,
    seed,
    trainedTokens: null,
  };
  expect(await jobEntries(id)).toEqual([
    { ...common, status: 'validating_files' },
    { ...common, status: 'queued' },
    { ...common, status: 'running' },
    { ...common, status: 'succeeded', trainedTokens },
  ]);
});

test('the ledger is private, continues after a restart, and catches up on jobs created without it', async () => {
  const folder = temporaryFolder();
  const path = join(folder.dir, 'ledger.jsonl');
  const first = await startTrainer({ dir: folder.dir });
  const training_file = (
    await clientOf(first).files.create({ file: new File([jsonl(examples)], 'train.jsonl'), purpose: 'fine-tune' })
  ).id;
  const { id } = await clientOf(first).fineTuning.jobs.create({ model: 'local-nano', training_file });
  await jobWhen(clientOf(first), id, ({ status }) => status === 'succeeded');
  await first.close();
  const second = await startTrainer({ dir: folder.dir, faults: true });
  await failure(clientOf(second).fineTuning.jobs.cancel(id));
  const before = await ledger(second);
  expect(before).toMatchObject([
    { kind: 'job', job: id, status: 'succeeded' },
    { kind: 'request', endpoint: 'jobs.cancel' },
  ]);
  await second.close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  writeFileSync(path, '{"at": 17, "kind": "requ', { flag: 'a' });

  const third = await startTrainer({ dir: folder.dir, faults: true });
  await failure(clientOf(third).fineTuning.jobs.cancel(id));
  await third.close();
  const fourth = await startTrainer({ dir: folder.dir, faults: true });
  expect(await ledger(fourth)).toEqual([...before, expect.objectContaining({ endpoint: 'jobs.cancel' })]);
  await fourth.close();
  folder.remove();
});

/** A trainer in a process of its own, so that it can be killed. */
async function inProcess(dir: string): Promise<{ child: ChildProcess; baseURL: string }> {
  const script = `
    import { startTrainer } from ${JSON.stringify(SERVER)};
    console.log((await startTrainer({ dir: ${JSON.stringify(dir)}, faults: true })).baseURL);
  `;
  const module = join(dir, 'serve.mjs');
  writeFileSync(module, script);
  const child = spawn(process.execPath, [module], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [baseURL] = await once(createInterface(child.stdout), 'line');
  return { child, baseURL: String(baseURL) };
}

test('a job whose answer was lost, and its entries, outlive SIGKILL in the same moment', async () => {
  const folder = temporaryFolder();
  const { child, baseURL } = await inProcess(folder.dir);
  try {
    const { id: training_file } = await clientOf({ baseURL }).files.create({
      file: new File([jsonl(examples)], 'train.jsonl'),
      purpose: 'fine-tune',
    });
    await plan({ baseURL }, { endpoint: 'jobs.create', effect: { kind: 'execute_then_reset' } });
    await lost(
      clientOf({ baseURL }).fineTuning.jobs.create({
        model: 'local-nano',
        training_file,
        metadata: { tuneloop_key: 'killed' },
      }),
    );
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  const trainer = await startTrainer({ dir: folder.dir, faults: true });
  const [job, ...others] = (await clientOf(trainer).fineTuning.jobs.list({ metadata: { tuneloop_key: 'killed' } }))
    .data;
  expect(others).toEqual([]);
  await jobWhen(clientOf(trainer), job?.id ?? '', ({ status }) => status === 'succeeded');
  const entries = (await ledger(trainer)).filter((entry) => entry.key === 'killed');
  expect(entries).toContainEqual(
    expect.objectContaining({ kind: 'request', status: 'reset', executed: true, job: job?.id }),
  );
  const succeeded = entries.filter(({ kind, status }) => kind === 'job' && status === 'succeeded');
  expect(succeeded).toHaveLength(1);
  await trainer.close();
  folder.remove();
});
