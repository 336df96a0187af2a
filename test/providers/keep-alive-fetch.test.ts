import { createServer, type Server, type ServerResponse } from 'node:http';
import { keepAliveFetch } from '../../src/providers/keep-alive-fetch.ts';
import { rejection } from './http-server.ts';

let server: Server;
let url: string;
let connections: number;
let answer: (body: string, response: ServerResponse) => void;
let received: { method: string | undefined; headers: Record<string, unknown>; body: string }[];

beforeEach(async () => {
  connections = 0;
  received = [];
  answer = (_body, response) => response.end('{}');
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      received.push({ method: request.method, headers: request.headers, body });
      answer(body, response);
    });
  });
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('no port');
  url = `http://127.0.0.1:${address.port}/v1/chat/completions`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const post = (body: string, init: RequestInit = {}) => keepAliveFetch()(url, { method: 'POST', body, ...init });

test('a text is posted with its headers, and the answer read whole', async () => {
  answer = (_body, response) => {
    response.writeHead(201, { 'content-type': 'application/json', 'x-twice': ['a', 'b'] });
    response.write('{"text":"Zw');
    response.end(Buffer.from('ölf"}'));
  };
  const response = await post('{"ö":1}', {
    headers: { authorization: 'Bearer k', 'content-type': 'application/json' },
  });
  expect(received).toEqual([
    {
      method: 'POST',
      body: '{"ö":1}',
      headers: expect.objectContaining({ authorization: 'Bearer k', 'content-type': 'application/json' }),
    },
  ]);
  expect({ status: response.status, ok: response.ok }).toEqual({ status: 201, ok: true });
  expect(response.headers.get('x-twice')).toBe('a, b');
  expect(await response.json()).toEqual({ text: 'Zwölf' });
  expect(await response.text()).toBe('{"text":"Zwölf"}');
});

test('characters that are cut between two packets arrive whole', async () => {
  const text = 'ß€😀'.repeat(1000);
  answer = (_body, response) => {
    for (const byte of [...Buffer.from(text)].slice(0, 100)) response.write(Buffer.from([byte]));
    response.end(Buffer.from(text).subarray(100));
  };
  expect(await (await post('x')).text()).toBe(text);
});

test('requests one after another share a connection, those at the same time do not', async () => {
  const fetchKept = keepAliveFetch();
  const ask = () => fetchKept(url, { method: 'POST', body: 'x' });
  for (let index = 0; index < 5; index += 1) await ask();
  expect(connections).toBe(1);
  await Promise.all([ask(), ask(), ask()]);
  expect(connections).toBe(3);
});

test.each([204, 304, 404, 429, 500])('a status of %i is an answer and no error', async (status) => {
  answer = (_body, response) => response.writeHead(status).end(status > 400 ? 'why' : undefined);
  const response = await post('x');
  expect(response.status).toBe(status);
  expect(response.ok).toBe(status === 204);
  expect(await response.text()).toBe(status > 400 ? 'why' : '');
});

test('a redirect is not followed, because the key would be sent along', async () => {
  answer = (_body, response) => response.writeHead(307, { location: url }).end();
  expect((await post('x')).status).toBe(307);
  expect(received).toHaveLength(1);
});

test('a signal ends a request that hangs, and one that has fired before prevents it', async () => {
  const controller = new AbortController();
  answer = () => controller.abort();
  expect(await rejection(post('x', { signal: controller.signal }))).toMatchObject({ name: 'AbortError' });
  expect(await rejection(post('x', { signal: controller.signal }))).toMatchObject({ name: 'AbortError' });
  expect(received).toHaveLength(1);
});

test('nothing is left on a signal that outlives the request', async () => {
  const { signal } = new AbortController();
  const listeners = new Set<unknown>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (type: string, listener: () => void) => {
    listeners.add(listener);
    add(type, listener);
  };
  signal.removeEventListener = (type: string, listener: () => void) => {
    listeners.delete(listener);
    remove(type, listener);
  };
  await post('x', { signal });
  answer = (_body, response) => response.destroy();
  await rejection(post('x', { signal }));
  expect(listeners.size).toBe(0);
});

test.each<[string, (response: ServerResponse) => void]>([
  ['before the answer', (response) => response.destroy()],
  [
    'in the middle of the answer',
    (response) => {
      response.writeHead(200, { 'content-length': 100 }).write('half');
      setImmediate(() => response.destroy());
    },
  ],
])('a connection that breaks %s is an error with a code', async (_when, breakIt) => {
  answer = (_body, response) => breakIt(response);
  expect(await rejection(post('x'))).toMatchObject({ code: 'ECONNRESET' });
});

test('any other request goes to the built-in fetch', async () => {
  const get = await keepAliveFetch()(url);
  expect([get.status, received[0]?.method]).toEqual([200, 'GET']);
  const form = new FormData();
  form.set('purpose', 'fine-tune');
  await keepAliveFetch()(url, { method: 'POST', body: form });
  expect(received[1]?.body).toContain('fine-tune');
});
