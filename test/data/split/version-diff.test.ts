import fc from 'fast-check';
import type { TemplateVersion } from '../../../packages/app/src/prompt/prompt-template.ts';
import { SIDE_CODES, type Side } from '../../../src/core/dataset/side.ts';
import {
  diffExamples,
  diffManifests,
  diffTemplates,
  type ExampleChanges,
  keyLines,
} from '../../../src/data/split/version-diff.ts';
import { asyncLines, keysOf } from '../rows/rows-with-keys.ts';
import { sampleManifest } from '../rows/sample-manifest.ts';

interface Row {
  input: string;
  side: Side | null;
  answer: number;
}

const NONE = { train: 0, validation: 0, test: 0 };
const UNCHANGED: ExampleChanges = { unchanged: 0, added: NONE, removed: NONE, answerChanged: 0, moved: 0 };
/** A hash as a whole number below 2^52, of which a line holds the first 32 bits. */
const hashOf = (answer: number) => answer * 2 ** 20 + 5;

function linesOf(rows: readonly Row[]): string[] {
  return [
    ...keyLines({
      keys: keysOf(rows.map(({ input }) => input)),
      sides: Uint8Array.from(rows, ({ side }) => (side === null ? 0 : SIDE_CODES[side])),
      answers: Float64Array.from(rows, ({ answer }) => hashOf(answer)),
    }),
  ];
}

const diff = (before: readonly Row[], after: readonly Row[]) =>
  diffExamples(asyncLines(linesOf(before)), asyncLines(linesOf(after)));
const row = (input: string, side: Side | null = 'train', answer = 1): Row => ({ input, side, answer });

describe('a line of an example', () => {
  test('a line of an example has key, side and answer, and stands in the order of the keys', () => {
    const lines = linesOf([row('b', 'test', 0xabcdef), row('a', 'validation', 2 ** 32 - 1), row('c')]);
    expect(lines).toEqual([
      expect.stringMatching(/^2e7d2c03[0-9a-f]{24} t 00000001$/),
      expect.stringMatching(/^3e23e816[0-9a-f]{24} e 00abcdef$/),
      expect.stringMatching(/^ca978112[0-9a-f]{24} v ffffffff$/),
    ]);
  });

  test('a row without a side has no line', () => {
    expect(linesOf([row('a', null), row('b')])).toHaveLength(1);
  });

  test('the lines are the same for any order of the rows', () => {
    const rows = [row('a', 'train', 2), row('a', 'train', 1), row('b', 'test', 3)];
    expect(linesOf(rows.toReversed())).toEqual(linesOf(rows));
    expect(linesOf(rows)).toEqual(linesOf(rows).toSorted());
  });
});

describe('two versions', () => {
  test('two equal versions differ in nothing', async () => {
    const rows = [row('a'), row('b', 'test'), row('b', 'test', 2)];
    expect(await diff(rows, rows.toReversed())).toEqual({ ...UNCHANGED, unchanged: 3 });
    expect(await diff([], [])).toEqual(UNCHANGED);
  });

  test('two versions differ in examples that only one of them has, by side', async () => {
    const changes = await diff([row('a'), row('b', 'test'), row('c')], [row('c'), row('d', 'validation')]);
    expect(changes).toEqual({
      ...UNCHANGED,
      unchanged: 1,
      removed: { train: 1, validation: 0, test: 1 },
      added: { train: 0, validation: 1, test: 0 },
    });
  });

  test('two versions differ in answers to the same input', async () => {
    expect(await diff([row('a', 'test', 1), row('b')], [row('a', 'test', 2), row('b')])).toEqual({
      ...UNCHANGED,
      unchanged: 1,
      answerChanged: 1,
    });
  });

  test('two versions differ in the side of an input, which is no change of its answer', async () => {
    expect(await diff([row('a', 'train', 1)], [row('a', 'test', 1)])).toEqual({ ...UNCHANGED, moved: 1 });
    expect(await diff([row('a', 'train', 1)], [row('a', 'test', 2)])).toEqual({ ...UNCHANGED, moved: 1 });
  });

  test('two versions differ in how often an input occurs', async () => {
    const changes = await diff([row('a', 'test', 1)], [row('a', 'test', 1), row('a', 'test', 1), row('a', 'test', 7)]);
    expect(changes).toEqual({ ...UNCHANGED, unchanged: 1, added: { train: 0, validation: 0, test: 2 } });
  });

  test('two versions differ as counting by hand says', async () => {
    // Inputs are unique here, and one input has one side, but for those that moved.
    const version = fc.uniqueArray(
      fc.record({
        input: fc.nat({ max: 40 }).map(String),
        side: fc.constantFrom<Side>('train', 'validation', 'test'),
        answer: fc.nat({ max: 2 }),
      }),
      { selector: ({ input }) => input, maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(version, version, async (before, after) => {
        const expected = { ...UNCHANGED, added: { ...NONE }, removed: { ...NONE } };
        const others = new Map(after.map((each) => [each.input, each]));
        for (const { input, side, answer } of before) {
          const other = others.get(input);
          others.delete(input);
          if (!other) expected.removed[side] += 1;
          else if (other.side !== side) expected.moved += 1;
          else if (other.answer !== answer) expected.answerChanged += 1;
          else expected.unchanged += 1;
        }
        for (const { side } of others.values()) expected.added[side] += 1;
        expect(await diff(before, after)).toEqual(expected);
      }),
    );
  });

  test('two versions are read once, line by line, and no further than a broken line', async () => {
    let read = 0;
    let closed = false;
    async function* lines() {
      try {
        for (const line of [...linesOf([row('a')]), 'broken', ...linesOf([row('a')])]) {
          read += 1;
          yield line;
        }
      } finally {
        closed = true;
      }
    }
    await expect(diffExamples(lines(), asyncLines([]))).rejects.toThrow(
      expect.objectContaining({ code: 'ARTIFACT_CORRUPT', message: expect.stringContaining('line 2 ') }),
    );
    expect(read).toBe(2);
    expect(closed).toBe(true);
  });

  const [first = '', second = ''] = linesOf([row('a'), row('b')]);
  test.each([
    ['out of order', [second, first]],
    ['cut off', [first.slice(0, -1)]],
    ['of no side', [first.replace(' t ', ' x ')]],
    ['longer', [`${first}0`]],
    ['in capitals', [first.toUpperCase()]],
    ['empty', ['']],
  ])('two versions are refused where a line is %s', async (_name, lines) => {
    await expect(diffExamples(asyncLines([]), asyncLines(lines))).rejects.toThrow(
      expect.objectContaining({ code: 'ARTIFACT_CORRUPT' }),
    );
  });
});

describe('two manifests', () => {
  test('two equal manifests differ in nothing', () => {
    expect(diffManifests(sampleManifest(), sampleManifest())).toEqual({
      labels: [],
      verdicts: [],
      settings: [],
      salt: false,
    });
  });

  test('two manifests differ in labels, with counts of 0 where one does not have it', () => {
    const { labels } = sampleManifest();
    const more = { train: 1, validation: 0, test: 0 };
    const after = sampleManifest({ labels: { refund: { train: 40, validation: 12, test: 7 }, __proto: more } });
    expect(diffManifests(sampleManifest(), after).labels).toEqual([
      { name: 'refund', before: labels?.refund, after: { train: 40, validation: 12, test: 7 } },
      { name: 'billing', before: labels?.billing, after: NONE },
      { name: '__proto', before: NONE, after: more },
    ]);
    expect(diffManifests(sampleManifest({ labels: null }), sampleManifest({ labels: null })).labels).toEqual([]);
  });

  test('two manifests differ in issues', () => {
    const after = sampleManifest({ verdicts: [{ verdict: 'exact-duplicate', rows: 20, places: [] }] });
    expect(diffManifests(sampleManifest(), after).verdicts).toEqual([
      { name: 'exact-duplicate', before: 18, after: 20 },
      { name: 'quarantined', before: 2, after: 0 },
    ]);
  });

  test('two manifests differ in settings, by the keys of the pipeline file', () => {
    const { clean, split, source } = sampleManifest();
    const after = sampleManifest({
      clean: { ...clean, duplicates: 'near', redact: ['email', 'phone'] },
      split: { ...split, group_by: 'customer' },
      source: { ...source, choice: 'd'.repeat(64) },
    });
    expect(diffManifests(sampleManifest(), after).settings).toEqual([
      { name: 'clean.duplicates', before: 'exact', after: 'near' },
      { name: 'clean.redact', before: ['email'], after: ['email', 'phone'] },
      { name: 'source', before: 'b'.repeat(64), after: 'd'.repeat(64) },
      { name: 'split.group_by', before: null, after: 'customer' },
    ]);
  });

  test('two manifests differ in the salt', () => {
    const after = sampleManifest({ salt: { version: 1, sha256: 'f'.repeat(64) } });
    expect(diffManifests(sampleManifest(), after).salt).toBe(true);
  });
});

describe('two templates', () => {
  const version = (prefix: string, rows: number): TemplateVersion => ({
    messages: [{ role: 'user', parts: [prefix, { slot: 0 }] }],
    slots: [{ name: 'input', kind: 'input' }],
    rows,
  });

  test('two templates are equal where only the frequency of their versions differs', () => {
    const before = { versions: [version('a', 9), version('b', 5)] };
    const after = { versions: [version('b', 70), version('a', 30)] };
    expect(diffTemplates(before, after)).toEqual({ added: 0, removed: 0 });
  });

  test('two templates differ in the versions that only one of them has', () => {
    const before = { versions: [version('a', 9), version('b', 5)] };
    const after = { versions: [version('b', 5), version('b ', 5), version('c', 5)] };
    expect(diffTemplates(before, after)).toEqual({ added: 2, removed: 1 });
  });
});
