import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { Client } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import OpenAI from 'openai';
import { pino } from 'pino';
import { createNotify } from '../../src/activities/notify.ts';
import type { Dependencies } from '../../src/activities/support/dependencies.ts';
import { pipelineSchema } from '../../src/config/pipeline.ts';
import type { Notification } from '../../src/core/deployment/notification.ts';
import { writeJson } from '../../src/stores/artifact-store.ts';
import { FileStore } from '../../src/stores/file-store.ts';
import { isAlive } from '../../src/stores/services-file.ts';
import { failureOf } from '../setup/activity-bench.ts';
import { temporaryHome, until } from '../setup/cli.ts';
import { STACK_PRICES } from '../setup/stack.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const SECRET_VARIABLE = 'TUNELOOP_TEST_NOTIFY_SECRET';
const MESSAGE: Notification = {
  id: 'support-triage-7',
  type: 'approval.needed',
  pipeline: 'support-triage',
  run: 'support-triage/20261123-081530-042',
  model: 'ft:local-nano:shop::1',
  decision: 7,
  at: '2026-11-23T08:15:30.000Z',
  text: 'A winner waits – ünïcode too.',
  command: 'tuneloop approve support-triage',
};

const { home, remove } = temporaryHome();
const artifacts = new FileStore(home);
const dependencies: Dependencies = {
  artifacts,
  home,
  prices: STACK_PRICES,
  connectProvider: () => {
    throw new Error('nobody is asked');
  },
  temporal: {} as Client,
  monthlyBudgetUsd: null,
  log: pino({ level: 'silent' }),
};

// The tests cause failures, so nothing is logged.
const newEnvironment = () => new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });

/** One attempt. */
async function notify(
  to: object | undefined,
  { message = MESSAGE, limits, environment = newEnvironment() }: Options = {},
): Promise<void> {
  const pipeline = pipelineSchema.parse({
    name: 'support-triage',
    task: 'classification',
    source: { type: 'jsonl', path: 'log.jsonl' },
    candidates: { models: ['local-nano'] },
    ...(to ? { notify: to } : {}),
  });
  const definition = await writeJson(artifacts, pipeline);
  const activity = limits ? createNotify(dependencies, limits) : createNotify(dependencies);
  return environment.run(activity, { definition, message });
}

interface Options {
  message?: Notification;
  limits?: { answerMs: number; commandMs: number };
  environment?: MockActivityEnvironment;
}

beforeAll(() => {
  process.env[SECRET_VARIABLE] = SECRET;
});
afterAll(() => {
  delete process.env[SECRET_VARIABLE];
  remove();
});

test('without a receiver no message is sent', async () => {
  await notify(undefined);
});

describe('an address', () => {
  let server: Server;
  let got: { headers: IncomingHttpHeaders; body: string; path: string | undefined }[] = [];
  let answer: (response: ServerResponse) => void;
  const to = (suffix = '') => {
    const { port } = server.address() as AddressInfo;
    return { url: `http://127.0.0.1:${port}/hooks/plumtree${suffix}`, secretEnv: SECRET_VARIABLE };
  };
  const answers = (status: number, headers: Record<string, string> = {}) => {
    answer = (response) => response.writeHead(status, headers).end('mirabelle');
  };

  beforeAll(async () => {
    server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request.setEncoding('utf8')) body += chunk;
      got.push({ headers: request.headers, body, path: request.url });
      answer(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    got = [];
    answers(204);
  });

  test('an address gets the message, signed so that any library of Standard Webhooks can verify it', async () => {
    await notify(to());
    const [request] = got;
    if (!request) throw new Error('nothing came');
    const { webhooks } = new OpenAI({ apiKey: 'any' });
    expect(await webhooks.unwrap(request.body, request.headers as Record<string, string>, SECRET)).toEqual(MESSAGE);
    expect(request.headers).toMatchObject({ 'content-type': 'application/json', 'webhook-id': MESSAGE.id });
  });

  test('an address gets the same id each time, also where the run id holds forbidden characters', async () => {
    const message = { ...MESSAGE, id: 'support-triage/7.1' };
    await notify(to(), { message });
    await notify(to(), { message });
    expect(got.map(({ headers }) => headers['webhook-id'])).toEqual(['support-triage_7_1', 'support-triage_7_1']);
  });

  test.each([200, 201, 204])('an address that answers %i has the message', async (status) => {
    answers(status);
    await notify(to());
  });

  test.each([
    [301, true],
    [307, true],
    [400, true],
    [401, true],
    [404, true],
    [410, true],
    [408, false],
    [429, false],
    [500, false],
    [503, false],
  ])('an address that answers %i is given up: %s', async (status, nonRetryable) => {
    answers(status, { location: to('/elsewhere').url });
    const failure = await failureOf(notify(to()));
    expect(failure).toMatchObject({ type: 'WEBHOOK_REFUSED', nonRetryable });
    expect(got).toHaveLength(1);
    // Its path may be secret, and its content may be anything.
    expect(String(failure)).toMatch(new RegExp(`127\\.0\\.0\\.1:\\d+ refused a notification: HTTP ${status}`));
    expect(String(failure)).not.toMatch(/plumtree|mirabelle/);
  });

  test('an address that does not listen, closes at once, or does not answer, is tried again', async () => {
    const nobody = createServer();
    await new Promise<void>((resolve) => nobody.listen(0, '127.0.0.1', resolve));
    const { port } = nobody.address() as AddressInfo;
    await new Promise((resolve) => nobody.close(resolve));
    const passing = { type: 'WEBHOOK_REFUSED', nonRetryable: false };
    const url = `http://127.0.0.1:${port}/`;
    expect(await failureOf(notify({ ...to(), url }))).toMatchObject({
      ...passing,
      message: expect.stringContaining('ECONNREFUSED'),
    });
    answer = (response) => response.socket?.resetAndDestroy();
    expect(await failureOf(notify(to()))).toMatchObject(passing);
    answer = () => {};
    const limits = { answerMs: 50, commandMs: 50 };
    expect(await failureOf(notify(to(), { limits }))).toMatchObject({
      ...passing,
      message: expect.stringContaining('TimeoutError'),
    });
  });

  test('an address is not waited for when the work is cancelled', async () => {
    const environment = newEnvironment();
    answer = () => environment.cancel();
    expect(await failureOf(notify(to(), { environment }))).toBeInstanceOf(CancelledFailure);
  });

  test.each([undefined, 'plumtree', 'whsec_AAAA'])('an address gets nothing where the secret is %j', async (secret) => {
    const variable = 'TUNELOOP_TEST_OTHER_SECRET';
    if (secret !== undefined) process.env[variable] = secret;
    try {
      const failure = await failureOf(notify({ ...to(), secretEnv: variable }));
      expect(failure).toMatchObject({ code: 'ENVIRONMENT_INVALID', message: expect.stringContaining(variable) });
      expect(String(failure)).not.toMatch(/plumtree|AAAA/);
      expect(got).toEqual([]);
    } finally {
      delete process.env[variable];
    }
  });
});

describe('a command', () => {
  const file = (name: string) => path.join(home, name);
  /** A program that runs a script, with files of this test as its arguments. */
  const script = (code: string, ...args: string[]) => ({ command: [process.execPath, '-e', code, ...args] });
  const fs = `const fs = require('node:fs');`;
  const readText = (name: string) => readFile(file(name), 'utf8').catch(() => '');

  test('a command gets the message as its standard input, and its arguments unchanged', async () => {
    await notify(script(`${fs} fs.writeFileSync(process.argv[1], fs.readFileSync(0))`, file('$(in put)')));
    expect(JSON.parse(await readText('$(in put)'))).toEqual(MESSAGE);
  });

  test('a command knows where programs are, and no key of the worker', async () => {
    process.env.TUNELOOP_TEST_KEY = 'plumtree';
    try {
      await notify(script(`${fs} fs.writeFileSync(process.argv[1], JSON.stringify(process.env))`, file('env')));
    } finally {
      delete process.env.TUNELOOP_TEST_KEY;
    }
    const env: Record<string, string> = JSON.parse(await readText('env'));
    expect(env.PATH).toBe(process.env.PATH);
    const known = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'SystemRoot'];
    expect(Object.keys(env).filter((name) => !known.includes(name))).toEqual([]);
    expect(JSON.stringify(env)).not.toContain('plumtree');
    expect(JSON.stringify(env)).not.toContain(SECRET);
  });

  test('a command need not read the message', async () => {
    const message = { ...MESSAGE, text: 'x'.repeat(1_000_000) };
    await notify(script('process.exit(0)'), { message });
  });

  test('a command that fails is tried again, and the end of its output is reported without credentials', async () => {
    const code = `
      console.log('first words' + 'x'.repeat(2000));
      console.error('api_key=sk-abcdefgh12345678 was refused');
      process.exit(3);`;
    const failure = await failureOf(notify(script(code)));
    expect(failure).toMatchObject({ type: 'WEBHOOK_REFUSED', nonRetryable: false });
    expect(String(failure)).toMatch(/ended with exit code 3: .*was refused$/s);
    expect(String(failure)).not.toMatch(/first words|sk-abcd/);
    expect(String(failure).length).toBeLessThan(800);
  });

  test('a command that writes without end needs no more memory', async () => {
    const code = `const line = Buffer.alloc(1 << 20, 'x'); for (let i = 0; i < 64; i++) require('node:fs').writeSync(1, line); process.exit(1)`;
    expect(String(await failureOf(notify(script(code)))).length).toBeLessThan(800);
  });

  test('a missing command is not tried again', async () => {
    expect(await failureOf(notify({ command: [file('nowhere')] }))).toMatchObject({
      type: 'WEBHOOK_REFUSED',
      nonRetryable: true,
      message: expect.stringMatching(/cannot be started \(ENOENT\): check notify\.command/),
    });
    writeFileSync(file('no-program'), 'x', { mode: 0o600 });
    expect(await failureOf(notify({ command: [file('no-program')] }))).toMatchObject({ nonRetryable: true });
  });

  /** Writes its own process id and that of a child, and ends with neither of them on its own. */
  const STUBBORN = `
    ${fs}
    process.on('SIGTERM', () => {});
    const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
    setInterval(() => {}, 1000);
    fs.writeFileSync(process.argv[1], process.pid + ' ' + child.pid);`;
  const pidsIn = async (name: string) => (await readText(name)).split(' ').map(Number);

  test('a command that takes too long is ended with all that it has started, and tried again', async () => {
    const limits = { answerMs: 1000, commandMs: 1000 };
    const failure = await failureOf(notify(script(STUBBORN, file('late')), { limits }));
    expect(failure).toMatchObject({ type: 'WEBHOOK_REFUSED', nonRetryable: false });
    expect(String(failure)).toMatch(/took longer than 1 s/);
    const pids = await pidsIn('late');
    expect(pids).toHaveLength(2);
    await until(() => !pids.some(isAlive), 'the end of both');
  });

  test('a command is ended with all that it has started when the work is cancelled', async () => {
    const environment = newEnvironment();
    const ended = failureOf(notify(script(STUBBORN, file('cancelled')), { environment }));
    await until(async () => (await pidsIn('cancelled')).length === 2, 'a command that runs');
    environment.cancel();
    expect(await ended).toBeInstanceOf(CancelledFailure);
    const pids = await pidsIn('cancelled');
    await until(() => !pids.some(isAlive), 'the end of both');
  });

  test('a program that a command leaves behind with its output open is not waited for', async () => {
    const code = `
      const { spawn } = require('node:child_process');
      const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit', detached: true });
      ${fs} fs.writeFileSync(process.argv[1], String(child.pid));
      child.unref();
      process.exit(0);`;
    await notify(script(code, file('left')));
    process.kill(Number(await readText('left')), 'SIGKILL');
  });
});
