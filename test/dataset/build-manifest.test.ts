import { hashJson, hashLines } from '../../src/dataset/examples.ts';
import { toTrainingLine } from '../../src/dataset/jsonl.ts';
import { buildManifest, type ManifestParts } from '../../src/dataset/manifest.ts';

const hash = (...inputs: string[]) => hashLines(inputs.map((input) => toTrainingLine({ input, completion: 'x' })));

const PARTS: ManifestParts = {
  template: {
    versions: [
      {
        lead: [{ role: 'system', content: 'Four.' }],
        role: 'user',
        prefix: 'In: ',
        suffix: '\nOut:',
        tail: [{ role: 'assistant', content: 'A' }],
        rows: 18,
      },
      { lead: [], role: 'user', prefix: '', suffix: '', rows: 2 },
    ],
  },
  counts: { train: 12, validation: 6, test: 2 },
  labels: { a: { train: 6, validation: 6, test: 2 }, b: { train: 6, validation: 0, test: 0 } },
  dropped: [{ reason: 'empty input', rows: 1, lines: [4] }],
  conflicts: [{ input: 'hello', completions: ['a', 'b'], answers: 2, lines: [3, 9] }],
  leaked: 1,
  seed: 7,
  hashes: { train: hash('a', 'b'), validation: hash('c'), test: hash() },
};

test('a manifest says what a dataset version consists of', () => {
  const manifest = buildManifest(PARTS);
  const { template, hashes, ...described } = PARTS;
  expect(template.versions).toHaveLength(2);
  expect(manifest).toEqual({
    ...described,
    version: expect.stringMatching(/^[0-9a-f]{16}$/),
    template: {
      versions: [
        { rows: 18, leadMessages: 1, characters: 15 },
        { rows: 2, leadMessages: 0, characters: 0 },
      ],
    },
    references: hashes,
    warnings: [
      'labels with under 5 validation rows: b',
      '1 inputs have different answers, for example on lines 3, 9',
      'labels that are trained on but never judged: b',
    ],
  });
  expect(JSON.parse(JSON.stringify(manifest))).toEqual(manifest);
});

test.each(Object.keys(PARTS) as (keyof ManifestParts)[])('another %s is another version', (key) => {
  const changed = { ...PARTS, [key]: key === 'labels' ? null : { other: 1 } };
  const other = hashJson(changed).slice(0, 16);
  expect(other).not.toBe(buildManifest(PARTS).version);
  expect(hashJson(PARTS).slice(0, 16)).toBe(buildManifest(PARTS).version);
});

test('the order of keys makes no difference to the version', () => {
  const turned = Object.fromEntries(Object.entries(PARTS).reverse()) as unknown as ManifestParts;
  expect(buildManifest(turned).version).toBe(buildManifest(PARTS).version);
  expect(hashJson({ b: [{ d: 1, c: 2 }], a: 1 })).toBe(hashJson({ a: 1, b: [{ c: 2, d: 1 }] }));
  expect(hashJson([1, 2])).not.toBe(hashJson([2, 1]));
});

test('different answers to an input are no fault where they are free text', () => {
  expect(buildManifest({ ...PARTS, labels: null }).warnings).toEqual([]);
});

test('lines are hashed as the bytes of a file', () => {
  expect(hashLines(['a\n', 'é\n'])).toEqual({ ...hashLines(['a\né\n']), rows: 2 });
  expect(hashLines(['é\n']).bytes).toBe(3);
  expect(hashLines([])).toEqual({
    sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    bytes: 0,
    rows: 0,
  });
});
