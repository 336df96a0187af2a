import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import OpenAI from 'openai';
import {
  type CapturedCall,
  type CaptureOptions,
  type CaptureSink,
  capture,
  jsonlSink,
} from '../../../packages/app/src/capture/index.ts';
import { parseLogRow } from '../../../src/sources/log-row.ts';
import { until } from '../../setup/cli.ts';
import { temporaryFolder } from '../../stores/temporary-folder.ts';

const folder = temporaryFolder();

const CHAT = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'gpt-4.1-2025-04-14',
  choices: [{ index: 0, message: { role: 'assistant', content: 'billing', refusal: null }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 12, completion_tokens: 1, total_tokens: 13 },
};
const RESPONSE = {
  id: 'resp_1',
  object: 'response',
  status: 'completed',
  model: 'gpt-4.1',
  output: [
    { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'billing', annotations: [] }] },
  ],
  usage: { input_tokens: 20, output_tokens: 2, total_tokens: 22 },
};
const chunk = (delta: object, finish_reason: string | null = null) => ({
  id: 'chatcmpl-2',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'gpt-4.1',
  choices: [{ index: 0, delta, finish_reason }],
});
const CHUNKS = [
  chunk({ role: 'assistant', content: '' }),
  chunk({ content: 'bil' }),
  chunk({ content: 'ling\n\nrefund é' }),
  chunk({}, 'stop'),
  { ...chunk({}), choices: [], usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 } },
];
const EVENTS = [
  { type: 'response.created', response: { ...RESPONSE, status: 'in_progress', output: [] } },
  { type: 'response.output_text.delta', delta: 'billing' },
  { type: 'response.completed', response: RESPONSE },
];
const MESSAGES = [
  { role: 'system' as const, content: 'Name the topic.' },
  { role: 'user' as const, content: 'Where is my invoice?' },
];
const REQUEST = { model: 'gpt-4.1', messages: MESSAGES };

/** Longer than a recorded answer, in characters. */
const HUGE = 33 * 2 ** 20;

/** Events of a stream that a model sends. Others send all. */
const SENT = new Map([
  ['breaks', 2],
  ['pauses', 2],
  ['finishes', 4],
]);

/**
 * Answers as the model that is asked for says: an error, a stream that breaks off, one that pauses in its midst or after the
 * reason of its end, one that is whole and keeps its connection open, a huge answer, or what is right.
 */
function answer(
  model: string,
  path: string,
  stream: boolean,
  write: (text: string) => void,
  end: (how: 'closed' | 'broken' | 'open') => void,
) {
  const isChat = !path.endsWith('responses');
  if (!stream) {
    const text = JSON.stringify(isChat ? CHAT : RESPONSE);
    if (model === 'pauses') {
      write(text.slice(0, 20));
      return end('open');
    }
    write(model === 'huge' ? text.replace('billing', 'b'.repeat(HUGE)) : text);
    return end('closed');
  }
  const events: object[] = isChat ? CHUNKS : EVENTS;
  const sent = events.slice(0, SENT.get(model));
  for (const event of sent) write(`data: ${JSON.stringify(event)}\n\n`);
  if (model === 'breaks') return end('broken');
  if (sent.length < events.length) return end('open');
  if (isChat) write('data: [DONE]\n\n');
  return end(model === 'stays' ? 'open' : 'closed');
}

let server: Server;
let openai: OpenAI;
/** Answers that wait for their client to close the connection. */
let open = 0;
beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const { model, stream } = JSON.parse(body || '{}') as { model: string; stream?: boolean };
      if (model === 'refuses') {
        response.writeHead(400, { 'content-type': 'application/json' }).end('{"error":{"message":"no"}}');
        return;
      }
      response.writeHead(200, {
        'content-type': stream ? 'text/event-stream' : 'application/json',
        'x-request-id': 'r1',
      });
      answer(
        model,
        request.url ?? '',
        stream === true,
        (text) => response.write(text),
        (how) => {
          if (how === 'closed') return void response.end();
          // A moment later, so that the earlier part has arrived.
          if (how === 'broken') return void setTimeout(() => response.destroy(), 50);
          open += 1;
          response.once('close', () => {
            open -= 1;
          });
        },
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  openai = new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: 'any', maxRetries: 0 });
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** A client whose records are kept in memory. */
function captured(options: Partial<CaptureOptions> = {}): { client: OpenAI; calls: CapturedCall[] } {
  const calls: CapturedCall[] = [];
  const sink: CaptureSink = {
    record: (call) => void calls.push(call),
    recordActual: () => {},
    flush: async () => {},
    close: async () => {},
    lost: 0,
  };
  return { client: capture(openai, { sink, ...options }), calls };
}
const one = async (calls: CapturedCall[]): Promise<CapturedCall> => {
  await until(() => calls.length === 1, 'a record');
  const [call] = calls;
  if (!call) throw new Error('there is no record');
  return call;
};

/** Collects garbage until the condition holds. */
async function collectUntil(condition: () => boolean, what: string): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  await until(() => {
    collect();
    return condition();
  }, what);
}

describe('what the application gets is what it would get without', () => {
  test('capture changes neither a completion nor its response and headers', async () => {
    const { client } = captured();
    expect(await client.chat.completions.create(REQUEST)).toEqual(await openai.chat.completions.create(REQUEST));
    const { data, response, request_id } = await client.chat.completions.create(REQUEST).withResponse();
    expect(data.choices[0]?.message.content).toBe('billing');
    expect(response.url).toContain('/v1/chat/completions');
    expect(request_id).toBe('r1');
  });

  test('capture changes no chunk of a stream', async () => {
    const { client } = captured();
    const read = async (from: OpenAI) =>
      Array.fromAsync(await from.chat.completions.create({ ...REQUEST, stream: true }));
    expect(await read(client)).toEqual(await read(openai));
  });

  test('capture does not change helpers that call underneath', async () => {
    const { client, calls } = captured();
    const runner = client.chat.completions.stream(REQUEST);
    expect(await runner.finalContent()).toBe('billing\n\nrefund é');
    expect((await one(calls)).completion).toBe('billing\n\nrefund é');
  });

  test.each([false, true])(
    'capture does not change the response itself, however it is read (streamed: %s)',
    async (stream) => {
      const { client } = captured();
      const read = async (from: OpenAI) => {
        const fetched = () => from.chat.completions.create({ ...REQUEST, stream }).asResponse();
        const response = await fetched();
        const { status, statusText, ok, url, redirected, type, bodyUsed } = response;
        const said = { status, statusText, ok, url, redirected, type, bodyUsed };
        const copy = response.clone();
        const texts = [await response.text(), await copy.text()];
        const buffer = Buffer.from(await (await fetched()).arrayBuffer()).toString();
        const blob = await (await fetched()).blob();
        const { body } = await fetched();
        const chunks = body ? Buffer.concat(await Array.fromAsync(body)).toString() : null;
        return {
          said: { ...said, urlOfCopy: copy.url, used: response.bodyUsed },
          headers: [...response.headers].filter(([name]) => name !== 'date'),
          texts,
          again: await response.text().catch((error: Error) => error.name),
          buffer,
          blob: [blob.type, await blob.text()],
          chunks,
          json: stream ? null : await (await fetched()).json(),
          isResponse: response instanceof Response,
        };
      };
      const mine = await read(client);
      expect(mine).toEqual(await read(openai));
      expect(mine).toMatchObject({
        said: { url: expect.stringContaining('/v1/chat'), used: true },
        again: 'TypeError',
      });
    },
  );

  test('capture does not change an error, and does not record it', async () => {
    const { client, calls } = captured();
    const failing = { ...REQUEST, model: 'refuses' };
    const [mine, theirs] = await Promise.allSettled([
      client.chat.completions.create(failing),
      openai.chat.completions.create(failing),
    ]);
    expect(mine).toMatchObject({ status: 'rejected', reason: { status: 400 } });
    expect((mine as PromiseRejectedResult).reason.message).toBe((theirs as PromiseRejectedResult).reason.message);
    await client.chat.completions.create(REQUEST);
    expect(await one(calls)).toMatchObject({ id: 'chatcmpl-1' });
  });

  test.each<[string, Partial<CaptureOptions>]>([
    [
      'redaction',
      {
        redact: () => {
          throw new Error('hook');
        },
      },
    ],
    [
      'sampling',
      {
        sample: () => {
          throw new Error('hook');
        },
      },
    ],
    [
      'sink',
      {
        sink: {
          record: () => {
            throw new Error('sink');
          },
        } as unknown as CaptureSink,
      },
    ],
  ])('capture does not change a call where the %s throws, and records nothing then', async (_name, options) => {
    const { client, calls } = captured(options);
    expect(await client.chat.completions.create(REQUEST)).toMatchObject({ id: 'chatcmpl-1' });
    await client.chat.completions.create(REQUEST);
    expect(calls).toEqual([]);
  });
});

describe('a connection is closed as it would be without', () => {
  afterEach(() => until(() => open === 0, 'the end of all connections'));

  test('a server that keeps a stream open after its last event is treated as without capture, and the stream is recorded', async () => {
    const { client, calls } = captured();
    const request = { ...REQUEST, model: 'stays', stream: true as const };
    expect(await Array.fromAsync(await client.chat.completions.create(request))).toHaveLength(CHUNKS.length);
    await until(() => open === 0, 'the end of the connection');
    expect(await one(calls)).toMatchObject({ id: 'chatcmpl-2', usage: { prompt_tokens: 7 }, finish_reason: 'stop' });
  });

  test('a body that the application cancels is closed as without capture, and not recorded', async () => {
    const { client, calls } = captured();
    for (const stream of [false, true]) {
      const response = await client.chat.completions.create({ ...REQUEST, model: 'pauses', stream }).asResponse();
      await response.body?.cancel();
      await until(() => open === 0, 'the end of the connection');
      const read = await client.chat.completions.create({ ...REQUEST, model: 'pauses', stream }).asResponse();
      const reader = read.body?.getReader();
      await reader?.read();
      const waiting = reader?.read();
      await reader?.cancel();
      expect(await waiting).toEqual({ done: true, value: undefined });
      await until(() => open === 0, 'the end of the connection');
    }
    await client.chat.completions.create(REQUEST);
    expect(await one(calls)).toMatchObject({ id: 'chatcmpl-1' });
  });

  test('a stream that the application leaves is closed as without capture, and recorded if the answer was whole by then', async () => {
    const { client, calls } = captured();
    for await (const _ of await client.chat.completions.create({ ...REQUEST, model: 'pauses', stream: true })) break;
    for await (const chunk of await client.chat.completions.create({ ...REQUEST, model: 'finishes', stream: true })) {
      if (chunk.choices[0]?.finish_reason === 'stop') break;
    }
    expect(await one(calls)).toMatchObject({ id: 'chatcmpl-2', completion: 'billing\n\nrefund é', usage: null });
  });

  test.each([false, true])(
    'a call that a signal aborts ends as without capture, and is not recorded (streamed: %s)',
    async (stream) => {
      const { client, calls } = captured();
      const abort = async (from: OpenAI) => {
        const controller = new AbortController();
        const request = { ...REQUEST, model: 'pauses', stream };
        const call = from.chat.completions.create(request, { signal: controller.signal });
        const outcome = call.then(async (answer) =>
          stream ? Array.fromAsync(answer as AsyncIterable<object>) : answer,
        );
        await until(() => open === 1, 'half an answer');
        controller.abort(new Error('enough'));
        const ended = await outcome.catch((error: unknown) => error);
        await until(() => open === 0, 'the end of the connection');
        return ended;
      };
      expect(await abort(client)).toEqual(await abort(openai));
      await client.chat.completions.create(REQUEST);
      expect(await one(calls)).toMatchObject({ id: 'chatcmpl-1' });
    },
  );

  test('an answer that is never read is not recorded; one that is kept can be read later', async () => {
    const sink = jsonlSink(path.join(folder, 'unread.jsonl'));
    const client = capture(openai, { sink });
    const request = { ...REQUEST, model: 'pauses', stream: true as const };
    const kept = await client.chat.completions.create(request).asResponse();
    for (let index = 0; index < 10; index += 1) await client.chat.completions.create(request).asResponse();
    expect(open).toBe(11);
    await sink.close();
    await collectUntil(() => open === 1, 'the end of the connections of unread answers');
    const reader = kept.body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toContain('chatcmpl-2');
    await reader?.cancel();
  });
});

describe('a record', () => {
  test.each([false, true])(
    'a record is written when the sink is closed right after the call (streamed: %s)',
    async (stream) => {
      const file = path.join(folder, `closed-${stream}.jsonl`);
      const sink = jsonlSink(file);
      const client = capture(openai, { sink });
      if (stream) await client.chat.completions.stream(REQUEST).finalContent();
      else await client.chat.completions.create(REQUEST);
      await sink.close();
      expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ model: expect.stringContaining('gpt-4.1') });
    },
  );

  test('a record of a response is made at its last event, though its server and the application keep it open', async () => {
    const { client, calls } = captured();
    const stream = await client.responses.create({ model: 'stays', input: 'hello', stream: true });
    for await (const { type } of stream) {
      if (type !== 'response.completed') continue;
      expect(await one(calls)).toMatchObject({ id: 'resp_1', completion: 'billing' });
      break;
    }
  });

  test('an answer over 32 MiB has no record', async () => {
    const { client, calls } = captured();
    const { choices } = await client.chat.completions.create({ ...REQUEST, model: 'huge' });
    expect(choices[0]?.message.content).toHaveLength(HUGE);
    await client.chat.completions.create(REQUEST);
    expect((await one(calls)).completion).toBe('billing');
  });

  test('a record of a completion is a line of a log that can be read', async () => {
    const { client, calls } = captured({ metadata: { feature: 'triage' } });
    await client.chat.completions.create({ ...REQUEST, metadata: { customer: 'c7' } });
    const call = await one(calls);
    expect(call).toMatchObject({
      id: 'chatcmpl-1',
      messages: MESSAGES,
      completion: 'billing',
      model: 'gpt-4.1-2025-04-14',
      usage: { prompt_tokens: 12, completion_tokens: 1 },
      finish_reason: 'stop',
      metadata: { feature: 'triage', customer: 'c7' },
    });
    expect(call.latency_ms).toBeGreaterThan(0);
    expect(Math.abs(Date.parse(call.timestamp) - Date.now())).toBeLessThan(60_000);
    expect(parseLogRow(JSON.parse(JSON.stringify(call)), { file: 'a', line: 1 })).toMatchObject({
      row: { id: 'chatcmpl-1', messages: MESSAGES, completion: 'billing', usage: { promptTokens: 12 } },
      issues: [],
    });
  });

  test('a record of a stream has the whole text, and the usage where it was asked for', async () => {
    const { client, calls } = captured();
    for await (const _ of await client.chat.completions.create({ ...REQUEST, stream: true }));
    expect(await one(calls)).toMatchObject({
      id: 'chatcmpl-2',
      completion: 'billing\n\nrefund é',
      usage: { prompt_tokens: 7, completion_tokens: 3 },
      finish_reason: 'stop',
    });
  });

  test('a stream that broke off, or that the application left, has no record', async () => {
    const { client, calls } = captured();
    const broken = await client.chat.completions.create({ ...REQUEST, model: 'breaks', stream: true });
    await expect(Array.fromAsync(broken)).rejects.toThrow();
    await client.chat.completions.create(REQUEST);
    expect(await one(calls)).toMatchObject({ id: 'chatcmpl-1' });
  });

  test.each([false, true])(
    'a record of a response has instructions and input as messages (streamed: %s)',
    async (stream) => {
      const { client, calls } = captured();
      const input = [{ role: 'user' as const, content: [{ type: 'input_text' as const, text: 'Where is it?' }] }];
      const request = { model: 'gpt-4.1', instructions: 'Name the topic.', input };
      if (stream) for await (const _ of await client.responses.create({ ...request, stream: true }));
      else expect((await client.responses.create(request)).output_text).toBe('billing');
      expect(await one(calls)).toMatchObject({
        id: 'resp_1',
        messages: [
          { role: 'system', content: 'Name the topic.' },
          { role: 'user', content: [{ type: 'text', text: 'Where is it?' }] },
        ],
        completion: 'billing',
        usage: { prompt_tokens: 20, completion_tokens: 2 },
        finish_reason: 'stop',
      });
    },
  );

  test('a record is the result of the redaction, or is dropped by it', async () => {
    const { client, calls } = captured({ redact: (call) => ({ ...call, messages: [] }) });
    await client.chat.completions.create(REQUEST);
    expect((await one(calls)).messages).toEqual([]);
  });

  test('a record is made of the calls that the sample takes', async () => {
    const { client, calls } = captured({ sample: ({ id }) => id.startsWith('resp') });
    await client.chat.completions.create(REQUEST);
    await client.responses.create({ model: 'gpt-4.1', input: 'hello' });
    expect(await one(calls)).toMatchObject({ id: 'resp_1', messages: [{ role: 'user', content: 'hello' }] });
  });

  test('a record is made by clients that are derived from the captured one', async () => {
    const { client, calls } = captured();
    await client.withOptions({ timeout: 5000 }).chat.completions.create(REQUEST);
    expect(await one(calls)).toMatchObject({ id: 'chatcmpl-1' });
  });
});
