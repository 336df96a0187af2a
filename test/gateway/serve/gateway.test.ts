import { mkdirSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import path from 'node:path';
import OpenAI from 'openai';
import { pino } from 'pino';
import { startGateway } from '../../../src/gateway/serve/gateway.ts';
import { until } from '../../setup/cli.ts';
import {
  beginEvents,
  chunk,
  completion,
  event,
  type GatewaySetup,
  gatewaySetup,
  KEY_VARIABLE,
  oldPrompt,
  sampleAlias,
  servedModel,
} from './setup.ts';

jest.setTimeout(30_000);

const DEPLOYMENT = 'support-triage';
const CLOCKS_BUT_TIMEOUTS = [
  'Date',
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
] as const;
let setup: GatewaySetup;
let client: OpenAI;

beforeEach(async () => {
  setup = await gatewaySetup();
  client = setup.client;
});
afterEach(() => setup.remove());

/** Answers each model's requests by a function of its own; models that are not named fail. */
function answers(byModel: Record<string, (body: Record<string, unknown>) => object>): void {
  setup.upstream.answer = ({ body }) => {
    const request = JSON.parse(body);
    const answer = byModel[request.model];
    return answer ? answer(request) : { status: 500, body: { error: { message: 'out of order', code: 'broken' } } };
  };
}

const says = (content: string) => (request: Record<string, unknown>) => ({
  body: completion(request.model, content),
});

function ask(input: string, changes: object = {}) {
  return client.chat.completions.create({ model: DEPLOYMENT, messages: oldPrompt(input), ...changes });
}

async function refusal(work: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  try {
    await work;
  } catch (error) {
    if (error instanceof OpenAI.APIError) return error;
    throw error;
  }
  throw new Error('the request was not refused');
}

describe('an answer', () => {
  test('an answer comes from the champion, which is asked with the input only', async () => {
    await setup.deploy();
    answers({ 'ft:tuned': says('billing') });
    const { data, response } = await ask('my invoice is wrong', { temperature: 0, seed: 7, user: 'u1' }).withResponse();
    expect(data).toMatchObject({ model: 'ft:tuned', choices: [{ message: { content: 'billing' } }] });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'x-tuneloop-arm': 'champion',
      'x-tuneloop-outcome': 'ok',
      'x-tuneloop-model': 'ft:tuned',
    });
    expect(setup.asked()).toEqual([
      {
        model: 'ft:tuned',
        messages: [{ role: 'user', content: 'my invoice is wrong' }],
        temperature: 0,
        seed: 7,
        user: 'u1',
      },
    ]);
    expect(setup.upstream.received[0]?.headers.authorization).toBe(`Bearer ${process.env[KEY_VARIABLE]}`);
  });

  test('an answer comes from a model that is asked as in its evaluation, unless the application says otherwise', async () => {
    await setup.deploy({ maxOutputTokens: 7 });
    answers({ 'ft:tuned': says('Dear customer') });
    await ask('it freezes');
    await ask('it freezes', { max_completion_tokens: null });
    expect(setup.asked()).toEqual([
      expect.objectContaining({ model: 'ft:tuned', temperature: 0, max_completion_tokens: 7 }),
      { model: 'big-model', messages: oldPrompt('it freezes') },
      expect.objectContaining({ model: 'ft:tuned', temperature: 0, max_completion_tokens: 7 }),
      { model: 'big-model', messages: oldPrompt('it freezes'), max_completion_tokens: null },
    ]);
    setup.upstream.received.length = 0;
    answers({ 'ft:tuned': says('crash') });
    const messages = [{ role: 'user', content: 'it freezes' }];
    for (const own of [{ max_tokens: 9 }, { max_completion_tokens: 9 }])
      await ask('it freezes', { ...own, temperature: 1 });
    expect(setup.asked()).toEqual([
      { model: 'ft:tuned', messages, temperature: 1, max_tokens: 9 },
      { model: 'ft:tuned', messages, temperature: 1, max_completion_tokens: 9 },
    ]);
  });

  test('an answer comes with the options of the evaluation, and with the limit under the name that the provider knows', async () => {
    const options = { chat_template_kwargs: { enable_thinking: false }, idle_minutes: 30 };
    const provider = {
      profile: 'together',
      baseURL: setup.upstream.baseURL,
      apiKeyEnv: KEY_VARIABLE,
      options,
    } as const;
    await setup.deploy({ provider, maxOutputTokens: 7 });
    answers({ 'ft:tuned': says('crash') });
    await ask('it freezes');
    await ask('it freezes', { max_completion_tokens: 9, chat_template_kwargs: { enable_thinking: true } });
    const tuned = { model: 'ft:tuned', messages: [{ role: 'user', content: 'it freezes' }], temperature: 0 };
    expect(setup.asked()).toEqual([
      { ...tuned, max_tokens: 7, chat_template_kwargs: { enable_thinking: false } },
      { ...tuned, max_tokens: 9, chat_template_kwargs: { enable_thinking: true } },
    ]);
  });

  test('an answer with thoughts in front is checked by what follows them, and passed on whole', async () => {
    await setup.deploy();
    answers({ 'ft:tuned': says('<think>It freezes: a crash?</think>\n\ncrash') });
    const { data, response } = await ask('it freezes').withResponse();
    expect(response.headers.get('x-tuneloop-outcome')).toBe('ok');
    expect(data.choices[0]?.message.content).toContain('<think>');
  });

  test('an answer is logged with the old prompt and the arm of the call', async () => {
    await setup.deploy();
    answers({ 'ft:tuned': says('billing') });
    const { id } = await ask('my invoice is wrong', { metadata: { team: 'a' } });
    expect(await setup.logged()).toEqual([
      {
        id,
        timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
        messages: oldPrompt('my invoice is wrong'),
        completion: 'billing',
        model: 'ft:tuned',
        usage: { prompt_tokens: 12, completion_tokens: 1 },
        latency_ms: expect.any(Number),
        finish_reason: 'stop',
        metadata: {
          team: 'a',
          tuneloop_deployment: DEPLOYMENT,
          tuneloop_decision: '1',
          tuneloop_arm: 'champion',
          tuneloop_outcome: 'ok',
          tuneloop_answered_by: 'champion',
          tuneloop_arm_latency_ms: expect.stringMatching(/^[\d.]+$/),
        },
      },
    ]);
  });

  test('an answer that is none of the labels is asked of the original prompt', async () => {
    await setup.deploy();
    answers({ 'ft:tuned': says('Dear customer'), 'big-model': says('crash') });
    const { data, response } = await ask('it freezes').withResponse();
    expect(data).toMatchObject({ model: 'big-model', choices: [{ message: { content: 'crash' } }] });
    expect(response.headers.get('x-tuneloop-outcome')).toBe('invalid');
    expect(setup.asked()[1]).toEqual({ model: 'big-model', messages: oldPrompt('it freezes') });
    const [line] = await setup.logged();
    expect(line?.metadata).toMatchObject({ tuneloop_outcome: 'invalid', tuneloop_answered_by: 'original' });
  });

  test.each([[[]], [[null]], [[{}]], [[{ message: null }]]])(
    'an answer with the choices %j counts as none',
    async (choices) => {
      await setup.deploy();
      setup.upstream.answer = () => ({ body: { id: 'chatcmpl-1', choices } });
      expect(await refusal(ask('it freezes'))).toMatchObject({ status: 502, code: 'upstream_failed' });
      expect(setup.asked().map(({ model }) => model)).toEqual(['ft:tuned', 'big-model']);
    },
  );

  test('an answer is asked of the original prompt when the champion fails, and of the fallback model where one is named', async () => {
    const other = await gatewaySetup({ fallbackModel: 'spare-model' });
    try {
      await other.deploy();
      other.upstream.answer = ({ body }) =>
        JSON.parse(body).model === 'spare-model' ? says('crash')({ model: 'spare-model' }) : { status: 503 };
      const answer = await other.client.chat.completions.create({
        model: DEPLOYMENT,
        messages: oldPrompt('it freezes'),
      });
      expect(answer.model).toBe('spare-model');
      expect((await other.logged())[0]?.metadata).toMatchObject({ tuneloop_outcome: 'error' });
    } finally {
      await other.remove();
    }
  });

  test.each([{ code: 5, message: 'no model big-model' }, { detail: 'no model big-model' }])(
    'the words of a provider without an object `error` reach the application: %j',
    async (body) => {
      await setup.deploy();
      setup.upstream.answer = () => ({ status: 404, body });
      expect((await refusal(ask('it freezes'))).message).toContain('no model big-model');
    },
  );

  test('a call without any answer gets the last error in the protocol form, and a line of the log', async () => {
    await setup.deploy();
    setup.upstream.answer = () => ({
      status: 429,
      headers: { 'retry-after': '3' },
      body: { error: { message: `slow down ${process.env[KEY_VARIABLE]}`, code: 'rate_limit_exceeded', param: null } },
    });
    const error = await refusal(ask('it freezes'));
    expect(error).toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
    expect(error.message).not.toContain(process.env[KEY_VARIABLE]);
    expect(error.headers?.get('retry-after')).toBe('3');
    const [line] = await setup.logged();
    expect(line).toMatchObject({ completion: null, messages: oldPrompt('it freezes'), model: null });
    expect(line?.metadata).toMatchObject({ tuneloop_outcome: 'error' });
    expect(line?.metadata).not.toHaveProperty('tuneloop_answered_by');
  });

  test.each([
    ['several choices', { n: 2 }],
    ['tools', { tools: [{ type: 'function', function: { name: 'look_up', parameters: {} } }] }],
    [
      'an image',
      {
        messages: [
          { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } }] },
        ],
      },
    ],
    [
      'a prompt of no known template',
      {
        messages: [
          { role: 'system', content: 'You are a poet.' },
          { role: 'user', content: 'A poem, please.' },
        ],
      },
    ],
  ])('a request for %s is answered by the original model, which is asked unchanged', async (_what, changes) => {
    await setup.deploy();
    answers({ 'big-model': says('anything at all') });
    const { response } = await ask('it freezes', changes).withResponse();
    expect(response.headers.get('x-tuneloop-outcome')).toBe('unfit');
    expect(setup.asked()).toEqual([{ messages: oldPrompt('it freezes'), ...changes, model: 'big-model' }]);
  });

  describe('to an input alone', () => {
    const alone = [{ role: 'user' as const, content: 'it freezes' }];

    test('an input alone is answered by the champion, and the log has the old prompt around the input', async () => {
      await setup.deploy();
      answers({ 'ft:tuned': says('crash') });
      const { response } = await ask('', { messages: alone }).withResponse();
      expect(response.headers.get('x-tuneloop-outcome')).toBe('ok');
      expect(setup.asked()).toEqual([{ model: 'ft:tuned', messages: alone, temperature: 0 }]);
      expect(await setup.logged()).toMatchObject([{ messages: oldPrompt('it freezes'), completion: 'crash' }]);
    });

    test('an input alone is answered with the old prompt around it where the champion fails', async () => {
      await setup.deploy();
      answers({ 'big-model': says('crash') });
      await ask('', { messages: alone });
      expect(setup.asked().at(-1)).toEqual({ model: 'big-model', messages: oldPrompt('it freezes') });
    });

    test.each([
      ['the known prompt is one message too', [{ role: 'user' as const, parts: ['Message: ', { slot: 0 }] }], []],
      [
        'nobody can fill a further slot',
        [
          { role: 'system' as const, parts: ['Today is ', { slot: 1 }, '.'] },
          { role: 'user' as const, parts: [{ slot: 0 }] },
        ],
        [{ name: 'date', kind: 'date' as const }],
      ],
    ])(
      'an input alone is answered by the original model, which is asked unchanged, where %s',
      async (_why, messages, further) => {
        const slots = [{ name: 'input', kind: 'input' as const }, ...further];
        const template = { versions: [{ messages, slots, rows: 10 }] };
        await setup.deploy({
          champion: { ...servedModel('ft:tuned'), template },
          original: { model: 'big-model', template },
        });
        answers({ 'big-model': says('crash') });
        const { response } = await ask('', { messages: alone }).withResponse();
        expect(response.headers.get('x-tuneloop-outcome')).toBe('unfit');
        expect(setup.asked()).toEqual([{ model: 'big-model', messages: alone }]);
      },
    );

    test('an input alone gets no such answer where a model knows prompts of one message too', async () => {
      const { original } = sampleAlias();
      const messages = [{ role: 'user' as const, parts: ['Sort: ', { slot: 0 }] }];
      const [version] = original.template.versions;
      const template = { versions: [{ messages, slots: version?.slots ?? [], rows: 10 }] };
      await setup.deploy({ champion: { ...servedModel('ft:tuned'), template } });
      answers({ 'ft:tuned': says('crash') });
      await ask('', { messages: [{ role: 'user', content: 'Sort: it freezes' }] });
      expect(setup.asked()).toMatchObject([{ model: 'ft:tuned', messages: alone }]);
      expect(await setup.logged()).toMatchObject([{ messages: [{ content: 'Sort: it freezes' }] }]);
    });
  });

  test('an answer comes from the original prompt when the champion is past its shutdown date', async () => {
    await setup.deploy({ champion: { ...servedModel('ft:tuned'), shutdownDate: '2026-01-01T00:00:00.000Z' } });
    answers({ 'big-model': says('crash') });
    const { response } = await ask('it freezes').withResponse();
    expect(response.headers.get('x-tuneloop-outcome')).toBe('shutdown');
    expect(setup.asked()).toHaveLength(1);
  });

  test('an invalid answer is given if no model has a better one', async () => {
    await setup.deploy();
    answers({ 'ft:tuned': says('Dear customer') });
    const { data, response } = await ask('it freezes').withResponse();
    expect(data).toMatchObject({ model: 'ft:tuned', choices: [{ message: { content: 'Dear customer' } }] });
    expect(response.headers.get('x-tuneloop-model')).toBe('ft:tuned');
    const [line] = await setup.logged();
    expect(line).toMatchObject({ completion: 'Dear customer' });
    expect(line?.metadata).toMatchObject({ tuneloop_outcome: 'invalid', tuneloop_answered_by: 'champion' });
  });

  test('an answer leaves neither keys nor texts in the log of the server', async () => {
    const logged: string[] = [];
    const log = pino({ level: 'trace' }, { write: (line) => void logged.push(line) });
    const gateway = await startGateway({ home: setup.home, port: 0, trainerUrl: setup.upstream.baseURL, log });
    try {
      await setup.deploy();
      answers({});
      const other = new OpenAI({ baseURL: gateway.baseURL, apiKey: 'sk-caller-9876543210', maxRetries: 0 });
      const messages = oldPrompt('my secret invoice');
      expect(await refusal(other.chat.completions.create({ model: DEPLOYMENT, messages }))).toMatchObject({
        status: 500,
        code: 'broken',
      });
      await refusal(other.chat.completions.create({ model: 'no-such', messages }));
    } finally {
      await gateway.close();
    }
    expect(logged.join('')).not.toMatch(/sk-|secret invoice/);
  });

  test('the answer to a prompt in parts is that to the same text', async () => {
    await setup.deploy();
    answers({ 'ft:tuned': says('crash') });
    const [system] = oldPrompt('');
    const content = [
      { type: 'text' as const, text: 'Message: it ' },
      { type: 'text' as const, text: 'freezes' },
    ];
    await client.chat.completions.create({
      model: DEPLOYMENT,
      messages: [
        { role: 'system', content: system?.content ?? '' },
        { role: 'user', content },
      ],
    });
    expect(setup.asked()[0]?.messages).toEqual([{ role: 'user', content: 'it freezes' }]);
  });

  test('a canary answers the same people each time', async () => {
    await setup.deploy({ canary: { ...servedModel('ft:new'), share: 0.5 } });
    answers({ 'ft:tuned': says('crash'), 'ft:new': says('crash') });
    const modelsOf = async (user: string) =>
      new Set(await Promise.all(['a', 'b', 'c', 'd'].map(async (input) => (await ask(input, { user })).model)));
    const models = await Promise.all(Array.from({ length: 20 }, (_, index) => modelsOf(`user-${index}`)));
    expect(models.every(({ size }) => size === 1)).toBe(true);
    expect(new Set(models.flatMap((each) => [...each]))).toEqual(new Set(['ft:tuned', 'ft:new']));
  });
});

describe('a stream', () => {
  const streamed = (input: string, changes: object = {}) =>
    client.chat.completions.create({
      model: DEPLOYMENT,
      messages: oldPrompt(input),
      stream: true as const,
      ...changes,
    });

  /** As it comes over the wire. */
  const streamedText = () =>
    fetch(`${setup.gateway.baseURL}/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: DEPLOYMENT, messages: oldPrompt('it freezes'), stream: true }),
    });

  /** A server whose streams the test continues by hand. */
  function openStream(): Promise<ServerResponse> {
    return new Promise((resolve) => {
      setup.upstream.answer = () => (response) => resolve(beginEvents(response));
    });
  }

  test('a stream is passed on piece by piece, with its usage where that was asked for', async () => {
    await setup.deploy();
    const opened = openStream();
    const pending = streamed('my invoice', { stream_options: { include_usage: true } });
    const response = await opened;
    response.write(chunk('ft:tuned', 'bill'));
    const chunks = (await pending)[Symbol.asyncIterator]();
    // Before the rest was sent.
    expect((await chunks.next()).value).toMatchObject({ model: 'ft:tuned', choices: [{ delta: { content: 'bill' } }] });
    response.write(chunk('ft:tuned', 'ing') + chunk('ft:tuned', null, 'stop'));
    const usage = { prompt_tokens: 12, completion_tokens: 2, total_tokens: 14 };
    response.end(event({ id: 'chatcmpl-s', model: 'ft:tuned', choices: [], usage }) + event('[DONE]'));
    const rest: unknown[] = [];
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) rest.push(next.value);
    expect(rest).toHaveLength(3);
    expect(rest.at(-1)).toMatchObject({ usage });
    expect(setup.asked()[0]).toMatchObject({ stream: true, stream_options: { include_usage: true } });
    const [line] = await setup.logged();
    expect(line).toMatchObject({ completion: 'billing', usage: { completion_tokens: 2 } });
    expect(line?.metadata).toMatchObject({ tuneloop_outcome: 'ok', tuneloop_answered_by: 'champion' });
  });

  test('a stream that is none of the labels at its end was sent, and is logged as invalid', async () => {
    await setup.deploy();
    setup.upstream.answer = () => (response) =>
      void beginEvents(response).end(
        chunk('ft:tuned', 'Dear customer') + chunk('ft:tuned', null, 'stop') + event('[DONE]'),
      );
    const texts: (string | null | undefined)[] = [];
    for await (const { choices } of await streamed('it freezes')) texts.push(choices[0]?.delta.content);
    expect(texts.join('')).toBe('Dear customer');
    const [line] = await setup.logged();
    expect(line?.metadata).toMatchObject({ tuneloop_outcome: 'invalid', tuneloop_answered_by: 'champion' });
  });

  test.each([
    [
      'an error',
      (response: ServerResponse) => void beginEvents(response).end(event({ error: { message: 'overloaded' } })),
    ],
    ['nothing', (response: ServerResponse) => void beginEvents(response).end()],
    ['its end', (response: ServerResponse) => void beginEvents(response).end(event('[DONE]'))],
    ['broken JSON', (response: ServerResponse) => void beginEvents(response).end(event('{') + event('[DONE]'))],
    ['a broken connection', (response: ServerResponse) => void response.destroy()],
  ])('a stream that begins with %s comes from the original prompt instead', async (_what, fail) => {
    await setup.deploy();
    setup.upstream.answer = ({ body }) =>
      JSON.parse(body).model === 'ft:tuned'
        ? fail
        : (response) =>
            void beginEvents(response).end(
              chunk('big-model', 'crash') + chunk('big-model', null, 'stop') + event('[DONE]'),
            );
    const texts: (string | null | undefined)[] = [];
    for await (const { choices } of await streamed('it freezes')) texts.push(choices[0]?.delta.content);
    expect(texts.join('')).toBe('crash');
    const [line] = await setup.logged();
    expect(line?.metadata).toMatchObject({ tuneloop_outcome: 'error', tuneloop_answered_by: 'original' });
  });

  test('a stream that breaks off does so for the application too, and is logged as an error', async () => {
    await setup.deploy();
    const opened = openStream();
    const pending = streamed('it freezes');
    const response = await opened;
    response.write(chunk('ft:tuned', 'cra'));
    const chunks = (await pending)[Symbol.asyncIterator]();
    await chunks.next();
    response.destroy();
    await expect(chunks.next()).rejects.toThrow();
    await until(async () => (await setup.logged()).length === 1, 'the line of the log');
    const [line] = await setup.logged();
    expect(line).toMatchObject({ completion: null });
    expect(line?.metadata).toMatchObject({ tuneloop_outcome: 'error' });
  });

  test('a stream with broken JSON in its midst is passed on unchanged, and is logged as an error', async () => {
    await setup.deploy();
    const events = chunk('ft:tuned', 'crash') + event('{') + event('[DONE]');
    setup.upstream.answer = () => (response) => void beginEvents(response).end(events);
    expect(await (await streamedText()).text()).toBe(events);
    const [line] = await setup.logged();
    expect(line).toMatchObject({ completion: null, metadata: { tuneloop_outcome: 'error' } });
  });

  test('a stream does not end where a text only quotes its end', async () => {
    await setup.deploy();
    const opened = openStream();
    const pending = streamedText();
    const response = await opened;
    const [begin, rest = ''] = chunk('ft:tuned', 'data: [DONE]').split(/(?<=\[DONE\])/);
    const pieces = [chunk('ft:tuned', 'It says '), begin, rest + chunk('ft:tuned', null, 'stop') + event('[DONE]')];
    const events = pieces.join('');
    const sendNext = () => response.write(pieces.shift() ?? '');
    sendNext();
    let text = '';
    for await (const part of (await pending).body ?? []) {
      text += Buffer.from(part).toString();
      sendNext();
    }
    expect(text).toBe(events);
  });

  test('a stream that the application leaves is aborted at the provider at once', async () => {
    await setup.deploy();
    const opened = openStream();
    const pending = streamed('it freezes');
    const response = await opened;
    const closed = new Promise((resolve) => response.once('close', resolve));
    response.write(chunk('ft:tuned', 'cra'));
    const stream = await pending;
    await stream[Symbol.asyncIterator]().next();
    stream.controller.abort();
    await closed;
    expect(response.writableFinished).toBe(false);
  });

  test('a stream ends with its last event, even where the provider keeps the connection open', async () => {
    await setup.deploy();
    setup.upstream.answer = () => (response) =>
      void beginEvents(response).write(chunk('ft:tuned', 'crash') + chunk('ft:tuned', null, 'stop') + event('[DONE]'));
    expect(await (await streamedText()).text()).toMatch(/data: \[DONE\]\n\n$/);
    expect((await setup.logged())[0]).toMatchObject({ completion: 'crash' });
  });

  test('a server that answers whole where a stream was asked for is streamed all the same', async () => {
    await setup.deploy({ provider: 'local' });
    answers({ 'ft:tuned': says('crash') });
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const each of await streamed('it freezes', { stream_options: { include_usage: true } }))
      chunks.push(each);
    expect(setup.asked()[0]).toEqual({
      model: 'ft:tuned',
      messages: [{ role: 'user', content: 'it freezes' }],
      temperature: 0,
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(chunks.map(({ choices: [choice] }) => choice?.delta.content ?? choice?.finish_reason)).toEqual([
      'crash',
      'stop',
      undefined,
    ]);
    expect(chunks.map(({ usage }) => usage?.prompt_tokens)).toEqual([undefined, undefined, 12]);
    expect(chunks[0]?.object).toBe('chat.completion.chunk');
  });

  test('a stream is understood by the helper of the official client', async () => {
    await setup.deploy({ provider: 'local' });
    answers({ 'ft:tuned': says('crash') });
    const stream = client.chat.completions.stream({ model: DEPLOYMENT, messages: oldPrompt('it freezes') });
    expect((await stream.finalChatCompletion()).choices[0]?.message.content).toBe('crash');
  });
});

describe('deployments', () => {
  test('deployments are models that can be listed', async () => {
    await setup.deploy();
    await setup.deploy({ pipeline: 'summaries' });
    expect((await client.models.list()).data).toMatchObject([
      { id: 'summaries', object: 'model', owned_by: 'tuneloop' },
      { id: DEPLOYMENT },
    ]);
  });

  test('deployments answer side by side', async () => {
    await setup.deploy();
    await setup.deploy({ pipeline: 'summaries', champion: servedModel('ft:other') });
    answers({ 'ft:tuned': says('crash'), 'ft:other': says('billing') });
    const other = ask('it freezes', { model: 'summaries' });
    expect([(await ask('it freezes')).model, (await other).model]).toEqual(['ft:tuned', 'ft:other']);
  });

  test('changed deployments are seen without a restart', async () => {
    await setup.deploy();
    answers({ 'ft:tuned': says('crash'), 'ft:new': says('crash') });
    expect((await ask('it freezes')).model).toBe('ft:tuned');
    await setup.deploy({ decision: 2, champion: servedModel('ft:new') });
    await until(async () => (await ask('it freezes')).model === 'ft:new', 'the new champion');
  });

  test('an unknown deployment is refused with the names of the existing ones', async () => {
    await setup.deploy();
    const error = await refusal(ask('it freezes', { model: 'gpt-4.1' }));
    expect(error).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
    expect(error.message).toContain(`there are: ${DEPLOYMENT}`);
  });

  test('deployments that share a folder name are not taken for each other', async () => {
    await setup.deploy();
    expect(await refusal(ask('it freezes', { model: 'support.triage' }))).toMatchObject({ status: 404 });
    expect(await refusal(ask('it freezes', { model: '../deployments/support-triage' }))).toMatchObject({ status: 404 });
    await setup.deploy({ pipeline: 'a_b' });
    expect(await refusal(ask('it freezes', { model: 'a/b' }))).toMatchObject({ status: 404 });
  });

  test('an unreadable alias of one deployment does not disturb another', async () => {
    await setup.deploy();
    mkdirSync(path.join(setup.home, 'deployments', 'broken'));
    writeFileSync(path.join(setup.home, 'deployments', 'broken', '000001.json'), '{');
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual([DEPLOYMENT]);
    expect(await refusal(ask('it freezes', { model: 'broken' }))).toMatchObject({
      status: 500,
      code: 'ALIAS_UNREADABLE',
    });
    answers({ 'ft:tuned': says('crash') });
    expect((await ask('it freezes')).model).toBe('ft:tuned');
  });

  test('a deployment with an invalid schema is refused with the reason', async () => {
    await setup.deploy({ jsonSchema: { type: 'nothing' } });
    const error = await refusal(ask('it freezes'));
    expect(error).toMatchObject({ status: 500, code: 'ALIAS_UNREADABLE' });
    expect(error.message).toContain(`the JSON Schema of ${DEPLOYMENT} cannot be used`);
  });

  test('a deployment whose provider has no key here is refused with the name of the variable', async () => {
    await setup.deploy({
      provider: { profile: 'generic', baseURL: setup.upstream.baseURL, apiKeyEnv: 'TUNELOOP_TEST_NO_SUCH_KEY' },
    });
    const error = await refusal(ask('it freezes'));
    expect(error).toMatchObject({ status: 500, code: 'ENVIRONMENT_INVALID' });
    expect(error.message).toContain('TUNELOOP_TEST_NO_SUCH_KEY');
  });

  test('a deployment without a model for the original prompt gives advice', async () => {
    const { original } = await setup.deploy({ decision: 1 });
    await setup.deploy({ decision: 2, champion: null, original: { ...original, model: null } });
    const error = await refusal(ask('it freezes'));
    expect(error).toMatchObject({ status: 502 });
    expect(error.message).toContain('--fallback-model');
  });
});

describe('the server', () => {
  const post = (body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
    fetch(`${setup.gateway.baseURL}/chat/completions`, { method: 'POST', headers, body });

  /** Sends bytes as they are, and reads until the connection ends. */
  function raw(text: string): Promise<string> {
    const { port } = new URL(setup.gateway.baseURL);
    return new Promise((resolve) => {
      let received = '';
      const socket = connect(Number(port), '127.0.0.1', () => socket.write(text));
      socket.setEncoding('utf8').on('data', (part: string) => {
        received += part;
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve(received));
    });
  }

  test('the server is healthy', async () => {
    expect(await (await fetch(new URL('/health', setup.gateway.baseURL))).json()).toEqual({ status: 'ok' });
  });

  test.each([
    ['broken JSON', '{"model": ', {}, 400],
    ['an empty body', '', {}, 400],
    ['a list', '[]', {}, 400],
    ['no model', '{"messages":[{"role":"user","content":"a"}]}', {}, 400],
    ['no messages', '{"model":"support-triage","messages":[]}', {}, 400],
    ['a poisoned prototype', '{"__proto__":{"model":"x"}}', {}, 400],
    ['another media type', 'model=x', { 'content-type': 'text/plain' }, 415],
  ])('the server refuses %s in the protocol form', async (_what, body, headers, status) => {
    const response = await post(body, { 'content-type': 'application/json', ...headers });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({
      error: { message: expect.any(String), type: 'invalid_request_error' },
    });
  });

  test('the server refuses a body of 11 MB and lives on', async () => {
    await setup.deploy();
    const body = JSON.stringify({ model: DEPLOYMENT, messages: [{ role: 'user', content: 'x'.repeat(11 * 2 ** 20) }] });
    // It may close the connection before it was sent all.
    const status = await post(body).then(
      (response) => response.status,
      () => 413,
    );
    expect(status).toBe(413);
    expect(setup.upstream.received).toEqual([]);
    answers({ 'ft:tuned': says('crash') });
    expect((await ask('it freezes')).model).toBe('ft:tuned');
  });

  test('the server has no completions to GET', async () => {
    const response = await fetch(`${setup.gateway.baseURL}/chat/completions`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { message: 'Invalid URL (GET /v1/chat/completions)' } });
  });

  test.each([
    'Host: evil.example',
    'Host: 127.0.0.1\r\nOrigin: https://evil.example',
    'Host: 127.0.0.1.evil.example:80',
  ])('the server answers no web page (%j)', async (headers) => {
    const answer = await raw(`GET /v1/models HTTP/1.1\r\n${headers}\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    expect(answer).not.toMatch(/access-control/i);
  });

  test('the server names the port that is taken', async () => {
    const port = Number(new URL(setup.gateway.baseURL).port);
    await expect(startGateway({ home: setup.home, port, trainerUrl: setup.upstream.baseURL })).rejects.toMatchObject({
      code: 'PORT_TAKEN',
      message: expect.stringContaining(`${port}`),
    });
  });

  test('the server asks no model for an application that has left while its deployment was looked up', async () => {
    await setup.deploy();
    await setup.deploy({ pipeline: 'summaries' });
    let waiting = 0;
    setup.upstream.answer = ({ body }) => {
      if (!body.includes('it freezes')) return { body: completion('ft:tuned', 'crash') };
      waiting += 1;
      return (response) => void response.once('close', () => (waiting -= 1));
    };
    const body = JSON.stringify({ model: DEPLOYMENT, messages: oldPrompt('it freezes') });
    const { port } = new URL(setup.gateway.baseURL);
    const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n`;
    const socket = connect(Number(port), '127.0.0.1', () =>
      socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`, () => socket.destroy()),
    );
    await new Promise((resolve) => socket.once('close', resolve));
    // It is looked up later, and so asked later.
    await ask('my invoice', { model: 'summaries' });
    await until(() => waiting === 0, 'nobody to be asked');
  });

  test('the server cuts off unfinished calls eight seconds after it was told to stop', async () => {
    await setup.deploy();
    const asked = new Promise<void>((resolve) => {
      setup.upstream.answer = () => () => resolve();
    });
    const outcome = ask('it freezes').catch((error: unknown) => error);
    await asked;
    jest.useFakeTimers({ doNotFake: [...CLOCKS_BUT_TIMEOUTS] });
    const closed = setup.gateway.close();
    jest.advanceTimersByTime(8000);
    jest.useRealTimers();
    await closed;
    expect(await outcome).toBeInstanceOf(OpenAI.APIConnectionError);
  });

  test('the server answers pending calls before it closes', async () => {
    await setup.deploy();
    const asked = new Promise<() => void>((resolve) => {
      setup.upstream.answer = () => (response) =>
        resolve(() =>
          response
            .writeHead(200, { 'content-type': 'application/json' })
            .end(JSON.stringify(completion('ft:tuned', 'crash'))),
        );
    });
    const pending = ask('it freezes');
    const answer = await asked;
    const closed = setup.gateway.close();
    answer();
    expect((await pending).model).toBe('ft:tuned');
    await closed;
    expect(await setup.logged()).toHaveLength(1);
    await expect(ask('it freezes')).rejects.toThrow('Connection error');
  });
});
