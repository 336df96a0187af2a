import path from 'node:path';
import OpenAI from 'openai';
import { writeAlias } from '../../src/stores/aliases.ts';
import { beginEvents, chunk, completion, event, linesOf, oldPrompt, sampleAlias } from '../gateway/serve/setup.ts';
import { type TinyServer, tinyServer } from '../providers/http-server.ts';
import { Cli, lastJson, temporaryHome, until } from '../setup/cli.ts';

// Processes on a machine that may be busy.
jest.setTimeout(60_000);

let place: ReturnType<typeof temporaryHome>;
let upstream: TinyServer;
let serve: Cli;

beforeEach(async () => {
  place = temporaryHome();
  upstream = await tinyServer();
});
afterEach(async () => {
  serve.child.kill('SIGKILL');
  await serve.ended;
  await upstream.close();
  place.remove();
});

/** Starts `tuneloop serve`, and resolves with its address once it listens. */
async function start(...args: string[]): Promise<string> {
  const env = { TUNELOOP_TRAINER_URL: upstream.baseURL };
  serve = new Cli(place.home, ['serve', '--port', '0', '--json', ...args], env);
  await until(() => serve.stdout.includes('\n') || serve.child.exitCode !== null, 'the address');
  const { stdout, stderr } = serve;
  return lastJson<{ baseURL: string }>({ code: null, stdout, stderr }).baseURL;
}

function ask(baseURL: string, input: string, options: { stream?: boolean } = {}) {
  const client = new OpenAI({ baseURL, apiKey: 'any', maxRetries: 0 });
  return client.chat.completions.create({ model: 'support-triage', messages: oldPrompt(input), ...options });
}

test('SIGTERM during calls loses no answer and no line of the log', async () => {
  const log = path.join(place.home, 'logs', 'calls.jsonl');
  const baseURL = await start('--log', log);
  await writeAlias(place.home, sampleAlias());
  const answers: (() => void)[] = [];
  upstream.answer = () => (response) =>
    answers.push(() =>
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify(completion('ft:tuned', 'crash'))),
    );
  const calls = Array.from({ length: 20 }, (_, index) => ask(baseURL, `it freezes ${index}`));
  await until(() => answers.length === calls.length, 'all calls to be under way');
  serve.child.kill('SIGTERM');
  // It takes no further connection.
  await until(
    () =>
      fetch(new URL('/health', baseURL)).then(
        () => false,
        () => true,
      ),
    'the end of listening',
  );
  expect(serve.child.exitCode).toBeNull();
  for (const answer of answers) answer();
  const models = (await Promise.all(calls)).map((each) => ('model' in each ? each.model : undefined));
  expect(models).toEqual(calls.map(() => 'ft:tuned'));
  expect((await serve.ended).code).toBe(0);
  const lines = linesOf(log).map(({ messages, completion: said }) => [messages[1]?.content, said]);
  expect(lines.sort()).toEqual(calls.map((_, index) => [`Message: it freezes ${index}`, 'crash']).sort());
});

test('a stream that is open at SIGTERM comes to its end', async () => {
  const log = path.join(place.home, 'calls.jsonl');
  process.env.TUNELOOP_TEST_SERVE_KEY = 'sk-any-0123456789';
  const baseURL = await start('--log', log);
  const provider = { profile: 'generic' as const, baseURL: upstream.baseURL, apiKeyEnv: 'TUNELOOP_TEST_SERVE_KEY' };
  await writeAlias(place.home, sampleAlias({ provider }));
  const opened = new Promise<() => void>((resolve) => {
    upstream.answer = () => (response) => {
      beginEvents(response).write(chunk('ft:tuned', 'cra'));
      resolve(() => response.end(chunk('ft:tuned', 'sh') + chunk('ft:tuned', null, 'stop') + event('[DONE]')));
    };
  });
  const client = new OpenAI({ baseURL, apiKey: 'any', maxRetries: 0 });
  const stream = await client.chat.completions.create({
    model: 'support-triage',
    messages: oldPrompt('it freezes'),
    stream: true,
  });
  const finish = await opened;
  serve.child.kill('SIGTERM');
  await until(
    () =>
      fetch(new URL('/health', baseURL)).then(
        () => false,
        () => true,
      ),
    'the end of listening',
  );
  finish();
  const texts: string[] = [];
  for await (const { choices } of stream) texts.push(choices[0]?.delta.content ?? '');
  expect(texts.join('')).toBe('crash');
  expect((await serve.ended).code).toBe(0);
  expect(linesOf(log)).toMatchObject([{ completion: 'crash' }]);
});

test('an unwritable log fails no call, and the gateway counts the missing lines at its end', async () => {
  // A folder of that name.
  const baseURL = await start('--log', place.home);
  await writeAlias(place.home, sampleAlias());
  upstream.answer = ({ body }) => ({ body: completion(JSON.parse(body).model, 'crash') });
  const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => ask(baseURL, `it freezes ${index}`)));
  expect(answers.every((answer) => 'choices' in answer)).toBe(true);
  serve.child.kill('SIGINT');
  expect((await serve.ended).code).toBe(0);
  expect(serve.stderr).toContain(`20 calls are not in ${place.home}`);
});

test('a gateway without a log says what that means, and asks the fallback model where the old log names none', async () => {
  const baseURL = await start('--fallback-model', 'spare-model');
  expect(serve.stderr).toContain('--log');
  const { original } = sampleAlias();
  await writeAlias(place.home, sampleAlias({ champion: null, original: { ...original, model: null } }));
  upstream.answer = ({ body }) => ({ body: completion(JSON.parse(body).model, 'crash') });
  expect(await ask(baseURL, 'it freezes')).toMatchObject({ model: 'spare-model' });
});

test('a port that is taken is named, with advice', async () => {
  const { port } = new URL(await start());
  const second = await new Cli(place.home, ['serve', '--port', port, '--json']).ended;
  expect(second.code).toBe(3);
  expect(lastJson(second)).toMatchObject({ error: { code: 'PORT_TAKEN', message: expect.stringContaining(port) } });
});
