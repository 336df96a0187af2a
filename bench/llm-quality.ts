/**
 * What an LLM learns on this machine, beside the n-gram models: test scores of the untuned model with the original prompt (free, and held to
 * labels or a schema), of the n-gram model, and of the tuned LLM with inputs only, by seed; seconds an epoch and peak memory.
 *
 * Usage: node bench/llm-quality.ts SET [--seeds 1,2,3] [--epochs 3] [--rate 2.5] [--test ROWS] [--skip base|ngram|llm ...]
 * SET: triage, banking77, e2e or json. Needs the engine: `tuneloop engine install`. Prints a JSON line a result.
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startTrainer } from '@tuneloop/local-trainer';
import OpenAI, { toFile } from 'openai';
import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions';
import pMap from 'p-map';
import { answerScore } from '../packages/local-trainer/src/llm/row-accuracy.ts';
import { readEnvironment } from '../src/config/environment.ts';
import { TEXT_METRICS } from '../src/scoring/metrics/index.ts';
import { ComparedTexts } from '../src/scoring/metrics/metric.ts';
import { type LlmSet, type Row, readSet, SET_NAMES } from './llm-sets.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '1,2,3' },
    epochs: { type: 'string', default: '3' },
    rate: { type: 'string', default: '2.5' },
    test: { type: 'string' },
    model: { type: 'string', default: 'smollm2-135m' },
    skip: { type: 'string', multiple: true, default: [] },
  },
});
const name = SET_NAMES.find((each) => each === positionals[0]);
if (name === undefined) throw new Error(`name a set: ${SET_NAMES.join(', ')}`);
const set = readSet(name);
const test = values.test === undefined ? set.test : set.test.slice(0, Number(values.test));
const dir = await mkdtemp(path.join(tmpdir(), 'tuneloop-llm-quality-'));
const trainer = await startTrainer({ dir, engineDir: readEnvironment().engine });
const client = new OpenAI({ baseURL: trainer.baseURL, apiKey: 'local', maxRetries: 0, timeout: 600_000 });
try {
  if (!values.skip.includes('base')) {
    await measure('base, original prompt, free', values.model, set.prompt);
    if (set.constraint !== undefined)
      await measure('base, original prompt, constrained', values.model, set.prompt, set.constraint);
  }
  if (!values.skip.includes('ngram')) await measureTuned('local-base', 1, { n_epochs: 4 });
  if (!values.skip.includes('llm')) {
    const hyperparameters = { n_epochs: Number(values.epochs), learning_rate_multiplier: Number(values.rate) };
    for (const seed of values.seeds.split(',').map(Number)) await measureTuned(values.model, seed, hyperparameters);
  }
} finally {
  await trainer.close();
  rmSync(dir, { recursive: true, force: true });
}

async function measureTuned(base: string, seed: number, hyperparameters: object): Promise<void> {
  const [training, validation] = await Promise.all([upload(set.training), upload(set.validation)]);
  const begun = performance.now();
  const { id } = await client.fineTuning.jobs.create({
    model: base,
    training_file: training,
    validation_file: validation,
    seed,
    method: { type: 'supervised', supervised: { hyperparameters } },
  });
  let peak = 0;
  for (;;) {
    const job = await client.fineTuning.jobs.retrieve(id);
    peak = Math.max(peak, peakOfChildren());
    if (job.status === 'succeeded') {
      const seconds = (performance.now() - begun) / 1000;
      const points = await client.fineTuning.jobs.checkpoints.list(id);
      const validationScores = points.data.toReversed().map(({ metrics }) => metrics.full_valid_mean_token_accuracy);
      await measure(
        `${base}, tuned, inputs only`,
        job.fine_tuned_model ?? '',
        (input) => [{ role: 'user', content: input }],
        undefined,
        {
          seed,
          ...hyperparameters,
          trainingSeconds: Math.round(seconds),
          validationScores,
          peakMiBOfProcesses: Math.round(peak / 1024),
        },
      );
      return;
    }
    if (job.status === 'failed' || job.status === 'cancelled') throw new Error(`${id}: ${JSON.stringify(job.error)}`);
    await delay(500);
  }
}

async function upload(rows: readonly Row[]): Promise<string> {
  const lines = rows.map(({ input, expected: [answer] }) => {
    const messages = [
      { role: 'user', content: input },
      { role: 'assistant', content: answer },
    ];
    return `${JSON.stringify({ messages })}\n`;
  });
  const file = await client.files.create({
    file: await toFile(Buffer.from(lines.join('')), 'rows.jsonl'),
    purpose: 'fine-tune',
  });
  return file.id;
}

async function measure(
  what: string,
  model: string,
  prompt: (input: string) => ChatCompletionMessageParam[],
  constraint: object = {},
  more: object = {},
): Promise<void> {
  const begun = performance.now();
  const scores = await pMap(
    test,
    async ({ input, expected }) => {
      const answer = await client.chat.completions.create({
        model,
        messages: prompt(input),
        temperature: 0,
        max_tokens: 120,
        ...constraint,
      });
      return scoreOf(set.kind, answer.choices[0]?.message.content ?? '', expected);
    },
    { concurrency: 2 },
  );
  const score = scores.reduce((sum, each) => sum + each, 0) / scores.length;
  const seconds = (performance.now() - begun) / 1000;
  console.log(
    JSON.stringify({
      set: name,
      what,
      score: Number(score.toFixed(4)),
      rows: scores.length,
      answerMs: Math.round((seconds * 1000) / scores.length),
      ...more,
    }),
  );
}

/** Labels and JSON: right or not, JSON by value. Texts: the best ROUGE-L of the references. */
function scoreOf(kind: LlmSet['kind'], answer: string, expected: readonly string[]): number {
  if (kind !== 'text') return answerScore(expected[0] ?? '', answer) === 1 ? 1 : 0;
  if (expected.includes(answer)) return 1;
  return TEXT_METRICS.rouge_l.score(new ComparedTexts(answer, expected));
}

/** KiB that the child processes of this one held at most, together, since they started. Zero where /proc is missing. */
function peakOfChildren(): number {
  let sum = 0;
  for (const entry of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    try {
      const status = readFileSync(`/proc/${entry}/status`, 'utf8');
      if (Number(/^PPid:\s*(\d+)/m.exec(status)?.[1]) !== process.pid) continue;
      sum += Number(/^VmHWM:\s*(\d+)/m.exec(status)?.[1] ?? 0);
    } catch {
      // It has ended meanwhile.
    }
  }
  return sum;
}
