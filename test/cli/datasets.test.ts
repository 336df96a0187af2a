import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { PromptTemplate } from '../../packages/app/src/prompt/prompt-template.ts';
import { diffDatasets, listDatasets, showDataset } from '../../src/cli/datasets.ts';
import type { DatasetVersion } from '../../src/contract/stored/dataset-version.ts';
import type { Manifest } from '../../src/core/dataset/manifest.ts';
import { SIDE_CODES, type Side } from '../../src/core/dataset/side.ts';
import { keyLines } from '../../src/data/split/version-diff.ts';
import { writeJson } from '../../src/stores/artifact-store.ts';
import { DatasetVersions } from '../../src/stores/dataset-versions.ts';
import { FileStore } from '../../src/stores/file-store.ts';
import { keysOf } from '../data/rows/rows-with-keys.ts';
import { sampleManifest } from '../data/rows/sample-manifest.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';

const root = temporaryFolder();
let home: string;
let before: string | undefined;
beforeEach(() => {
  before = process.env.TUNELOOP_HOME;
  home = mkdtempSync(path.join(root, 'home-'));
  process.env.TUNELOOP_HOME = home;
});
afterEach(() => {
  if (before === undefined) delete process.env.TUNELOOP_HOME;
  else process.env.TUNELOOP_HOME = before;
});

type Examples = Record<string, readonly [Side, number]>;

const store = () => new FileStore(path.join(home, 'artifacts'));

/** Appends a version whose artifacts are there. */
async function addVersion(examples: Examples, changes: Partial<Manifest> = {}): Promise<DatasetVersion> {
  const artifacts = store();
  const sides = Object.values(examples).map(([side]) => side);
  const count = (side: Side) => sides.filter((each) => each === side).length;
  const lines = keyLines({
    keys: keysOf(Object.keys(examples)),
    sides: Uint8Array.from(sides, (side) => SIDE_CODES[side]),
    answers: Object.values(examples).map(([, answer]) => answer * 2 ** 20),
  });
  const write = (side: string) => artifacts.write([side]);
  const ref = await writeJson(artifacts, 'something');
  const { template } = sampleManifest();
  const manifest = sampleManifest({
    counts: { train: count('train'), validation: count('validation'), test: count('test') },
    examples: { train: await write('train'), validation: await write('validation'), test: await write('test') },
    files: [{ treatment: 'strip', train: await write('upload'), validation: ref }],
    keys: await artifacts.write(lines),
    ledger: ref,
    snapshot: ref,
    template: { ...template, ref: await writeJson(artifacts, templateOf('Sort this: ')) },
    ...changes,
  });
  const versions = new DatasetVersions(home);
  const previous = (await versions.latest(manifest.pipeline))?.number ?? 0;
  return versions.append(manifest.pipeline, previous, await writeJson(artifacts, manifest));
}

/** The output of a command, and its exit code. */
async function output(command: () => Promise<number>): Promise<{ code: number; text: string }> {
  const write = process.stdout.write;
  let text = '';
  process.stdout.write = (chunk: string | Uint8Array) => {
    text += chunk;
    return true;
  };
  try {
    return { code: await command(), text };
  } finally {
    process.stdout.write = write;
  }
}

async function textOf(command: () => Promise<number>): Promise<string> {
  const { code, text } = await output(command);
  expect(code).toBe(0);
  return text;
}

const jsonOf = async (command: () => Promise<number>) => JSON.parse(await textOf(command));
function templateOf(prefix: string): PromptTemplate {
  const messages = [{ role: 'user' as const, parts: [prefix, { slot: 0 }] }];
  return { versions: [{ messages, slots: [{ name: 'input', kind: 'input' }], rows: 10 }] };
}

const hashOf = ({ manifest }: DatasetVersion) => manifest.sha256.slice(0, 16);
const FEW: Examples = { a: ['train', 1], b: ['validation', 1], c: ['test', 1] };

describe('dataset list', () => {
  test('dataset list says how to make a version where there is none', async () => {
    expect(await textOf(() => listDatasets(undefined, {}))).toContain('a run makes one');
    expect(await jsonOf(() => listDatasets(undefined, { json: true }))).toEqual([]);
  });

  test('dataset list has a line for each version, with counts and parent', async () => {
    const first = await addVersion(FEW);
    const second = await addVersion(
      { ...FEW, d: ['train', 1] },
      { parent: { number: 1, sha256: first.manifest.sha256 }, verdicts: [] },
    );
    const other = await addVersion(FEW, { pipeline: 'other' });
    const lines = (await textOf(() => listDatasets(undefined, {}))).trimEnd().split('\n');
    expect(lines.map((line) => line.split(/ {2,}/))).toEqual([
      ['dataset', 'version', 'created', 'train', 'validation', 'test', 'dropped', 'parent'],
      ['other@1', hashOf(other), other.createdAt, '1', '1', '1', '20', '-'],
      ['support@1', hashOf(first), first.createdAt, '1', '1', '1', '20', '-'],
      ['support@2', hashOf(second), second.createdAt, '2', '1', '1', '0', '@1'],
    ]);
    expect(await jsonOf(() => listDatasets('support', { json: true }))).toEqual([
      expect.objectContaining({ pipeline: 'support', number: 1, version: hashOf(first), dropped: 20, parent: null }),
      expect.objectContaining({ number: 2, counts: { train: 2, validation: 1, test: 1 }, dropped: 0, parent: 1 }),
    ]);
  });
});

describe('a version', () => {
  test('a version is named by pipeline, by pipeline and number, and by the beginning of its hash', async () => {
    const first = await addVersion(FEW);
    const second = await addVersion({ ...FEW, d: ['train', 1] });
    for (const [name, version] of [
      ['support', second],
      ['support@2', second],
      ['support@1', first],
      [hashOf(first), first],
      [hashOf(second).slice(0, 6), second],
      [second.manifest.sha256, second],
    ] as const) {
      const shown = await jsonOf(() => showDataset(name, { json: true }));
      expect(shown).toMatchObject({ number: version.number, version: hashOf(version) });
    }
  });

  test('a pipeline name counts before a hash, because a pipeline may be named like a hash', async () => {
    const first = await addVersion(FEW);
    const alike = first.manifest.sha256.slice(0, 8);
    await addVersion(FEW, { pipeline: alike });
    expect(await jsonOf(() => showDataset(alike, { json: true }))).toMatchObject({ pipeline: alike });
  });

  test.each(['support@3', 'nobody', 'abc', '', '../support', '000000'])(
    'a missing version is not found: %s',
    async (name) => {
      const version = await addVersion(FEW);
      await expect(showDataset(name, {})).rejects.toThrow(
        expect.objectContaining({
          code: 'DATASET_NOT_FOUND',
          message: expect.stringContaining(`support@1 (${hashOf(version)})`),
        }),
      );
    },
  );

  test('a version is not found where there is none, and the error says how to get one', async () => {
    await expect(showDataset('support', {})).rejects.toThrow('a run makes the first one');
  });
});

describe('dataset show', () => {
  test('dataset show says what the version is, how it came about, and which issues it had', async () => {
    const { manifest: parent } = await addVersion(FEW);
    const version = await addVersion(FEW, {
      parent: { number: 1, sha256: parent.sha256 },
      counts: { train: 70, validation: 20, test: 10 },
    });
    const text = await textOf(() => showDataset('support', {}));
    expect(text).toContain(`support@2  ${hashOf(version)}\nmade ${version.createdAt} on top of support@1\n`);
    expect(text).toContain('from 120 rows of log.jsonl\n20 rows left out, 2 of them quarantined\n');
    expect(text).toContain(
      [
        `train       70  ${'█'.repeat(30)}`,
        `validation  20  ${'█'.repeat(9)}`,
        `test        10  ${'█'.repeat(4)}`,
      ].join('\n'),
    );
    expect(text).toContain(
      [
        'label    train  validation  test  █ train  ▓ validation  ░ test',
        `refund      40          12     6  ${'█'.repeat(21)}${'▓'.repeat(6)}${'░'.repeat(3)}`,
        `billing     30           8     4  ${'█'.repeat(16)}${'▓'.repeat(4)}${'░'.repeat(2)}`,
      ].join('\n'),
    );
    expect(text).toMatch(/exact-duplicate {2}18 {2}left out: .+ \(log\.jsonl:4, log\.jsonl:9, log\.jsonl:11, \.\.\.\)/);
    expect(text).toContain('  refund | billing  at log.jsonl:3, log.jsonl:8\n');
    expect(text).toContain('Redacted\n  7 x email\n');
    expect(text).toContain('Warnings\n  100 examples in all\n');
    expect(text).toContain(await store().file(version.manifest));
  });

  test('dataset show leaves out empty parts', async () => {
    await addVersion(FEW, {
      labels: null,
      verdicts: [],
      redactions: {},
      conflicts: { groups: 0, shown: [] },
      warnings: [],
      quarantined: 0,
    });
    const text = await textOf(() => showDataset('support', {}));
    for (const title of ['label', 'odd', 'conflict', 'Redacted', 'Warnings']) expect(text).not.toContain(title);
    expect(text).toContain('as the first');
  });

  test('dataset show names the 30 most frequent of many labels', async () => {
    const labels = Object.fromEntries(
      Array.from({ length: 32 }, (_, index) => [`label-${index}`, { train: 100 + index, validation: 0, test: 0 }]),
    );
    await addVersion(FEW, { labels });
    const text = await textOf(() => showDataset('support', {}));
    expect(text).toContain('\nlabel-31 ');
    expect(text).toContain('\nlabel-2 ');
    expect(text).not.toContain('\nlabel-1 ');
    expect(text).toContain('and 2 more labels: --json has them');
  });

  test('dataset show names a file that is missing or was changed', async () => {
    await addVersion(FEW);
    const { files } = await jsonOf(() => showDataset('support', { json: true }));
    const [train, validation] = files;
    rmSync(train.path);
    writeFileSync(validation.path, 'changed');
    const again = await jsonOf(() => showDataset('support', { json: true }));
    expect(again.files.map((file: { path: string | null }) => file.path !== null)).toEqual([
      false,
      false,
      ...Array(files.length - 2).fill(true),
    ]);
    expect(await textOf(() => showDataset('support', {}))).toMatch(
      /examples: train +1 lines {2}missing, erased, or changed after it was written\n/,
    );
  });

  test('dataset show drives no terminal and adds no line, whatever names and labels hold', async () => {
    const hostile = '\u001b[2J\u202eevil\r\nline\u009b1A';
    await addVersion(FEW, {
      source: { names: [hostile], rows: 1, choice: '' },
      labels: { [hostile]: { train: 1, validation: 0, test: 0 } },
      warnings: [hostile],
      redactions: { [hostile]: 1 },
      conflicts: { groups: 1, shown: [{ completions: [hostile, 'b'], places: [hostile] }] },
      verdicts: [{ verdict: 'blank-line', rows: 1, places: [hostile] }],
    });
    const text = await textOf(() => showDataset('support', {}));
    expect(text).not.toMatch(/[^\P{Cc}\n]|\p{Bidi_Control}/u);
    expect(text).not.toMatch(/^line/m);
  });
});

describe('dataset diff', () => {
  test('dataset diff counts added, removed and changed examples, and says that none moved', async () => {
    const first = await addVersion({ a: ['train', 1], b: ['validation', 1], c: ['test', 1], d: ['train', 1] });
    const { labels } = sampleManifest();
    const second = await addVersion(
      { a: ['train', 2], b: ['validation', 1], c: ['test', 1], e: ['test', 1], f: ['train', 1] },
      { labels: { ...labels, refund: { train: 41, validation: 12, test: 6 } }, verdicts: [] },
    );
    const text = await textOf(() => diffDatasets('support@1', 'support@2', {}));
    expect(text).toContain(`support@1 ${hashOf(first)}  ->  support@2 ${hashOf(second)}\n`);
    expect(text).toContain(
      [
        '            before  after  added  removed',
        'train            2      2      1        1',
        'validation       1      1      0        0',
        'test             1      2      1        0',
      ].join('\n'),
    );
    expect(text).toContain('2 unchanged, 1 with another answer.\n0 moved to another side, as it must be.\n');
    expect(text).toMatch(/ {2}refund {2}40 -> 41 +12 +6\n/);
    expect(text).toContain('  exact-duplicate: 18 -> 0\n');
    expect(text).not.toContain('billing');
    expect(await jsonOf(() => diffDatasets('support@1', 'support', { json: true }))).toMatchObject({
      before: { number: 1 },
      after: { number: 2 },
      examples: { unchanged: 2, answerChanged: 1, moved: 0, added: { train: 1, test: 1 }, removed: { train: 1 } },
    });
  });

  test('dataset diff shows settings and instructions that changed', async () => {
    const { clean, split } = sampleManifest();
    await addVersion(FEW);
    const ref = await writeJson(store(), {
      versions: [...templateOf('Sort this: ').versions, ...templateOf('Label: ').versions],
    });
    await addVersion(FEW, {
      clean: { ...clean, duplicates: 'near' },
      split: { ...split, test: 0 },
      template: { ref, versions: 2 },
    });
    const text = await textOf(() => diffDatasets('support@1', 'support@2', {}));
    expect(text).toContain('  clean.duplicates: "exact" -> "near"\n  split.test: 0.15 -> 0\n');
    expect(text).toContain('  versions of the prompt: 1 came, 0 went\n');
  });

  test('dataset diff warns that inputs cannot be followed once they are redacted differently', async () => {
    const { clean } = sampleManifest();
    await addVersion(FEW);
    await addVersion(FEW, { clean: { ...clean, redact: [] } });
    await addVersion(FEW, { clean: { ...clean, redact: [], duplicates: 'near' } });
    const warning = 'counts as removed and added, and may be on another side.';
    expect(await textOf(() => diffDatasets('support@1', 'support@2', {}))).toContain(warning);
    expect(await textOf(() => diffDatasets('support@2', 'support@3', {}))).not.toContain(warning);
  });

  test.each<[string, Partial<Manifest>, RegExp]>([
    ['although it must not', {}, /1 MOVED TO ANOTHER SIDE, which must not happen/],
    [
      'because of another seed',
      { salt: { version: 1, sha256: 'd'.repeat(64) } },
      /1 moved to another side, because split\.seed was changed\./,
    ],
    ['from pipeline to pipeline', { pipeline: 'other' }, /1 are on another side, because these are two pipelines\./],
  ])('dataset diff says that an example moved %s', async (_name, changes, said) => {
    const a = await addVersion(FEW);
    const b = await addVersion({ ...FEW, a: ['test', 1] }, changes);
    expect(await textOf(() => diffDatasets(hashOf(a), hashOf(b), {}))).toMatch(said);
  });

  test('dataset diff of a version with itself shows no change', async () => {
    await addVersion(FEW);
    const text = await textOf(() => diffDatasets('support', 'support@1', {}));
    expect(text).toContain('3 unchanged, 0 with another answer.');
    for (const title of ['Labels', 'odd', 'Instructions', 'Settings']) expect(text).not.toContain(title);
  });
});
