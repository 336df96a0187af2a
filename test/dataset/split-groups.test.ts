import fc from 'fast-check';
import { cleanExamples } from '../../src/dataset/cleaning.ts';
import type { Example } from '../../src/dataset/row.ts';
import { canonicalText, SIDES, splitExamples } from '../../src/dataset/split.ts';
import { anyText } from '../storage/any-text.ts';
import { example, linesOf } from './examples.ts';

test.each([
  ['under 0', -0.1, 0.2],
  ['under 0', 0.2, -0.1],
  ['that leave nothing to train on', 0.5, 0.5],
  ['that are no numbers', Number.NaN, 0.2],
])('shares %s are refused', (_name, validation, test) => {
  expect(() => splitExamples([], { validation, test, seed: 1, stratify: false })).toThrow(
    expect.objectContaining({ code: 'PIPELINE_INVALID', message: expect.stringContaining(`${validation}`) }),
  );
});

test('a seed may be a text, and a number is the same seed as its digits', () => {
  const rows = Array.from({ length: 60 }, (_, index) => example(index, `input ${index}`));
  const split = (seed: number | string) =>
    linesOf(splitExamples(rows, { validation: 0.2, test: 0.2, seed, stratify: false }).test);
  expect(split('spring')).not.toEqual(split('autumn'));
  expect(split('7')).toEqual(split(7));
});

test('inputs that differ by a lone surrogate alone are split in the same way whatever their order', () => {
  const rows = Array.from({ length: 40 }, (_, index) => example(index, String.fromCharCode(0xd800 + index)));
  const options = { validation: 0.2, test: 0.2, seed: 1, stratify: false };
  expect(splitExamples(rows.toReversed(), options)).toEqual(splitExamples(rows, options));
});

test('of many small labels as many as possible are judged on some side', () => {
  const rows = Array.from({ length: 300 }, (_, index) => example(index, `input ${index}`, `label ${index % 100}`));
  const split = splitExamples(rows, { validation: 0.15, test: 0.15, seed: 1, stratify: true });
  expect(SIDES.map((side) => split[side].length)).toEqual([210, 45, 45]);
  const judged = new Set([...split.validation, ...split.test].map(({ completion }) => completion));
  expect(judged.size).toBe(90);
});

test('which of equally frequent labels are judged is up to the seed', () => {
  const rows = Array.from({ length: 300 }, (_, index) => example(index, `input ${index}`, `label ${index % 100}`));
  const judged = (seed: number) => {
    const { test } = splitExamples(rows, { validation: 0.15, test: 0.15, seed, stratify: true });
    return [...new Set(test.map(({ completion }) => completion))].sort();
  };
  expect(judged(1)).not.toEqual(judged(2));
});

describe('the canonical form of a text', () => {
  test('is its own canonical form', () => {
    fc.assert(
      fc.property(anyText(), (text) => {
        expect(canonicalText(canonicalText(text))).toBe(canonicalText(text));
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ['sharp s', 'STRASSE', 'straße'],
    ['the two small sigmas', 'ΟΔΟΣ', 'οδοσ'],
    ['the two small sigmas in lower case', 'οδος', 'οδοσ'],
  ])('folds %s', (_name, a, b) => {
    expect(canonicalText(a)).toBe(canonicalText(b));
  });
});

describe('of equal examples', () => {
  const at = (line: number, timestamp?: string): Example => ({
    ...example(line, 'hello'),
    ...(timestamp === undefined ? {} : { timestamp }),
  });

  test.each<[string, Example[], number]>([
    ['the oldest is kept', [at(1, '2026-02-01T00:00:00Z'), at(2, '2026-01-01T00:00:00Z')], 2],
    ['the oldest is kept across time zones', [at(1, '2026-01-01T01:00:00Z'), at(2, '2026-01-01T02:30:00+02:00')], 2],
    ['of equal age the first line is kept', [at(2, '2026-01-01T00:00:00Z'), at(1, '2026-01-01T00:00:00Z')], 1],
    ['one with a timestamp is kept rather than one without', [at(1), at(2, '2026-01-01T00:00:00Z')], 2],
    ['one with a timestamp is kept rather than one that cannot be read', [at(1, 'soon'), at(2, '2026-01-01')], 2],
    ['without timestamps the first line is kept', [at(2), at(1)], 1],
  ])('%s', (_name, rows, line) => {
    const { examples, dropped } = cleanExamples(rows);
    expect(linesOf(examples)).toEqual([line]);
    expect(dropped).toMatchObject([{ reason: 'exact duplicate', rows: 1 }]);
  });
});

test('inputs that only differ in spelling are in conflict too, because they share a side', () => {
  expect(cleanExamples([example(1, 'Hello  you', 'a'), example(2, 'hello you', 'b')]).conflicts).toEqual([
    { input: 'Hello  you', completions: ['a', 'b'], answers: 2, lines: [1, 2] },
  ]);
});
