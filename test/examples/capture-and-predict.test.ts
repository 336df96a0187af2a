import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { INSTRUCTIONS, readInbox } from '../../examples/capture-and-predict/application.ts';
import { readPipelineFile } from '../../src/config/pipeline-file.ts';
import { parseTemplates } from '../../src/data/instructions/explicit-template.ts';
import { openSource } from '../../src/sources/open-source.ts';
import { writeAlias } from '../../src/stores/aliases.ts';
import { sampleAlias, servedModel } from '../app/predict/sample-alias.ts';
import { jsonl, trainerWithClient } from '../local-trainer/sample-data.ts';
import { ROOT } from '../setup/cli.ts';

const EXAMPLE = path.join(ROOT, 'examples/capture-and-predict');

let trained: Awaited<ReturnType<typeof trainerWithClient>>;
beforeAll(async () => {
  trained = await trainerWithClient();
});
afterAll(() => trained.remove());

/** Runs one of the programs of the example, as its README does. @returns the lines of its standard output */
async function runProgram(program: string, count: number, log: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [path.join(EXAMPLE, program), String(count)], {
    env: {
      PATH: process.env.PATH,
      OPENAI_BASE_URL: trained.trainer.baseURL,
      OPENAI_API_KEY: 'any',
      CALL_LOG: log,
      TUNELOOP_HOME: path.join(trained.dir, 'home'),
    },
  });
  return stdout.trim().split('\n');
}

test('capture.ts writes a log that its pipeline can read: whole prompts, answers and later corrections', async () => {
  const log = path.join(trained.dir, 'calls.jsonl');
  expect(await runProgram('capture.ts', 3, log)).toHaveLength(3);
  const { source } = await readPipelineFile(path.join(EXAMPLE, 'pipeline.yaml'));
  if (source.type !== 'jsonl') throw new Error('the example reads another kind of log');
  expect(source.path).toBe(path.join(EXAMPLE, 'logs/calls.jsonl'));
  const provider = () => {
    throw new Error('a file needs no provider');
  };
  const { items } = await openSource({ ...source, path: log }, { provider }).read(null, new AbortController().signal);
  const rows = await Array.fromAsync(items);
  expect(rows.filter(({ kind }) => kind === 'row')).toHaveLength(3);
  expect(rows.flatMap((item) => (item.kind === 'actual' ? [item.actual.actual] : []))).toEqual(
    readInbox(3).map(({ team }) => team),
  );
});

test('predict.ts is answered by the original model before a model serves, and by the champion afterwards', async () => {
  const log = path.join(trained.dir, 'predicted.jsonl');
  const before = await runProgram('predict.ts', 2, log);
  expect(before.map((line) => /\((original), local-base, (\d{4}) prompt tokens\)$/.exec(line)?.[1])).toEqual([
    'original',
    'original',
  ]);

  const inbox = readInbox();
  const file = await trained.upload(
    jsonl(inbox.map(({ text, team }) => ({ input: messageIn(text), completion: team }))),
  );
  const job = await trained.client.fineTuning.jobs.create({ model: 'local-mini', training_file: file });
  const { fine_tuned_model: model } = await trained.ended(job.id);
  if (!model) throw new Error('the job gave no model');
  const template = parseTemplates([
    [
      { role: 'system', content: INSTRUCTIONS },
      { role: 'user', content: `${MARKS[0]}{{text}}${MARKS[1]}` },
    ],
  ]);
  const labels = [...new Set(inbox.map(({ team }) => team))];
  await writeAlias(
    path.join(trained.dir, 'home'),
    sampleAlias({
      pipeline: 'capture-and-predict',
      champion: servedModel(model, { template, labels }),
      original: { model: 'local-base', template },
    }),
  );

  const after = await runProgram('predict.ts', 4, log);
  expect(after.map((line) => /\((champion), (\S+), \d{1,3} prompt tokens\)$/.exec(line)?.slice(1))).toEqual(
    Array.from({ length: 4 }, () => ['champion', model]),
  );
  const logged = readFileSync(log, 'utf8').trim().split('\n');
  expect(logged.map((line) => JSON.parse(line).metadata.tuneloop_answered_by)).toEqual([
    ...['original', 'original'],
    ...['champion', 'champion', 'champion', 'champion'],
  ]);
});

/** What stands around each message in the prompt. */
const MARKS = ['Customer message:\n"""\n', '\n"""'] as const;

function messageIn(text: string): string {
  return text.slice(MARKS[0].length, -MARKS[1].length);
}
