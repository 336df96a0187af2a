import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import type { PromptTemplate } from '../../packages/app/src/prompt/prompt-template.ts';
import { readReport, writePromptfoo } from '../../src/client/reports.ts';
import { readEnvironment } from '../../src/config/environment.ts';
import { pipelineSchema } from '../../src/config/pipeline.ts';
import type { Example } from '../../src/core/dataset/row.ts';
import type { Pipeline } from '../../src/core/run/pipeline.ts';
import { planCandidates } from '../../src/core/run/plan.ts';
import type { Report } from '../../src/report/report.ts';
import { writeJson } from '../../src/stores/artifact-store.ts';
import { DatasetVersions } from '../../src/stores/dataset-versions.ts';
import { FileStore } from '../../src/stores/file-store.ts';
import { sampleManifest } from '../data/rows/sample-manifest.ts';
import { sampleReport } from '../report/sample-report.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';

const root = temporaryFolder();
const SAMPLE = sampleReport();
const NAME = 'support';

function pipelineWith(candidates: Partial<Pipeline['candidates']> = {}): Pipeline {
  return pipelineSchema.parse({
    name: NAME,
    task: 'classification',
    source: { type: 'jsonl', path: 'log.jsonl' },
    candidates: { models: ['local-mini'], ...candidates },
  });
}

const recorded = (completion: string, checked = true) => ({ completion, checked });

const EXAMPLES: Example[] = [
  { id: 'a', line: 1, input: 'Where is it?', completion: 'delivery', version: 0, recorded: recorded('refund') },
  { id: 'b', line: 2, input: '{{ env.HOME }}', completion: 'refund', version: 0, recorded: recorded('refund') },
  { id: 'c', line: 3, input: 'unchecked', completion: 'refund', version: 0, recorded: recorded('refund', false) },
];

const TEMPLATE: PromptTemplate = {
  versions: [
    {
      messages: [
        { role: 'system', parts: ['Name the label.'] },
        { role: 'user', parts: ['Text: ', { slot: 0 }] },
      ],
      slots: [{ name: 'input', kind: 'input' }],
      rows: 10,
    },
  ],
};

/** A home whose store has the rows of a run, and the report of that run. */
async function homeWithRun(changes: Partial<Report> = {}) {
  const home = mkdtempSync(path.join(root, 'home-'));
  const artifacts = new FileStore(path.join(home, 'artifacts'));
  const none = await artifacts.write([]);
  const test = await artifacts.write(EXAMPLES.map((example) => JSON.stringify(example)));
  const manifest = await writeJson(
    artifacts,
    sampleManifest({
      examples: { train: none, validation: none, test },
      template: { ref: await writeJson(artifacts, TEMPLATE), versions: 1 },
    }),
  );
  await new DatasetVersions(home).append(NAME, 0, manifest);
  const [candidate] = SAMPLE.candidates;
  if (!candidate) throw new Error('a candidate expected');
  const [planned] = planCandidates(pipelineWith().candidates);
  const won = { ...candidate, ...planned };
  const report: Report = {
    ...SAMPLE,
    pipeline: NAME,
    judgedOn: 'test',
    metric: 'accuracy',
    dataset: { ...SAMPLE.dataset, version: manifest.sha256.slice(0, 16) },
    candidates: [won],
    winner: won.id,
    winnerModel: 'ft:local-mini:a',
    baseline: { ...SAMPLE.baseline, kind: 'recorded', score: 0.5 },
    alternatives: [],
    ...changes,
  };
  return { environment: readEnvironment({ TUNELOOP_HOME: home }), report, folder: path.join(home, 'promptfoo') };
}

/** The variables of each test that was written, as a model or an assertion sees them. */
function varsIn(folder: string): Record<string, unknown>[] {
  const lines = readFileSync(path.join(folder, 'tests.jsonl'), 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const { vars }: { vars: Record<string, string> } = JSON.parse(line);
    return Object.fromEntries(Object.entries(vars).map(([name, value]) => [name, JSON.parse(value)]));
  });
}

describe('report --promptfoo', () => {
  test('report --promptfoo writes the judging rows, with the winner’s prompts and the recorded answers, where these can be scored', async () => {
    const { environment, report, folder } = await homeWithRun();
    await writePromptfoo(folder, report, pipelineWith(), environment);
    expect(varsIn(folder)).toEqual([
      { treated: [{ role: 'user', content: 'Where is it?' }], recorded: 'refund', expected: ['delivery'] },
      { treated: [{ role: 'user', content: '{{ env.HOME }}' }], recorded: 'refund', expected: ['refund'] },
    ]);
  });

  test('report --promptfoo writes all rows with the original prompt for a live baseline', async () => {
    const { environment, report, folder } = await homeWithRun({
      baseline: { ...SAMPLE.baseline, kind: 'live', model: 'gpt-4.1' },
    });
    await writePromptfoo(folder, report, pipelineWith(), environment);
    const tests = varsIn(folder);
    expect(tests.map(({ expected }) => expected)).toEqual([['delivery'], ['refund'], ['refund']]);
    expect(tests[0]?.original).toEqual([
      { role: 'system', content: 'Name the label.' },
      { role: 'user', content: 'Text: Where is it?' },
    ]);
    expect(tests[0]).not.toHaveProperty('recorded');
  });

  test('report --promptfoo gives a winner its instructions, where it was trained with them', async () => {
    const [candidate] = SAMPLE.candidates;
    if (!candidate) throw new Error('a candidate expected');
    const [checkpoint = candidate] = candidate.checkpoints;
    const { environment, report, folder } = await homeWithRun({
      candidates: [{ ...candidate, treatment: 'keep-instructions', checkpoints: [{ ...checkpoint, id: 'won@2' }] }],
      winner: 'won@2',
    });
    await writePromptfoo(folder, report, pipelineWith(), environment);
    expect(varsIn(folder)[0]?.treated).toHaveLength(2);
  });

  test('the files of report --promptfoo are for their owner only, and the config names the server and not a key', async () => {
    const { environment, report, folder } = await homeWithRun();
    const config = await writePromptfoo(folder, report, pipelineWith(), environment);
    for (const file of [config, path.join(folder, 'tests.jsonl')]) expect(statSync(file).mode & 0o077).toBe(0);
    expect(parse(readFileSync(config, 'utf8')).providers[0]).toMatchObject({
      id: 'openai:chat:ft:local-mini:a',
      config: { apiBaseUrl: 'http://127.0.0.1:8484/v1', apiKey: 'none' },
    });
  });

  test('report --promptfoo replaces files that others may read, and keeps them where the new ones cannot be written', async () => {
    const { environment, report, folder } = await homeWithRun();
    const tests = path.join(folder, 'tests.jsonl');
    mkdirSync(folder);
    writeFileSync(tests, 'before', { mode: 0o644 });
    const lost = { ...report, dataset: { ...report.dataset, version: 'f'.repeat(16) } };
    await expect(writePromptfoo(folder, lost, pipelineWith(), environment)).rejects.toThrow(/no dataset version/);
    expect(readdirSync(folder)).toEqual(['tests.jsonl']);
    expect(readFileSync(tests, 'utf8')).toBe('before');
    await writePromptfoo(folder, report, pipelineWith(), environment);
    expect(readdirSync(folder).sort()).toEqual(['promptfooconfig.yaml', 'tests.jsonl']);
    expect(statSync(tests).mode & 0o077).toBe(0);
    expect(varsIn(folder)).toHaveLength(2);
  });

  test.each<[string, Partial<Report>, string, RegExp]>([
    ['without a winner', { winnerModel: null }, 'RUN_NOT_FOUND', /has no winner/],
    [
      'whose rows are not here',
      { dataset: { ...SAMPLE.dataset, version: 'f'.repeat(16) } },
      'DATASET_NOT_FOUND',
      /has no dataset version f{16} in /,
    ],
  ])('report --promptfoo refuses a run %s', async (_what, changes, code, message) => {
    const { environment, report, folder } = await homeWithRun(changes);
    await expect(writePromptfoo(folder, report, pipelineWith(), environment)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });
});

test('a missing report is named by its file', async () => {
  const folder = path.join(root, 'nowhere');
  await expect(readReport('support/1', folder)).rejects.toMatchObject({
    code: 'RUN_NOT_FOUND',
    message: expect.stringContaining(path.join(folder, 'report.json')),
  });
});
