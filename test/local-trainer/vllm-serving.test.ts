import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LlmServing } from '../../packages/local-trainer/src/llm/serving/serving.ts';
import { chatApp, isAlive, refusal } from './chat-app.ts';

let dir: string;
let serving: LlmServing;
let app: Awaited<ReturnType<typeof chatApp>>;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'tuneloop-vllm-'));
  const base = { name: 'big', gguf: null, folder: join(dir, 'base') };
  mkdirSync(base.folder);
  const python = join(dir, 'python');
  writeFileSync(python, `#!/bin/sh\nexec "${process.execPath}" "${join(__dirname, 'fake-vllm.ts')}" "$@"\n`);
  chmodSync(python, 0o755);
  for (const name of ['one', 'two', 'three']) {
    mkdirSync(join(dir, name));
    writeFileSync(join(dir, name, 'adapter_config.json'), '{}');
  }
  process.env.SECRET_OF_THE_TRAINER = 'x';
  serving = new LlmServing({ adapters: 2, vllm: { python } });
  app = await chatApp(dir, (name) => serving.model(base, name === 'big' ? null : join(dir, name)));
});
afterAll(async () => {
  delete process.env.SECRET_OF_THE_TRAINER;
  await app.close();
  await serving.close();
  rmSync(dir, { recursive: true, force: true });
});

const ask = (model: string, content = 'hello', changes: object = {}) =>
  app.client.chat.completions.create({ model, messages: [{ role: 'user', content }], ...changes });
const started = () => JSON.parse(readFileSync(join(dir, 'base', 'started.json'), 'utf8'));

test('vLLM listens on the loopback interface only, with a key, and gets no secret of the trainer', async () => {
  await ask('big');
  const { port, arguments: given, variables } = started();
  expect(given).toEqual(expect.arrayContaining(['--host', '127.0.0.1', '--enable-lora']));
  expect(variables).not.toContain('SECRET_OF_THE_TRAINER');
  expect((await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, { method: 'POST' })).status).toBe(401);
});

test('a request reaches vLLM with the fields that are known and no others', async () => {
  const { choices, usage } = await ask('big', 'hello', {
    temperature: 0.5,
    seed: 3,
    stop: ['x'],
    max_tokens: 9,
    use_beam_search: true,
  });
  expect(JSON.parse(choices[0]?.message.content ?? '')).toEqual({
    ...{
      model: 'big',
      messages: [{ role: 'user', content: 'hello' }],
      temperature: 0.5,
      top_p: 1,
      seed: 3,
      stop: ['x'],
    },
    ...{ max_completion_tokens: 9, stream: true, stream_options: { include_usage: true }, path: null },
  });
  expect(usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 2 } });
});

test('adapters are loaded when they are called, and unloaded when others need the room', async () => {
  for (const name of ['one', 'two', 'three', 'one']) {
    const { choices } = await ask(name);
    expect(JSON.parse(choices[0]?.message.content ?? '').path).toBe(join(dir, name));
  }
});

test('a forgotten adapter is read anew at the next call', async () => {
  await ask('one');
  await serving.forget(join(dir, 'one'));
  expect((await ask('one')).choices[0]?.finish_reason).toBe('stop');
});

test('an adapter that vLLM cannot read is an error that says why', async () => {
  const error = await refusal(ask('missing'));
  expect(error.status).toBe(500);
  expect(error.message).toContain('No adapter found');
});

test('a list of choices reaches vLLM as structured_outputs.choice', async () => {
  const { choices } = await ask('big', 'hello', { structured_outputs: { choice: ['billing', 'refund'] } });
  expect(choices[0]?.message.content).toBe('billing');
});

test('a stream of vLLM is passed on', async () => {
  const stream = await app.client.chat.completions.create({
    model: 'big',
    messages: [{ role: 'user', content: 'hi' }],
    stream: true,
  });
  const pieces: string[] = [];
  for await (const chunk of stream) pieces.push(chunk.choices[0]?.delta.content ?? '');
  expect(pieces.filter((piece) => piece !== '').length).toBe(2);
  expect(JSON.parse(pieces.join('')).model).toBe('big');
});

test('a context that is too small is named as OpenAI does', async () => {
  expect(await refusal(ask('big', 'too long'))).toMatchObject({ status: 400, code: 'context_length_exceeded' });
});

test('requests at a vLLM that ends get a 503, and the next one is answered by a new server', async () => {
  const { pid } = started();
  const waiting = refusal(ask('big', 'hang'));
  // The first part of the other answer has arrived once this one is there.
  await ask('big');
  expect(await refusal(ask('big', 'die'))).toMatchObject({ status: 503, code: 'serving_process_ended' });
  expect(await waiting).toMatchObject({ status: 503 });
  expect((await ask('one')).choices[0]?.finish_reason).toBe('stop');
  expect(started().pid).not.toBe(pid);
});

test('vLLM ends with the trainer, even where that is killed', async () => {
  const { pid } = started();
  const code = `import { VllmProcess } from '${join(__dirname, '../../packages/local-trainer/src/llm/serving/vllm-process.ts')}';
    await VllmProcess.start(process.argv[1], 'big', { python: process.argv[2], adapters: 1 });
    process.kill(process.pid, 'SIGKILL');`;
  spawnSync(process.execPath, ['--input-type=module', '-e', code, join(dir, 'base'), join(dir, 'python')]);
  const orphan = started().pid;
  expect(orphan).not.toBe(pid);
  const deadline = Date.now() + 10_000;
  while (isAlive(orphan) && Date.now() < deadline) await delay(20);
  expect(isAlive(orphan)).toBe(false);
});

test('closing ends vLLM', async () => {
  await ask('big');
  const [shell] = serving.pids;
  await serving.close();
  expect(isAlive(shell as number)).toBe(false);
});
