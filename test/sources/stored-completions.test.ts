import { appendFileSync, mkdtempSync } from 'node:fs';
import path from 'node:path';
import OpenAI from 'openai';
import { chatCompletion } from '../../packages/local-trainer/src/api/chat-completion.ts';
import { startTrainer, type Trainer } from '../../packages/local-trainer/src/server.ts';
import type { Cursor } from '../../src/core/run/snapshot.ts';
import type { StoredLog } from '../../src/providers/stored-log.ts';
import { openSource } from '../../src/sources/open-source.ts';
import { type Call, conformsToSource, readAll } from '../conformance/sources.ts';
import { type Received, type TinyServer, tinyServer } from '../providers/http-server.ts';
import { providerAt } from '../providers/provider-at.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';

const folder = temporaryFolder();
const connect = (baseURL: string, apiKey = 'sk-hidden-1234567') => providerAt(baseURL, { apiKey });

/** As the trainer keeps them; through its API, time and model could not be chosen. */
const stored = ({ id, timestamp, prompt, completion, model, metadata }: Call) =>
  `${JSON.stringify({
    completion: {
      ...chatCompletion(model, completion, 'stop', { prompt: 12, completion: 3 }),
      id,
      created: Date.parse(timestamp) / 1000,
      metadata,
    },
    messages: [{ role: 'user', content: prompt }],
  })}\n`;

conformsToSource({ bad: 'lone-surrogate', incremental: true }, async () => {
  const dir = mkdtempSync(path.join(folder, 'trainer-'));
  let trainer: Trainer = await startTrainer({ dir });
  let requests = 0;
  // Stays the same over restarts.
  const { port } = trainer;
  const append = async (text: string) => {
    await trainer.close();
    appendFileSync(path.join(dir, 'completions.jsonl'), text);
    trainer = await startTrainer({ dir, port });
  };
  const provider = connect(trainer.baseURL);
  const counted = <T>(work: Promise<T>) => {
    requests += 1;
    return work.finally(() => {
      requests -= 1;
    });
  };
  const { storedLog } = provider;
  if (!storedLog) throw new Error('the profile keeps no completions');
  const countedLog: StoredLog = {
    address: storedLog.address,
    listCompletions: (query) => counted(storedLog.listCompletions(query)),
    listMessages: (id, signal) => counted(storedLog.listMessages(id, signal)),
  };
  return {
    choice: (common) => ({ type: 'stored-completions', ...common }),
    dependencies: { provider: () => ({ ...provider, storedLog: countedLog }) },
    secrets: ['sk-hidden-1234567'],
    add: (calls) => append(calls.map((each) => stored(each)).join('')),
    addBad: () => append(stored({ ...anyCall, id: `half-${Math.random()}`, prompt: 'half \ud83d' })),
    spoil: () => trainer.close(),
    handles: async () => requests,
    remove: () => trainer.close(),
  };
});

const anyCall: Call = {
  id: 'call-x',
  timestamp: '2026-08-01T00:00:02.000Z',
  prompt: 'hi',
  completion: 'yes',
  model: 'model-a',
  metadata: {},
};

test('completions that an application has stored through the API become rows', async () => {
  const trainer = await startTrainer({ dir: mkdtempSync(path.join(folder, 'trainer-')) });
  const client = new OpenAI({ baseURL: trainer.baseURL, apiKey: 'unused', maxRetries: 0 });
  const create = (content: string, kept: object) =>
    client.chat.completions.create({ model: 'local-base', messages: [{ role: 'user', content }], ...kept });
  const first = await create('where is it?', { store: true, metadata: { customer: 'c1' } });
  await create('not kept', {});
  await create('of somebody else', { store: true, metadata: { customer: 'c2' } });
  const { rows } = await readAll(
    { type: 'stored-completions', filter: { metadata: { customer: 'c1' } } },
    { provider: () => connect(trainer.baseURL) },
  );
  expect(rows).toStrictEqual([
    {
      line: 1,
      id: first.id,
      timestamp: new Date(first.created * 1000).toISOString(),
      messages: [{ role: 'user', content: 'where is it?' }],
      completion: first.choices[0]?.message.content,
      usage: { promptTokens: first.usage?.prompt_tokens, completionTokens: first.usage?.completion_tokens },
      model: 'local-base',
      metadata: { customer: 'c1' },
    },
  ]);
  await trainer.close();
});

describe('a provider', () => {
  let server: TinyServer;
  beforeEach(async () => {
    server = await tinyServer();
  });
  afterEach(() => server.close());

  const completion = (id: string, created: number) => ({
    ...chatCompletion('model-a', 'yes', 'stop', { prompt: 1, completion: 1 }),
    id,
    created,
    metadata: null,
  });
  const list = (data: object[], more = false) => ({ body: { object: 'list', data, has_more: more } });
  const message = { id: 'm-0', role: 'user', content: 'hi', content_parts: null };
  const isMessages = ({ url }: Received) => url.includes('/messages');
  const read = (since: Cursor | null, filter = {}) =>
    readAll({ type: 'stored-completions', filter }, { provider: () => connect(server.baseURL) }, since);
  const listed = () =>
    server.received.filter((request) => !isMessages(request)).map(({ url }) => new URL(url, 'http://x'));

  test('a provider is asked for one model and for metadata, oldest first, and for the messages of completions that pass the filter', async () => {
    server.answer = (request) =>
      isMessages(request)
        ? list([message])
        : list([completion('a', 100), { ...completion('b', 101), model: 'model-b' }]);
    // A server that does not know the filters answers with everything.
    const { rows } = await read(null, { models: ['model-a'] });
    expect(rows.map(({ id }) => id)).toEqual(['a']);
    expect(Object.fromEntries(listed()[0]?.searchParams ?? [])).toEqual({
      order: 'asc',
      limit: '100',
      model: 'model-a',
    });
    expect(server.received.filter(isMessages).map(({ url }) => url.split('?')[0])).toEqual([
      '/v1/chat/completions/a/messages',
    ]);
  });

  test('a provider that has deleted the last read completion is asked from its oldest, and gives the newer ones', async () => {
    server.answer = (request) =>
      isMessages(request) ? list([message]) : list([completion('a', 100), completion('b', 101), completion('c', 101)]);
    const { cursor } = await read(null);
    server.answer = (request) => {
      if (isMessages(request)) return list([message]);
      if (request.url.includes('after=c')) return { status: 404, body: { error: { message: 'no such completion' } } };
      return list([completion('b', 101), completion('d', 101), completion('e', 102)]);
    };
    const { anew, rows } = await read(cursor);
    expect(anew).toBe(false);
    expect(rows.map(({ id }) => id)).toEqual(['d', 'e']);
  });

  test('another provider than before is read anew', async () => {
    server.answer = (request) => (isMessages(request) ? list([message]) : list([completion('a', 100)]));
    const { cursor } = await read(null);
    const other = await tinyServer();
    other.answer = server.answer;
    const choice = { type: 'stored-completions', filter: {} } as const;
    const after = await readAll(choice, { provider: () => connect(other.baseURL) }, cursor);
    expect(after).toMatchObject({ anew: true, rows: [{ id: 'a' }] });
    await other.close();
  });

  test('a provider with more pages behind an empty one is not asked for ever', async () => {
    server.answer = () => list([], true);
    expect((await read(null)).items).toEqual([]);
    expect(server.received).toHaveLength(1);
  });

  test('a provider that refuses is reported, without the key', async () => {
    server.answer = () => ({ status: 403, body: { error: { message: 'key sk-hidden-1234567 may not list' } } });
    const refused = read(null);
    await expect(refused).rejects.toMatchObject({ code: 'PROVIDER_REFUSED' });
    await expect(refused).rejects.not.toThrow(/hidden/);
  });

  test('a provider that is slow to answer is left at once by an abort', async () => {
    const abort = new AbortController();
    const reason = new Error('enough');
    server.answer = () => () => abort.abort(reason);
    const source = openSource({ type: 'stored-completions' }, { provider: () => connect(server.baseURL) });
    const { items } = await source.read(null, abort.signal);
    await expect(Array.fromAsync(items)).rejects.toBe(reason);
  });

  test('a provider is named by its address alone', async () => {
    const source = openSource(
      { type: 'stored-completions' },
      { provider: () => connect('https://me:hidden@api.example.com/v1') },
    );
    expect(await source.describe()).toEqual(['stored completions of https://***@api.example.com/v1']);
  });
});
