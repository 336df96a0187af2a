import { readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import path from 'node:path';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { sign } from '../../../src/contract/webhook-signature.ts';
import { type Receiver, type ReceiverOptions, startReceiver } from '../../../src/gateway/webhooks/receiver.ts';
import { temporaryHome } from '../../setup/cli.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const { home: folder, remove } = temporaryHome();
let receiver: Receiver;
let heard: string[] = [];
let log = '';
/** The behaviour of the receiver of a handed-on job. */
let hear: ReceiverOptions['onJobEnded'];

const start = () =>
  startReceiver({
    port: 0,
    folder,
    secret: SECRET,
    onJobEnded: (jobId) => hear(jobId),
    log: pino(
      new Writable({
        write: (line: Buffer, _encoding, done) => {
          log += line.toString('utf8');
          done();
        },
      }),
    ),
  });

beforeEach(async () => {
  heard = [];
  log = '';
  hear = async (jobId) => {
    heard.push(jobId);
    return 1;
  };
  receiver = await start();
});
afterEach(async () => {
  await receiver.close();
  rmSync(path.join(folder, 'deliveries.txt'), { force: true });
});
afterAll(remove);

let deliveries = 0;
const event = (type = 'fine_tuning.job.succeeded', id: unknown = 'ftjob-plumtree') =>
  JSON.stringify({ id: 'evt_1', object: 'event', created_at: 1, type, data: { id } });

/** A delivery as the provider makes it, with a new id each time. */
function delivery(body = event(), { at = new Date(), secret = SECRET, id = `wh_${++deliveries}` } = {}) {
  return { body, headers: { 'content-type': 'application/json', ...sign(body, { id, at, secret }) } };
}

async function post({ body, headers }: { body: string | Uint8Array<ArrayBuffer>; headers: Record<string, string> }) {
  const response = await fetch(receiver.url, { method: 'POST', body, headers });
  return { status: response.status, ...((await response.json()) as { result?: string; error?: string }) };
}

test.each(['succeeded', 'failed', 'cancelled'])('a job that has %s is handed on, once', async (end) => {
  expect(await post(delivery(event(`fine_tuning.job.${end}`)))).toEqual({ status: 200, result: 'woke' });
  expect(heard).toEqual(['ftjob-plumtree']);
});

test('a repeated delivery has no effect, also after a restart', async () => {
  const repeated = delivery();
  await post(repeated);
  expect(await post(repeated)).toEqual({ status: 200, result: 'repeated' });
  await receiver.close();
  receiver = await start();
  expect(await post(repeated)).toEqual({ status: 200, result: 'repeated' });
  expect(heard).toHaveLength(1);
  // Signed anew, as a provider does it that had no answer.
  const again = delivery(repeated.body, { id: repeated.headers['webhook-id'], at: new Date(Date.now() + 5000) });
  expect(await post(again)).toEqual({ status: 200, result: 'repeated' });
  expect(heard).toHaveLength(1);
});

test('a delivery that comes twice at once has one effect', async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  hear = (jobId) => {
    heard.push(jobId);
    ask();
    return promise;
  };
  const twice = delivery();
  const first = post(twice);
  await asked;
  const second = post(twice);
  // The second one is there when a third one, that comes after it, was answered.
  expect((await post(delivery(event('other')))).status).toBe(200);
  resolve(1);
  expect([(await first).status, (await second).status]).toEqual([200, 200]);
  expect(heard).toHaveLength(1);
});

test('a delivery that could not be handed on is asked for again, and then has its effect', async () => {
  const hears = hear;
  hear = () => Promise.reject(new Error('the server does not answer'));
  const delivered = delivery();
  expect((await post(delivered)).status).toBe(503);
  await receiver.close();
  receiver = await start();
  hear = hears;
  expect(await post(delivered)).toEqual({ status: 200, result: 'woke' });
  expect(await post(delivered)).toEqual({ status: 200, result: 'repeated' });
  expect(heard).toHaveLength(1);
});

test.each<[string, () => ReturnType<typeof delivery>]>([
  ['forged', () => delivery(event(), { secret: `whsec_${Buffer.alloc(32, 8).toString('base64')}` })],
  ['altered', () => ({ ...delivery(), body: event('fine_tuning.job.failed') })],
  ['six minutes old', () => delivery(event(), { at: new Date(Date.now() - 360_000) })],
  ['six minutes early', () => delivery(event(), { at: new Date(Date.now() + 360_000) })],
  ['not signed', () => ({ body: event(), headers: { 'content-type': 'application/json' } as never })],
])('a delivery that is %s is refused, and not remembered', async (_, make) => {
  const forged = make();
  expect((await post(forged)).status).toBe(401);
  expect(heard).toEqual([]);
  const id = forged.headers['webhook-id'];
  if (id) expect((await post(delivery(event(), { id }))).result).toBe('woke');
});

test('events of other kinds are taken and ignored', async () => {
  expect(await post(delivery(event('batch.completed', 'batch_1')))).toEqual({ status: 200, result: 'ignored' });
  expect(await post(delivery('{"type":"something.new"}'))).toEqual({ status: 200, result: 'ignored' });
  expect(heard).toEqual([]);
});

test.each([
  '',
  'no JSON',
  '[]',
  'null',
  '{"type":7}',
  '{"type":"fine_tuning.job.failed"}',
  event('fine_tuning.job.failed', 7),
  event('fine_tuning.job.failed', 'ftjob-1" OR ExecutionStatus = "Running'),
  event('fine_tuning.job.failed', 'ftjob-1\n'),
  event('fine_tuning.job.failed', `ftjob-${'1'.repeat(200)}`),
])('%j is no event, though it is signed', async (body) => {
  expect((await post(delivery(body))).status).toBe(400);
  expect(heard).toEqual([]);
});

test('a body of 64 KiB is read, one byte more is refused, whether its length is declared or not', async () => {
  const padded = (bytes: number) => delivery('{"type":"other"}'.padEnd(bytes));
  expect((await post(padded(64 * 1024))).status).toBe(200);
  expect((await post(padded(64 * 1024 + 1))).status).toBe(413);
  const { body, headers } = padded(64 * 1024 + 1);
  const status = await new Promise((resolve, reject) => {
    const chunked = request(receiver.url, { method: 'POST', headers }, (response) => {
      resolve(response.statusCode);
      response.resume();
    });
    chunked.on('error', reject);
    for (let start = 0; start < body.length; start += 1000) chunked.write(body.slice(start, start + 1000));
    chunked.end();
  });
  expect(status).toBe(413);
});

test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', ''])(
  'content of type %j is refused, though it is signed',
  async (type) => {
    const { body, headers } = delivery();
    // As bytes: for a text `fetch` would say a type of its own.
    const { 'content-type': _, ...untyped } = headers;
    const sent = type === '' ? untyped : { ...untyped, 'content-type': type };
    expect([415, 401]).toContain((await post({ body: new TextEncoder().encode(body), headers: sent })).status);
    expect(heard).toEqual([]);
  },
);

test('a content type may name its charset', async () => {
  const { body, headers } = delivery();
  expect(
    (await post({ body, headers: { ...headers, 'content-type': 'application/json; charset=utf-8' } })).status,
  ).toBe(200);
});

test('other methods and other paths are refused', async () => {
  const { headers, body } = delivery();
  for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
    const response = await fetch(receiver.url, { method, headers, ...(method === 'GET' ? {} : { body }) });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('POST');
  }
  expect((await fetch(`${receiver.url}/other`, { method: 'POST', headers, body })).status).toBe(404);
  expect(heard).toEqual([]);
});

test('a sender that does not finish is cut off', async () => {
  const socket = connect(Number(new URL(receiver.url).port), '127.0.0.1');
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  socket.on('close', () => resolve()).on('error', () => {});
  socket.resume();
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{');
  await closed;
});

test('neither bodies nor secrets nor signatures are logged or remembered', async () => {
  const body = JSON.stringify({ ...JSON.parse(event()), note: 'mirabelle' });
  const good = delivery(body);
  await post(good);
  await post({ ...good, body: `${body} ` });
  hear = () => Promise.reject(new Error('no'));
  await post(delivery(body));
  expect(log).toContain('ftjob-plumtree');
  for (const text of [log, readFileSync(path.join(folder, 'deliveries.txt'), 'utf8')]) {
    expect(text).not.toContain('mirabelle');
    expect(text).not.toContain(SECRET.slice(6, 20));
    expect(text).not.toContain(good.headers['webhook-signature'].slice(3));
  }
});

test('two receivers do not share a folder', async () => {
  await expect(start()).rejects.toMatchObject({ code: 'LOCKED', message: expect.stringContaining(folder) });
});

test('a taken port is an error, and the folder is free again', async () => {
  const other = temporaryHome();
  const taken = Number(new URL(receiver.url).port);
  const options = { folder: other.home, secret: SECRET, onJobEnded: hear, log: pino({ level: 'silent' }) };
  await expect(startReceiver({ ...options, port: taken })).rejects.toMatchObject({ code: 'PORT_TAKEN' });
  await (await startReceiver({ ...options, port: 0 })).close();
  other.remove();
});
