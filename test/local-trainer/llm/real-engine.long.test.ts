import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type OpenAI from 'openai';
import { readInstalled, readModel } from '../../../packages/local-trainer/src/llm/engine-folder.ts';
import { readEnvironment } from '../../../src/config/environment.ts';
import { runs, until } from '../../local/processes.ts';
import { clientOf, jsonl, labelled, temporaryFolder } from '../sample-data.ts';

/* A real LLM is trained and served: SmolLM2-135M on this machine's processor. */

const MODEL = 'smollm2-135m';
const SERVER = join(__dirname, '../../../packages/local-trainer/src/server.ts');
const MINUTES = 60_000;
jest.setTimeout(20 * MINUTES);

const engineDir = readEnvironment().engine;
const installed = readInstalled(engineDir) !== undefined && readModel(engineDir, MODEL) !== undefined;
if (!installed) console.warn(`Skipped: no LLM engine in ${engineDir}. Run \`tuneloop engine install\` first.`);
const withEngine = installed ? describe : describe.skip;

interface Running {
  readonly child: ChildProcess;
  readonly client: OpenAI;
}

/** A trainer in a process of its own, so that it can be killed. */
async function start(dir: string): Promise<Running> {
  const script = `
    import { startTrainer } from ${JSON.stringify(SERVER)};
    const trainer = await startTrainer({ dir: ${JSON.stringify(dir)}, engineDir: ${JSON.stringify(engineDir)} });
    console.log(trainer.baseURL);
    process.once('SIGTERM', () => trainer.close());
  `;
  const file = join(dir, 'serve.mjs');
  writeFileSync(file, script);
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [baseURL] = await once(createInterface(child.stdout), 'line');
  return { child, client: clientOf({ baseURL: String(baseURL) }) };
}

async function stop({ child }: Running): Promise<void> {
  child.kill('SIGTERM');
  await once(child, 'exit');
}

async function newJob(client: OpenAI, epochs: number): Promise<string> {
  const file = async (rows: number) =>
    (await client.files.create({ file: new File([jsonl(labelled(rows))], 'rows.jsonl'), purpose: 'fine-tune' })).id;
  const { id } = await client.fineTuning.jobs.create({
    model: MODEL,
    training_file: await file(24),
    validation_file: await file(12),
    seed: 1,
    metadata: { key: 'once' },
    method: {
      type: 'supervised',
      supervised: { hyperparameters: { n_epochs: epochs, batch_size: 4, learning_rate_multiplier: 5 } },
    },
  });
  return id;
}

async function ended(client: OpenAI, id: string): Promise<OpenAI.FineTuning.FineTuningJob> {
  for (;;) {
    const job = await client.fineTuning.jobs.retrieve(id);
    if (job.finished_at !== null) return job;
    await delay(200);
  }
}

async function messagesOf(client: OpenAI, id: string): Promise<string[]> {
  const { data } = await client.fineTuning.jobs.listEvents(id, { limit: 100 });
  return data.map(({ message }) => message).toReversed();
}

async function stepTold(client: OpenAI, id: string, step: number): Promise<void> {
  while (!(await messagesOf(client, id)).some((message) => message.startsWith(`Step ${step}/`))) await delay(200);
}

/** Process ids of the training processes below a process. */
function trainingPids(parent: number | undefined): number[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n');
  const found = lines.map((line) =>
    line
      .trim()
      .split(/\s+/, 2)
      .map(Number)
      .concat(line.includes('tuneloop_trainer.worker') ? 1 : 0),
  );
  return found.filter(([, ppid, trains]) => ppid === parent && trains === 1).map(([pid = 0]) => pid);
}

function adapterHash(dir: string, id: string): string {
  const models = join(dir, 'models', id);
  const last = readdirSync(models)
    .filter((name) => name.startsWith('step-'))
    .toSorted((a, b) => Number(a.slice(5)) - Number(b.slice(5)))
    .at(-1);
  const weights = readFileSync(join(models, last ?? '', 'adapter_model.safetensors'));
  return createHash('sha256').update(weights).digest('hex');
}

withEngine('a real LLM', () => {
  const folder = temporaryFolder();
  const killed = temporaryFolder();
  let untouched: string;

  afterAll(() => {
    folder.remove();
    killed.remove();
  });

  test('learns a task, reports what its answers are worth, and answers', async () => {
    const trainer = await start(folder.dir);
    try {
      const id = await newJob(trainer.client, 2);
      const job = await ended(trainer.client, id);
      expect(job.error).toEqual({});
      const { data } = await trainer.client.fineTuning.jobs.checkpoints.list(id);
      expect(data).toHaveLength(2);
      const answer = await trainer.client.chat.completions.create({
        model: job.fine_tuned_model ?? '',
        messages: [{ role: 'user', content: labelled(1)[0]?.input ?? '' }],
        temperature: 0,
      });
      expect(answer.choices[0]?.message.content).not.toBe('');
      expect(answer.usage?.completion_tokens).toBeGreaterThan(0);
      untouched = adapterHash(folder.dir, id);
    } finally {
      await stop(trainer);
    }
  });

  test('a job whose training process and whose server are killed ends with the same adapter, as one job, and leaves no process', async () => {
    const first = await start(killed.dir);
    const id = await newJob(first.client, 2);
    await stepTold(first.client, id, 2);
    const [pid = 0] = trainingPids(first.child.pid);
    process.kill(pid, 'SIGKILL');
    await stepTold(first.client, id, 6);
    const [second = 0] = trainingPids(first.child.pid);
    expect(second).not.toBe(pid);
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    await until(() => !runs(second), 'the end of the training process', MINUTES);

    const trainer = await start(killed.dir);
    try {
      const job = await ended(trainer.client, id);
      expect(job.error).toEqual({});
      const { data } = await trainer.client.fineTuning.jobs.list({ metadata: { key: 'once' } });
      expect(data.map((each) => each.id)).toEqual([id]);
      expect(adapterHash(killed.dir, id)).toBe(untouched);
    } finally {
      const left = trainingPids(trainer.child.pid);
      await stop(trainer);
      expect(left.some(runs)).toBe(false);
    }
  });
});
