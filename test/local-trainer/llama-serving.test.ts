import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type OpenAI from 'openai';
import type { ChatCompletionCreateParamsNonStreaming } from 'openai/resources/chat/completions';
import { findLlama } from '../../packages/local-trainer/src/llm/serving/find-llama.ts';
import { LlmServing } from '../../packages/local-trainer/src/llm/serving/serving.ts';
import { chatApp, isAlive, refusal } from './chat-app.ts';
import { TINY_CONTEXT, writeTinyAdapter, writeTinyModel } from './tiny-llm.ts';

function installed(): boolean {
  try {
    return findLlama() !== '';
  } catch {
    console.warn('Skipped: node-llama-cpp is not installed; CONTRIBUTING.md says how these tests are run.');
    return false;
  }
}

const withLlama = installed() ? describe : describe.skip;
const messages = [{ role: 'user' as const, content: 'Where is my parcel?' }];
// What the types of the official client do not know.
const choose = (choice: readonly string[]) => ({ structured_outputs: { choice } }) as object;

withLlama('llama.cpp behind chat completions', () => {
  let dir: string;
  let serving: LlmServing;
  let app: Awaited<ReturnType<typeof chatApp>>;
  let client: OpenAI;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'tuneloop-llama-'));
    const base = writeTinyModel(join(dir, 'base'));
    serving = new LlmServing({ threads: 1, adapters: 2, sequences: 2 });
    const folders = new Map([1, 2, 3].map((n) => [`tuned-${n}`, writeTinyAdapter(join(dir, `a${n}`), n)]));
    app = await chatApp(dir, (name) => serving.model(base, folders.get(name) ?? null));
    client = app.client;
  });
  afterAll(async () => {
    await app.close();
    await serving.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const ask = (changes: Partial<ChatCompletionCreateParamsNonStreaming> & object = {}) =>
    client.chat.completions.create({ model: 'tiny', messages, temperature: 0, max_tokens: 12, ...changes });
  const answer = async (changes: object = {}) => (await ask(changes)).choices[0]?.message.content;

  test('an answer counts the tokens of the rendered prompt, and those of it that were kept from an earlier request', async () => {
    // <|im_start|>user\n...<|im_end|>\n<|im_start|>assistant\n, a token a byte and one for each special text
    const prompt = 1 + 'user\n'.length + 'Where is my parcel?'.length + 2 + 1 + 'assistant\n'.length;
    await ask();
    const { usage, choices } = await ask();
    expect(choices[0]?.finish_reason).toBe('length');
    expect(usage).toMatchObject({ prompt_tokens: prompt, completion_tokens: 12, total_tokens: prompt + 12 });
    expect(usage?.prompt_tokens_details?.cached_tokens).toBe(prompt - 1);
  });

  test('an answer is one of the listed choices, with any characters in them', async () => {
    for (const choice of ['say "yes"', 'ça\nva\\', '𝒳]|["'])
      expect(await answer({ ...choose([choice]), max_tokens: 40 })).toBe(choice);
    expect(['refund', 'refund request']).toContain(
      await answer({ ...choose(['refund', 'refund request']), max_tokens: 40 }),
    );
  });

  test('an answer follows a JSON schema, and ends where its value does', async () => {
    const schema = {
      type: 'object',
      properties: { label: { enum: ['a', 'b'] } },
      required: ['label'],
      additionalProperties: false,
    };
    const format = { type: 'json_schema' as const, json_schema: { name: 'label', schema } };
    const { choices } = await ask({ response_format: format, max_tokens: 200 });
    expect(JSON.parse(choices[0]?.message.content ?? '')).toEqual({ label: expect.stringMatching(/^[ab]$/) });
    expect(choices[0]?.finish_reason).toBe('stop');
  });

  test('a rule of a schema that cannot be kept is refused by name', async () => {
    const schema = { type: 'object', properties: { n: { type: 'number', minimum: 3 } } };
    const error = await refusal(ask({ response_format: { type: 'json_schema', json_schema: { name: 'n', schema } } }));
    expect(error).toMatchObject({ status: 400, code: 'invalid_json_schema' });
    expect(error.message).toContain('schema.properties.n.minimum');
  });

  test('a stream gives the text of the whole answer, and the usage where it is asked for', async () => {
    const whole = await ask();
    const stream = await client.chat.completions.create({
      ...{ model: 'tiny', messages, temperature: 0, max_tokens: 12 },
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let pieces = 0;
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of stream) {
      const piece = chunk.choices[0]?.delta.content ?? '';
      if (piece !== '') pieces++;
      text += piece;
      usage = chunk.usage;
    }
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(pieces).toBeGreaterThan(1);
    expect(usage).toMatchObject({ completion_tokens: 12 });
  });

  test('the same seed gives the same answer, and another seed another', async () => {
    const [one, same, other] = [
      await answer({ temperature: 1, seed: 3 }),
      await answer({ temperature: 1, seed: 3 }),
      await answer({ temperature: 1, seed: 4 }),
    ];
    expect(same).toBe(one);
    expect(other).not.toBe(one);
  });

  test('an answer ends before a stop text', async () => {
    const choice = choose(['one two three']);
    const { choices } = await ask({ ...choice, stop: ['two'], max_tokens: 40 });
    expect(choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'one ' } });
  });

  test('log probabilities are those of the distribution before the temperature', async () => {
    const content = async (changes: object) =>
      (await ask({ logprobs: true, top_logprobs: 20, max_tokens: 1, ...changes })).choices[0]?.logprobs?.content?.[0];
    const greedy = await content({});
    expect(greedy?.top_logprobs[0]?.logprob).toBe(greedy?.logprob);
    const total = greedy?.top_logprobs.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0) ?? 0;
    expect(total).toBeLessThanOrEqual(1.0001);
    const warm = await content({ temperature: 1.7, seed: 1 });
    expect(warm?.top_logprobs[0]?.logprob).toBeCloseTo(greedy?.top_logprobs[0]?.logprob ?? 0, 3);
  });

  test('a request over the context is refused before it is answered', async () => {
    const long = [{ role: 'user' as const, content: 'x'.repeat(TINY_CONTEXT) }];
    expect(await refusal(ask({ messages: long }))).toMatchObject({ status: 400, code: 'context_length_exceeded' });
  });

  test('an answer that outgrows its context goes on in a larger one', async () => {
    const { usage } = await ask({ ...choose(['ab'.repeat(400)]), max_tokens: 900 });
    expect(usage?.completion_tokens).toBe(800);
  });

  test('each adapter answers in its own way, also after others have taken its place in memory', async () => {
    const first = await Promise.all(['tuned-1', 'tuned-2', 'tuned-3'].map((model) => answer({ model })));
    expect(new Set([...first, await answer()]).size).toBe(4);
    for (const n of [1, 2, 3]) expect(await answer({ model: `tuned-${n}` })).toBe(first[n - 1]);
  });

  test('requests beyond the sequences of a context wait, and all are answered', async () => {
    const alone = await answer();
    expect(new Set(await Promise.all(Array.from({ length: 6 }, () => answer())))).toEqual(new Set([alone]));
  });

  test('a request whose client has gone makes room for others', async () => {
    const gone = new AbortController();
    const long = ['tuned-2', 'tuned-2'].map((model) =>
      client.chat.completions
        .create({ ...choose(['ab'.repeat(700)]), model, messages }, { signal: gone.signal })
        .catch(() => 'gone'),
    );
    await delay(50);
    gone.abort();
    expect(await Promise.all(long)).toEqual(['gone', 'gone']);
    expect(await answer({ model: 'tuned-2' })).toBeDefined();
  });

  test('after its process was killed the requests in flight get a 503, and the next one is answered by a new process', async () => {
    const before = await answer();
    const [pid] = serving.pids;
    const lost = refusal(ask({ ...choose(['ab'.repeat(700)]), max_tokens: 1500 }));
    await delay(50);
    process.kill(pid as number, 'SIGKILL');
    expect(await lost).toMatchObject({ status: 503, code: 'serving_process_ended' });
    expect(await answer()).toBe(before);
    expect(serving.pids).not.toEqual([pid]);
  });

  test('its process ends with the trainer, even where that is killed', async () => {
    const sources = join(__dirname, '../../packages/local-trainer/src/llm/serving');
    const code = `import { LlmServing } from '${sources}/serving.ts';
      const base = { name: 'tiny', gguf: '${join(dir, 'base', 'base.gguf')}', folder: '${join(dir, 'base')}' };
      const serving = new LlmServing({ threads: 1 });
      const request = { messages: [{ role: 'user', content: 'x' }], mostTokens: 1, temperature: 0, topP: 1, stop: [] };
      for await (const _ of serving.model(base, null).answer(request, new AbortController().signal));
      console.log(serving.pids[0]);
      process.stdout.write('', () => process.kill(process.pid, 'SIGKILL'));`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
    const pid = Number(stdout);
    expect(pid).toBeGreaterThan(0);
    const deadline = Date.now() + 20_000;
    while (isAlive(pid) && Date.now() < deadline) await delay(20);
    expect(isAlive(pid)).toBe(false);
  });
});
