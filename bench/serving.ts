/**
 * The time of a call through the gateway beside that of a call to the local trainer itself, with the official client: calls
 * take turns, so that both meet the same load. Trainer and gateway are processes of their own, and the gateway writes its log.
 * The trainer gives its answers whole: a streamed call through the gateway is compared with a plain one. Last line: JSON.
 *
 *     node bench/serving.ts [--calls 600]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import OpenAI, { toFile } from 'openai';
import type { PromptTemplate } from '../packages/app/src/prompt/prompt-template.ts';
import { childEnvironment } from '../src/config/environment.ts';
import { percentile } from '../src/core/evaluation/statistics.ts';
import { writeAlias } from '../src/stores/aliases.ts';
import { jobWhen, jsonl, labelled } from '../test/local-trainer/sample-data.ts';

const { values } = parseArgs({ options: { calls: { type: 'string', default: '600' } } });
const calls = Number(values.calls);
const WARM_UP = 50;
const IN_FLIGHT = 16;
const ROUNDS = 4;

const home = await mkdtemp(path.join(tmpdir(), 'tuneloop-serving-'));
const stops: (() => Promise<unknown>)[] = [];

/** Starts a command that serves, and returns its address. */
async function start(args: string[], env: Record<string, string> = {}): Promise<string> {
  const child = spawn(process.execPath, ['src/client.ts', ...args, '--port', '0', '--json'], {
    env: childEnvironment({ TUNELOOP_HOME: home, ...env }),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  stops.unshift(async () => {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
  });
  for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line).baseURL;
  throw new Error(`${args[0]} has not started`);
}

function clientOf(baseURL: string): OpenAI {
  return new OpenAI({ baseURL, apiKey: 'local', maxRetries: 0 });
}

async function train(client: OpenAI): Promise<string> {
  const file = await toFile(Buffer.from(jsonl(labelled(300))), 'train.jsonl');
  const { id } = await client.files.create({ file, purpose: 'fine-tune' });
  const job = await client.fineTuning.jobs.create({ model: 'local-mini', training_file: id });
  const { fine_tuned_model } = await jobWhen(client, job.id, ({ status }) => status === 'succeeded');
  if (fine_tuned_model === null) throw new Error('the job has left no model');
  return fine_tuned_model;
}

const INSTRUCTIONS = `${'You sort messages of customers. '.repeat(40)}\nAnswer with billing, crash or delivery.\n\nMessage: `;
const template: PromptTemplate = {
  versions: [
    {
      messages: [{ role: 'user', parts: [INSTRUCTIONS, { slot: 0 }] }],
      slots: [{ name: 'input', kind: 'input' }],
      rows: 1,
    },
  ],
};

async function measure() {
  const trainerUrl = await start(['trainer']);
  const trainer = clientOf(trainerUrl);
  const model = await train(trainer);
  await writeAlias(home, {
    format: 1,
    pipeline: 'bench',
    task: 'classification',
    decision: 1,
    writtenAt: new Date().toISOString(),
    provider: 'local',
    champion: { model, treatment: 'strip', template, labels: ['billing', 'crash', 'delivery'], shutdownDate: null },
    canary: null,
    original: { model: 'local-base', template },
    jsonSchema: null,
    maxOutputTokens: null,
  });
  const log = path.join(home, 'calls.jsonl');
  const gateway = clientOf(await start(['serve', '--log', log], { TUNELOOP_TRAINER_URL: trainerUrl }));

  const inputs = labelled(calls, 2).map(({ input }) => input);
  const direct = (content: string) => trainer.chat.completions.create({ model, messages: [{ role: 'user', content }] });
  const whole = (content: string) =>
    gateway.chat.completions.create({ model: 'bench', messages: [{ role: 'user', content: INSTRUCTIONS + content }] });
  const streamed = async (content: string) => {
    const messages = [{ role: 'user' as const, content: INSTRUCTIONS + content }];
    for await (const _ of await gateway.chat.completions.create({ model: 'bench', messages, stream: true }));
  };
  const kinds = { direct, whole, streamed };
  const names = ['direct', 'whole', 'streamed'] as const;

  const times: Record<keyof typeof kinds, number[]> = { direct: [], whole: [], streamed: [] };
  for (const [index, input] of [...inputs.slice(0, WARM_UP), ...inputs].entries()) {
    for (const name of names) {
      const begin = performance.now();
      await kinds[name](input);
      if (index >= WARM_UP) times[name].push(performance.now() - begin);
    }
  }
  const seconds: Record<keyof typeof kinds, number> = { direct: 0, whole: 0, streamed: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of names) {
      const waiting = inputs.slice(Math.floor((round * calls) / ROUNDS), Math.floor(((round + 1) * calls) / ROUNDS));
      const begin = performance.now();
      const work = async () => {
        for (let input = waiting.pop(); input !== undefined; input = waiting.pop()) await kinds[name](input);
      };
      await Promise.all(Array.from({ length: IN_FLIGHT }, work));
      seconds[name] += (performance.now() - begin) / 1000;
    }
  }
  return names.map((name) => ({
    name,
    p50Ms: percentile(times[name], 0.5),
    addedP50Ms: percentile(times[name], 0.5) - percentile(times.direct, 0.5),
    addedP95Ms: percentile(times[name], 0.95) - percentile(times.direct, 0.95),
    perSecond: calls / seconds[name],
    throughputRatio: seconds.direct / seconds[name],
  }));
}

try {
  const figures = await measure();
  for (const { name, p50Ms, addedP50Ms, addedP95Ms, perSecond, throughputRatio } of figures) {
    const added = name === 'direct' ? '' : `, added p50 ${addedP50Ms.toFixed(2)} ms, p95 ${addedP95Ms.toFixed(2)} ms`;
    const rate = `${perSecond.toFixed(0)} calls/s with ${IN_FLIGHT} in flight (${throughputRatio.toFixed(2)} x direct)`;
    console.log(`${name.padEnd(8)} p50 ${p50Ms.toFixed(2)} ms${added}; ${rate}`);
  }
  console.log(JSON.stringify({ calls, figures }));
} finally {
  for (const stop of stops) await stop();
  await rm(home, { recursive: true, force: true });
}
