/**
 * The evaluation of the official Banking77 test rows by this project beside a plain script (`plain-evaluation.ts`), over
 * HTTP against the local trainer, 16 requests in flight: in turns, so that both meet the same load, each in a process of its
 * own with an empty cache. Then the same where the server takes 20 ms longer for each answer, and the memory for ten
 * times as many rows. Only ratios mean something. The last line is JSON.
 *
 *     node bench/evaluation.ts [--rounds 5] [--log FOLDER]
 */
import { execFile, spawn } from 'node:child_process';
import { createReadStream, existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { MockActivityEnvironment } from '@temporalio/testing';
import OpenAI from 'openai';
import { pino } from 'pino';
import { createEvaluate } from '../src/activities/evaluate.ts';
import type { Dependencies } from '../src/activities/support/dependencies.ts';
import { pipelineSchema } from '../src/config/pipeline.ts';
import { readPrices } from '../src/config/prices.ts';
import { percentile } from '../src/core/evaluation/statistics.ts';
import type { EvaluateInput, Evaluations } from '../src/core/run/evaluation.ts';
import { connectProvider } from '../src/providers/connect.ts';
import { writeJson } from '../src/stores/artifact-store.ts';
import { FileStore } from '../src/stores/file-store.ts';
import { sampleManifest } from '../test/data/rows/sample-manifest.ts';

const ROOT = path.join(import.meta.dirname, '..');
const CONCURRENCY = 16;
const TRAINING_ROWS = 2000;
const SLOW_MS = 20;
const TIMES_ROWS = 10;
/** With room to spare Node collects garbage late, and memory would say little. */
const SMALL_HEAP = ['--max-old-space-size=128'];

interface Measured {
  seconds: number;
  score: number | null;
  rssMiB: number;
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    log: { type: 'string', default: path.join(ROOT, '../shared/data/banking77') },
    // The rest is for the processes that this one starts.
    'base-url': { type: 'string' },
    model: { type: 'string', default: '' },
    rows: { type: 'string', default: '' },
  },
});

if (values['base-url'] !== undefined) console.log(JSON.stringify(await evaluateOnce(values['base-url'])));
else if (!existsSync(values.log)) console.log(`skipped: there is no ${values.log}`);
else await compare();

/** One evaluation by the activity that a run uses, in a home of its own. */
async function evaluateOnce(baseURL: string): Promise<Measured> {
  const home = await mkdtemp(path.join(tmpdir(), 'tuneloop-evaluation-'));
  const artifacts = new FileStore(path.join(home, 'artifacts'));
  const provider = connectProvider('local', baseURL);
  const dependencies: Dependencies = {
    artifacts,
    home,
    prices: readPrices(undefined),
    connectProvider: () => provider,
    // Not asked by an evaluation.
    temporal: {} as Dependencies['temporal'],
    monthlyBudgetUsd: null,
    log: pino({ level: 'silent' }),
  };
  const pipeline = pipelineSchema.parse({
    name: 'banking',
    task: 'classification',
    source: { type: 'jsonl', path: 'log.jsonl' },
    candidates: { models: ['local-mini'] },
    evaluation: { concurrency: CONCURRENCY },
  });
  const lines = (await readFile(values.rows, 'utf8')).trim().split('\n');
  const examples = await artifacts.write(lines);
  const labels = Object.fromEntries(
    lines.map((line) => [JSON.parse(line).completion, { train: 1, validation: 0, test: 0 }]),
  );
  const input: EvaluateInput = {
    definition: await writeJson(artifacts, pipeline),
    name: 'test',
    subjects: [
      {
        id: 'tuned',
        kind: 'tuned',
        model: values.model,
        baseModel: 'local-mini',
        treatment: 'strip',
        limitUsd: null,
      },
    ],
    examples,
    template: await writeJson(artifacts, { versions: [] }),
    manifest: await writeJson(artifacts, sampleManifest({ labels })),
    judgeLimitUsd: null,
  };
  const environment = new MockActivityEnvironment({ workflowExecution: { workflowId: 'bench', runId: 'bench' } });
  try {
    const start = performance.now();
    const { results }: Evaluations = await environment.run(createEvaluate(dependencies), input);
    const seconds = (performance.now() - start) / 1000;
    const [result] = results;
    if (!result || !('evaluation' in result)) throw new Error(`no evaluation: ${JSON.stringify(result)}`);
    return { seconds, score: result.evaluation.score, rssMiB: process.resourceUsage().maxRSS / 1024 };
  } finally {
    await rm(home, { recursive: true });
  }
}

async function compare(): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tuneloop-bench-'));
  const trainer = spawn(
    process.execPath,
    [
      path.join(ROOT, 'src/client.ts'),
      'trainer',
      '--port',
      '0',
      '--dir',
      path.join(folder, 'trainer'),
      '--faults',
      '--json',
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  try {
    const [line] = await linesOf(createInterface(trainer.stdout), 1);
    const { baseURL }: { baseURL: string } = JSON.parse(line ?? '');
    const rows = await testRows(folder, 1);
    const model = await tunedModel(baseURL);
    const fast = await inTurns('as fast as the trainer answers', baseURL, model, rows, Number(values.rounds));
    await setLatency(baseURL, SLOW_MS);
    const slow = await inTurns(`${SLOW_MS} ms an answer`, baseURL, model, rows, Math.ceil(Number(values.rounds) / 2));
    await setLatency(baseURL, 0);
    const once = await measured('evaluation.ts', baseURL, model, rows, SMALL_HEAP);
    const tenTimes = await measured('evaluation.ts', baseURL, model, await testRows(folder, TIMES_ROWS), SMALL_HEAP);
    console.log(
      `memory: ${once.rssMiB.toFixed(0)} MiB for the rows, ${tenTimes.rssMiB.toFixed(0)} MiB for ${TIMES_ROWS} times as many`,
    );
    console.log(JSON.stringify({ fast, slow, rssMiB: { once: once.rssMiB, [`times${TIMES_ROWS}`]: tenTimes.rssMiB } }));
    process.exitCode = fast.ratio > 1 || slow.ratio > 1 ? 1 : 0;
  } finally {
    trainer.kill();
    await rm(folder, { recursive: true, maxRetries: 5 });
  }
}

/** Medians of both, and ours as a share of the plain one's. */
async function inTurns(what: string, baseURL: string, model: string, rows: string, rounds: number) {
  const seconds: { ours: number[]; plain: number[] } = { ours: [], plain: [] };
  for (let round = 0; round < rounds; round += 1) {
    const own = await measured('evaluation.ts', baseURL, model, rows);
    const plain = await measured('plain-evaluation.ts', baseURL, model, rows);
    if (own.score !== plain.score) throw new Error(`scores differ: ${own.score} and ${plain.score}`);
    seconds.ours.push(own.seconds);
    seconds.plain.push(plain.seconds);
  }
  const medians = { ours: percentile(seconds.ours, 0.5), plain: percentile(seconds.plain, 0.5) };
  const ratio = medians.ours / medians.plain;
  console.log(
    `${what}: ${medians.ours.toFixed(2)} s, plain script ${medians.plain.toFixed(2)} s, ratio ${ratio.toFixed(2)} (medians of ${rounds})`,
  );
  return { ...medians, ratio };
}

async function measured(
  script: string,
  baseURL: string,
  model: string,
  rows: string,
  nodeOptions: readonly string[] = [],
): Promise<Measured> {
  const args = [path.join(ROOT, 'bench', script), '--base-url', baseURL, '--model', model, '--rows', rows];
  const { stdout } = await promisify(execFile)(process.execPath, [...nodeOptions, ...args]);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

/** The test rows as examples, this many times, each time a little different, so that none is answered from the cache. */
async function testRows(folder: string, times: number): Promise<string> {
  const source = (await readFile(path.join(values.log, 'test.jsonl'), 'utf8')).trim().split('\n');
  const file = path.join(folder, `rows-${times}.jsonl`);
  const rows = Array.from({ length: times }, (_, round) =>
    source.map((line, index) => {
      const { input, label } = JSON.parse(line);
      const text = round === 0 ? input : `${input} ${'?'.repeat(round)}`;
      return JSON.stringify({ id: `${round}-${index}`, line: index, input: text, completion: label });
    }),
  ).flat();
  await writeFile(file, rows.join('\n'));
  return file;
}

/** A model that the trainer has trained on the first rows of the log. */
async function tunedModel(baseURL: string): Promise<string> {
  const openai = new OpenAI({ baseURL, apiKey: 'any' });
  const lines = await linesOf(createInterface(createReadStream(path.join(values.log, 'log.jsonl'))), TRAINING_ROWS);
  const training = lines.map((line) => {
    const { messages, completion } = JSON.parse(line);
    return JSON.stringify({ messages: [messages.at(-1), { role: 'assistant', content: completion }] });
  });
  const file = await openai.files.create({
    file: new File([training.join('\n')], 'train.jsonl'),
    purpose: 'fine-tune',
  });
  const { id } = await openai.fineTuning.jobs.create({ model: 'local-mini', training_file: file.id, seed: 1 });
  for (;;) {
    const job = await openai.fineTuning.jobs.retrieve(id);
    if (job.fine_tuned_model) return job.fine_tuned_model;
    if (job.status === 'failed' || job.status === 'cancelled') throw new Error(`the job has ${job.status}`);
    await delay(100);
  }
}

async function setLatency(baseURL: string, ms: number): Promise<void> {
  const rules = ms === 0 ? [] : [{ endpoint: 'chat', effect: { kind: 'latency', ms } }];
  await fetch(new URL('/_faults', baseURL), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ seed: 1, rules }),
  });
}

async function linesOf(lines: AsyncIterable<string>, count: number): Promise<string[]> {
  const found: string[] = [];
  for await (const line of lines) {
    found.push(line);
    if (found.length === count) break;
  }
  return found;
}
