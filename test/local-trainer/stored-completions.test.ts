import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type OpenAI from 'openai';
import { chatCompletion } from '../../packages/local-trainer/src/api/chat-completion.ts';
import { startTrainer, type Trainer } from '../../packages/local-trainer/src/server.ts';
import { CompletionStore } from '../../packages/local-trainer/src/stores/completion-store.ts';
import { clientOf, temporaryFolder } from './sample-data.ts';

let folder: ReturnType<typeof temporaryFolder>;
let trainer: Trainer;
let client: OpenAI;
beforeEach(async () => {
  folder = temporaryFolder();
  trainer = await startTrainer({ dir: folder.dir });
  client = clientOf(trainer);
});
afterEach(async () => {
  await trainer.close();
  folder.remove();
});

const ask = (content: string, kept: Partial<OpenAI.ChatCompletionCreateParamsNonStreaming> = {}) =>
  client.chat.completions.create({
    model: 'local-base',
    messages: [
      { role: 'system', content: 'Sort it.' },
      { role: 'user', content: [{ type: 'text', text: content }] },
    ],
    ...kept,
  });
const ids = async (query: OpenAI.ChatCompletionListParams = {}) =>
  (await client.chat.completions.list(query)).data.map(({ id }) => id);

test('a completion is kept where the call asks for it, and comes back unchanged, with its metadata', async () => {
  await ask('not kept');
  await ask('not kept either', { store: false });
  const kept = await ask('kept', { store: true, metadata: { customer: 'c1' } });
  const { data, has_more } = await client.chat.completions.list();
  expect(data).toEqual([{ ...kept, metadata: { customer: 'c1' } }]);
  expect(has_more).toBe(false);
});

test('the messages of a completion are those of its request', async () => {
  const { id } = await ask('kept', { store: true });
  const { data } = await client.chat.completions.messages.list(id);
  expect(data).toEqual([
    { id: `${id}-0`, role: 'system', content: 'Sort it.', content_parts: null },
    { id: `${id}-1`, role: 'user', content: 'kept', content_parts: null },
  ]);
  expect((await client.chat.completions.messages.list(id, { order: 'desc', limit: 1 })).data[0]?.role).toBe('user');
  await expect(client.chat.completions.messages.list('chatcmpl-none')).rejects.toMatchObject({ status: 404 });
});

test('a list is filtered by model and metadata, ordered, and comes page by page', async () => {
  const kept: string[] = [];
  for (const [index, model] of ['local-base', 'local-nano', 'local-base', 'local-base'].entries()) {
    kept.push((await ask('x', { model, store: true, metadata: { even: `${index % 2 === 0}`, all: 'yes' } })).id);
  }
  const [a = '', b = '', c = '', d = ''] = kept;
  expect(await ids()).toEqual([a, b, c, d]);
  expect(await ids({ order: 'desc' })).toEqual([d, c, b, a]);
  expect(await ids({ model: 'local-base' })).toEqual([a, c, d]);
  expect(await ids({ metadata: { even: 'true', all: 'yes' } })).toEqual([a, c]);
  expect(await ids({ metadata: { even: 'true', all: 'no' } })).toEqual([]);
  expect(await ids({ after: b, limit: 1 })).toEqual([c]);
  const paged: string[] = [];
  for await (const { id } of client.chat.completions.list({ limit: 1, model: 'local-base' })) paged.push(id);
  expect(paged).toEqual([a, c, d]);
});

test.each<[string, OpenAI.ChatCompletionListParams, string]>([
  ['more than it gives at a time', { limit: 101 }, 'limit'],
  ['what comes after nothing', { after: 'chatcmpl-none' }, 'after'],
])('a list that asks for %s is refused', async (_case, query, param) => {
  await expect(client.chat.completions.list(query)).rejects.toMatchObject({ status: 400, param });
});

test('an invalid order, and metadata beyond the limits, are refused', async () => {
  expect((await fetch(`${trainer.baseURL}/chat/completions?order=up`)).status).toBe(400);
  const metadata = { key: 'v'.repeat(513) };
  await expect(ask('x', { store: true, metadata })).rejects.toMatchObject({ status: 400, param: 'metadata.key' });
});

test('stored completions survive a restart, for their owner only', async () => {
  const { id } = await ask('kept', { store: true });
  await trainer.close();
  trainer = await startTrainer({ dir: folder.dir });
  client = clientOf(trainer);
  expect(await ids()).toEqual([id]);
  expect(statSync(join(folder.dir, 'completions.jsonl')).mode & 0o777).toBe(0o600);
});

test('the newest 10,000 completions are kept, in memory and in the file', () => {
  const path = join(folder.dir, 'many.jsonl');
  const store = new CompletionStore(path);
  const added: string[] = [];
  for (let count = 0; count < 20_100; count += 1) {
    const completion = chatCompletion('local-base', 'x', 'stop', { prompt: 1, completion: 1 });
    store.add(completion, {}, []);
    added.push(completion.id);
  }
  const newest = added.slice(-10_000);
  expect(store.all().map(({ completion }) => completion.id)).toEqual(newest);
  expect(readFileSync(path, 'utf8').trim().split('\n').length).toBeLessThanOrEqual(20_000);
  expect(new CompletionStore(path).all().map(({ completion }) => completion.id)).toEqual(newest);
});

test('large completions leave room for fewer', () => {
  const store = new CompletionStore(join(folder.dir, 'large.jsonl'));
  for (let count = 0; count < 5; count += 1) {
    const completion = chatCompletion('local-base', 'x', 'stop', { prompt: 1, completion: 1 });
    store.add(completion, {}, [{ role: 'user', content: 'x'.repeat(20_000_000) }]);
  }
  expect(store.all()).toHaveLength(3);
});
