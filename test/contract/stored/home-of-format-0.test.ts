/**
 * A home from before stored objects had a `format` (aliases and reports had one from the beginning). The literals below have
 * the form of that time; they must not be changed.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readAlias } from '../../../packages/app/src/predict/alias-reader.ts';
import { DEFINITION } from '../../../src/config/definition.ts';
import { pipelineSchema } from '../../../src/config/pipeline.ts';
import type { StoredKind } from '../../../src/contract/stored/format.ts';
import { MANIFEST } from '../../../src/contract/stored/manifest.ts';
import { PREDICTION } from '../../../src/contract/stored/prediction.ts';
import { ACTUAL, EXAMPLE, LOG_ROW } from '../../../src/contract/stored/rows.ts';
import { SNAPSHOT } from '../../../src/contract/stored/snapshot.ts';
import { TEMPLATE } from '../../../src/contract/stored/template.ts';
import type { ArtifactRef } from '../../../src/core/run/artifact-ref.ts';
import { DatasetVersions } from '../../../src/stores/dataset-versions.ts';
import { FileStore } from '../../../src/stores/file-store.ts';
import { artifactsFolder } from '../../../src/stores/home.ts';
import { readPastWinners } from '../../../src/stores/past-winners.ts';
import { loadLines, loadStored, saveStored } from '../../../src/stores/stored-objects.ts';
import { temporaryFolder } from '../../stores/temporary-folder.ts';

const home = mkdtempSync(path.join(temporaryFolder(), 'home-'));
const artifacts = new FileStore(artifactsFolder(home));

const SHA = 'a'.repeat(64);
const REF: ArtifactRef = { uri: `sha256:${SHA}`, sha256: SHA, bytes: 10, rows: 1 };
const NONE = { train: 0, validation: 0, test: 0 };

const pipeline = pipelineSchema.parse({
  name: 'support',
  task: 'classification',
  source: { type: 'jsonl', path: '/logs/support.jsonl' },
  candidates: { models: ['local-nano'] },
});
const template = {
  versions: [
    {
      messages: [
        { role: 'system' as const, parts: ['Name the topic.'] },
        { role: 'user' as const, parts: ['Message: ', { slot: 0 }] },
      ],
      slots: [{ name: 'text', kind: 'input' as const }],
      rows: 12,
    },
  ],
};
const snapshot = {
  names: ['support.jsonl'],
  rows: 12,
  segments: [REF],
  actuals: [],
  verdicts: [{ verdict: 'blank-line' as const, rows: 1, places: ['support.jsonl:3'] }],
  cursor: { type: 'jsonl', files: [{ name: 'support.jsonl', bytes: 400 }] },
};
const manifest = {
  pipeline: 'support',
  inputs: SHA,
  parent: null,
  snapshot: REF,
  source: { names: ['support.jsonl'], rows: 12, choice: SHA },
  template: { ref: REF, versions: 1 },
  salt: { version: 1, sha256: SHA },
  split: { validation: 0.15, test: 0.15, by: 'hash' as const, seed: 1 },
  clean: {
    rows: 'lenient' as const,
    instructions: 'auto' as const,
    duplicates: 'exact' as const,
    redact: [],
    phone_region: 'US' as const,
  },
  counts: { train: 8, validation: 2, test: 2 },
  groups: { all: 12, nearDuplicates: 0 },
  labels: { refund: { ...NONE, train: 8 }, __other__: NONE },
  verdicts: [],
  redactions: { email: 2 },
  conflicts: { groups: 1, shown: [{ completions: ['refund', 'crash'], places: ['support.jsonl:1'] }] },
  quarantined: 0,
  warnings: [],
  examples: { train: REF, validation: REF, test: REF },
  files: [{ treatment: 'strip' as const, train: REF, validation: REF }],
  keys: REF,
  ledger: REF,
  tokens: { treated: { strip: { train: 100, request: 9.5 } }, completion: 1, prompt: 60.25 },
};

test.each<[string, StoredKind<unknown>, object]>([
  ['definition', DEFINITION, pipeline],
  ['template', TEMPLATE, template],
  ['snapshot', SNAPSHOT, snapshot],
  ['manifest', MANIFEST, manifest],
])('the %s of format 0 is read as it was written', async (_name, kind, content) => {
  expect(await loadStored(kind, artifacts, await artifacts.write([JSON.stringify(content)]))).toEqual(content);
});

test.each<[string, StoredKind<object>, object]>([
  ['template', TEMPLATE, template],
  ['snapshot', SNAPSHOT, snapshot],
  ['manifest', MANIFEST, manifest],
])('the %s of this version carries its format and is read without it', async (_name, kind, content) => {
  const ref = await saveStored(kind, artifacts, content);
  for await (const row of artifacts.rows(ref)) expect(JSON.parse(row)).toEqual({ format: 1, ...content });
  expect(await loadStored(kind, artifacts, ref)).toEqual(content);
});

test('an object of a newer format is refused by name, with its writer and advice', async () => {
  const ref = await artifacts.write([JSON.stringify({ format: 2, writtenBy: '9.1.0', rows: 'of another form' })]);
  await expect(loadStored(MANIFEST, artifacts, ref)).rejects.toMatchObject({
    code: 'STORED_FORMAT',
    message:
      `${ref.uri} is a manifest of a dataset version of format 2, and this version reads formats 0 to 1: ` +
      'a newer Tuneloop has written it (version 9.1.0): use that version, here and for the workers',
  });
});

test.each<[string, object]>([
  ['format', { ...manifest, format: 'one' }],
  ['tokens', { ...manifest, tokens: undefined }],
  ['labels.secret label', { ...manifest, labels: { 'secret label': { deeper: 1 } } }],
])('a manifest is refused by name where %s is not as Tuneloop writes it', async (key, content) => {
  const ref = await artifacts.write([JSON.stringify(content)]);
  await expect(loadStored(MANIFEST, artifacts, ref)).rejects.toMatchObject({
    code: 'STORED_FORMAT',
    message: expect.stringContaining(key.split('.')[0] ?? ''),
  });
  await expect(loadStored(MANIFEST, artifacts, ref)).rejects.not.toThrow(/secret/);
});

const exampleLine = { id: 'a', line: 1, file: 'support.jsonl', input: 'broken', completion: 'crash', version: 0 };
const lines = [
  [
    'example',
    EXAMPLE,
    { ...exampleLine, recorded: { completion: 'crash', checked: true } },
    { ...exampleLine, input: 1 },
  ],
  ['row of a log', LOG_ROW, { line: 1, id: 'a', messages: [{ role: 'user', content: 'x' }] }, { line: 1, id: 'a' }],
  ['later answer', ACTUAL, { id: 'a', actual: 'crash' }, { id: 'a', actual: 1 }],
  [
    'prediction',
    PREDICTION,
    { index: 0, id: 'a', answer: 'crash', score: 1, invalid: false },
    { index: 0, id: 'a', answer: 'crash', score: null },
  ],
] as const;

test.each(lines)('an %s of format 0 is read, and a line of another form is refused', async (_name, kind, good, bad) => {
  const read = async (values: readonly unknown[]) =>
    Array.fromAsync(
      loadLines<unknown>(kind, artifacts, await artifacts.write(values.map((each) => JSON.stringify(each)))),
    );
  expect(await read([good])).toEqual([good]);
  await expect(read([good, bad])).rejects.toMatchObject({ code: 'STORED_FORMAT' });
  await expect(read([good, null])).rejects.toMatchObject({ code: 'STORED_FORMAT' });
});

function write(name: string, content: unknown): string {
  const file = path.join(home, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(content)}\n`);
  return file;
}

test('the records of format 0 are read', async () => {
  const version = { pipeline: 'support', number: 1, manifest: REF, createdAt: '2026-11-01T00:00:00.000Z' };
  write('datasets/support/000001.json', version);
  expect(await new DatasetVersions(home).list()).toEqual([version]);
  const winner = {
    run: 'support/1',
    wonAt: '2026-11-01T00:00:00.000Z',
    baseModel: 'local-nano',
    hyperparameters: { learningRateMultiplier: 1, epochs: 3 },
    treatment: 'strip',
  };
  write('past-winners/support.json', [winner]);
  expect(await readPastWinners(home, 'support')).toEqual({ winners: [winner], warning: null });
  const alias = {
    format: 1,
    pipeline: 'support',
    task: 'classification',
    decision: 1,
    writtenAt: '2026-11-01T00:00:00.000Z',
    provider: 'local',
    champion: { model: 'ft:1', treatment: 'strip', template, labels: ['refund'], shutdownDate: null },
    canary: null,
    original: { model: 'gpt-4.1', template },
    jsonSchema: null,
    maxOutputTokens: null,
  };
  write('deployments/support/000001.json', alias);
  expect(await readAlias(home, 'support')).toEqual(alias);
});

test('records of a newer format are refused by name', async () => {
  const version = write('datasets/newer/000001.json', { format: 2, writtenBy: '9.1.0' });
  await expect(new DatasetVersions(home).latest('newer')).rejects.toMatchObject({
    code: 'STORED_FORMAT',
    message: expect.stringContaining(`${version} is a dataset version of format 2`),
  });
  const alias = write('deployments/newer/000001.json', { format: 2, writtenBy: '9.1.0' });
  await expect(readAlias(home, 'newer')).rejects.toMatchObject({
    code: 'ALIAS_UNREADABLE',
    message: expect.stringMatching(new RegExp(`^${alias} .*format 2.*9\\.1\\.0`)),
  });
});

test.each([
  [
    'a model without its template',
    { champion: { model: 'ft:1', treatment: 'strip', labels: null, shutdownDate: null } },
  ],
  ['no original prompt', { original: { model: null } }],
  ['a share that is not a number', { canary: { model: 'ft:1', share: '5 %' } }],
])('an alias with %s is refused', async (_what, changes) => {
  const original = { model: null, template };
  const base = { format: 1, pipeline: 'bad', task: 'classification', decision: 1, writtenAt: '', provider: 'local' };
  const rest = { champion: null, canary: null, original, jsonSchema: null, maxOutputTokens: null };
  write('deployments/bad/000001.json', { ...base, ...rest });
  expect(await readAlias(home, 'bad')).toMatchObject({ pipeline: 'bad' });
  write('deployments/bad/000001.json', { ...base, ...rest, ...changes });
  await expect(readAlias(home, 'bad')).rejects.toMatchObject({ code: 'ALIAS_UNREADABLE' });
});
