/**
 * Serving of LLMs on a CPU: memory and requests a second of nine adapters, side by side with a plain loop of node-llama-cpp; and
 * with --transformers, how many greedy answers are those of Transformers.
 *
 *   NODE_PATH=<node_modules with node-llama-cpp> node bench/llm-serving.ts \
 *     --base <models/smollm2-135m> --adapters <folder of folders with adapter.gguf> --rows <file of chat rows, JSON lines> \
 *     [--requests 40] [--threads 1] [--transformers <python> --most 150]
 *
 * `--base` is a folder with `base.gguf` and `transformers/`. A row is {"messages": [..., {"role": "assistant", ...}]}.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { AnswerRequest } from '../packages/local-trainer/src/engine.ts';
import { readChatTemplate } from '../packages/local-trainer/src/llm/serving/chat-template.ts';
import { findLlama } from '../packages/local-trainer/src/llm/serving/find-llama.ts';
import type { LlamaPackage } from '../packages/local-trainer/src/llm/serving/llama-types.ts';
import { LlmServing } from '../packages/local-trainer/src/llm/serving/serving.ts';

interface Row {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
}

const { values } = parseArgs({
  options: {
    base: { type: 'string' },
    adapters: { type: 'string' },
    rows: { type: 'string' },
    requests: { type: 'string', default: '40' },
    threads: { type: 'string', default: '1' },
    sequences: { type: 'string', default: '4' },
    transformers: { type: 'string' },
    most: { type: 'string', default: '150' },
  },
});
const given = (name: 'base' | 'adapters' | 'rows') => {
  const value = values[name];
  if (value === undefined) throw new Error(`--${name} is missing: see the head of bench/llm-serving.ts`);
  return resolve(value);
};
const threads = Number(values.threads);
const base = { name: 'base', gguf: join(given('base'), 'base.gguf'), folder: join(given('base'), 'transformers') };
const adapters = readdirSync(given('adapters'))
  .map((name) => join(given('adapters'), name))
  .slice(0, 9);
const rows = readFileSync(given('rows'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Row);
const MOST_TOKENS = 64;

if (values.transformers === undefined) await compareWithLoop(Number(values.requests));
else await compareWithTransformers(values.transformers, rows.slice(0, Number(values.most)));

function requestOf(row: Row): AnswerRequest {
  return {
    messages: row.messages.filter(({ role }) => role !== 'assistant'),
    mostTokens: MOST_TOKENS,
    temperature: 0,
    topP: 1,
    seed: undefined,
    stop: [],
    constraint: undefined,
    topLogprobs: undefined,
  };
}

async function answerOf(serving: LlmServing, adapter: string, row: Row): Promise<string> {
  const parts = serving.model(base, adapter).answer(requestOf(row), new AbortController().signal);
  let text = '';
  for (;;) {
    const { value, done } = await parts.next();
    if (done === true) return text;
    text += value.text;
  }
}

async function compareWithLoop(requests: number): Promise<void> {
  const serving = new LlmServing({ threads, adapters: 9, sequences: Number(values.sequences) });
  const first = rows[0] as Row;
  for (const adapter of adapters) await answerOf(serving, adapter, first);
  console.log(`${adapters.length} adapters served: ${megabytes(serving.pids[0] as number)} MB`);
  const one = adapters[0] as string;
  // In turn, because the load of a machine changes.
  for (let round = 1; round <= 3; round += 1) {
    const plain = await plainLoop(one, requests);
    const served = await perSecond(requests, 1, (row) => answerOf(serving, one, row));
    const eight = await perSecond(requests, 8, (row) => answerOf(serving, one, row));
    const mixed = await perSecond(requests, 8, (row, at) =>
      answerOf(serving, adapters[at % adapters.length] as string, row),
    );
    console.log(
      `round ${round}, requests a second: plain loop ${plain.toFixed(2)}, served one at a time ${served.toFixed(2)} ` +
        `(${(served / plain).toFixed(2)} of it), 8 in flight ${eight.toFixed(2)}, 8 in flight over all adapters ${mixed.toFixed(2)}`,
    );
  }
  await serving.close();
}

async function perSecond(
  requests: number,
  inFlight: number,
  work: (row: Row, at: number) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const start = performance.now();
  const lane = async () => {
    while (next < requests) {
      const at = next++;
      await work(rows[at % rows.length] as Row, at);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return requests / ((performance.now() - start) / 1000);
}

/** What a program that uses node-llama-cpp by itself would do: one context, whose shared beginning is kept. */
async function plainLoop(adapter: string, requests: number): Promise<number> {
  const { getLlama } = (await import(findLlama())) as LlamaPackage;
  const llama = await getLlama({ gpu: false, build: 'never', maxThreads: threads, logLevel: 'error' });
  const model = await llama.loadModel({ modelPath: base.gguf });
  const lora = { adapters: [{ filePath: join(adapter, 'adapter.gguf') }] };
  const context = await model.createContext({ contextSize: 2048, sequences: 1, lora });
  const sequence = context.getSequence();
  const render = readChatTemplate(base.folder);
  const rate = await perSecond(requests, 1, async (row) => {
    const tokens = model.tokenize(render(requestOf(row).messages), true);
    const same = Math.min(sequence.compareContextTokens(tokens).firstDifferentIndex, tokens.length - 1);
    await sequence.eraseContextTokenRanges([{ start: same, end: sequence.nextTokenIndex }]);
    const written: number[] = [];
    const options = { temperature: 0, topP: 1, topK: 0, seed: 1 };
    for await (const { token } of sequence.evaluateWithMetadata(tokens.slice(same), {}, options)) {
      if (model.isEogToken(token) || written.push(token) >= MOST_TOKENS) break;
    }
    return model.detokenize(written, false);
  });
  await context.dispose();
  await model.dispose();
  await llama.dispose();
  return rate;
}

async function compareWithTransformers(python: string, asked: readonly Row[]): Promise<void> {
  const [adapter] = adapters;
  const serving = new LlmServing({ threads });
  const ours: string[] = [];
  for (const row of asked) ours.push(await answerOf(serving, adapter as string, row));
  await serving.close();
  const theirs = transformersAnswers(python, adapter as string, asked);
  const expected = asked.map(({ messages }) => messages.at(-1)?.content.trim());
  const right = (answers: readonly string[]) => answers.filter((text, at) => text.trim() === expected[at]).length;
  const equal = ours.filter((text, at) => text === theirs[at]).length;
  const onlyOurs = ours.filter(
    (text, at) => text.trim() === expected[at] && theirs[at]?.trim() !== expected[at],
  ).length;
  const onlyTheirs = ours.filter(
    (text, at) => text.trim() !== expected[at] && theirs[at]?.trim() === expected[at],
  ).length;
  console.log(
    `${equal} of ${asked.length} answers are equal; right: ${right(ours)} served, ${right(theirs)} in Transformers`,
  );
  console.log(
    `where they differ, the served one alone is right ${onlyOurs} times, that of Transformers ${onlyTheirs} times`,
  );
}

function transformersAnswers(python: string, adapter: string, asked: readonly Row[]): string[] {
  const program = `
import json, sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from peft import PeftModel
torch.set_num_threads(${Math.max(1, threads)})
folder, adapter = sys.argv[1:3]
tokenizer = AutoTokenizer.from_pretrained(folder)
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), adapter).eval()
end = tokenizer.convert_tokens_to_ids("<|im_end|>")
for line in sys.stdin:
    text = tokenizer.apply_chat_template(json.loads(line), tokenize=False, add_generation_prompt=True)
    ids = tokenizer(text, return_tensors="pt", add_special_tokens=False)
    with torch.no_grad():
        out = model.generate(**ids, max_new_tokens=${MOST_TOKENS}, do_sample=False, eos_token_id=end, pad_token_id=end)
    print(json.dumps(tokenizer.decode(out[0, ids["input_ids"].shape[1]:], skip_special_tokens=True)), flush=True)
`;
  const input = asked.map((row) => JSON.stringify(requestOf(row).messages)).join('\n');
  const { stdout, stderr, status } = spawnSync(python, ['-c', program, base.folder, adapter], {
    input,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env: {
      ...process.env,
      HF_HUB_OFFLINE: '1',
      CUDA_VISIBLE_DEVICES: '',
      OMP_NUM_THREADS: String(Math.max(1, threads)),
    },
  });
  if (status !== 0) throw new Error(`Transformers failed: ${stderr.slice(-500)}`);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as string);
}

function megabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
}
