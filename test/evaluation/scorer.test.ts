import fc from 'fast-check';
import type { Metric } from '../../src/config/pipeline.ts';
import { scorerOf } from '../../src/evaluation/scorer.ts';

const METRICS: Metric[] = ['accuracy', 'exact_match', 'similarity', 'rouge_l'];
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc
    .array(fc.constantFrom('refund', 'Refund', 'the', 'order', '.', '!', '?', 'Dr.', "don't", '"', '日本', '\n'), {
      maxLength: 20,
    })
    .map((words) => words.join(' ')),
);

describe.each(METRICS)('%s', (metric) => {
  const score = scorerOf(metric);

  test('an answer equal to a reference scores 1, whatever the text', () => {
    fc.assert(fc.property(text, (answer) => expect(score(answer, [answer])).toBeCloseTo(1, 9)));
  });

  test('every score is a number from 0 to 1', () => {
    fc.assert(
      fc.property(text, fc.array(text, { maxLength: 3 }), (answer, references) => {
        const value = score(answer, references);
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(1 + 1e-9);
      }),
    );
  });

  test('white space around answers and references does not count', () => {
    expect(score('  refund\n', ['refund'])).toBe(1);
    expect(score('refund', ['\t refund \r\n'])).toBe(1);
  });

  test('the best reference counts, wherever it stands', () => {
    expect(score('refund', ['complaint', 'refund'])).toBe(1);
    expect(score('refund', ['refund', 'complaint'])).toBe(1);
    fc.assert(
      fc.property(text, fc.array(text, { minLength: 1, maxLength: 4 }), (answer, references) => {
        const best = Math.max(...references.map((reference) => score(answer, [reference])));
        expect(score(answer, references)).toBe(best);
      }),
      { numRuns: 50 },
    );
  });

  test('without references nothing is right', () => {
    expect(score('refund', [])).toBe(0);
  });

  test('an empty answer is wrong where one is expected, and right where none is', () => {
    expect(score('', ['refund'])).toBe(0);
    expect(score('refund', [''])).toBe(0);
    expect(score('   ', [''])).toBe(1);
  });
});

test.each<[Metric]>([['accuracy'], ['exact_match']])('%s is all or nothing and minds the case', (metric) => {
  const score = scorerOf(metric);
  expect(score('refunds', ['refund'])).toBe(0);
  expect(score('Refund', ['refund'])).toBe(0);
});

test('similarity is 1 - edits / length of the longer text', () => {
  const score = scorerOf('similarity');
  expect(score('kitten', ['sitting'])).toBeCloseTo(1 - 3 / 7, 12);
  expect(score('ab', ['abcd'])).toBe(0.5);
  expect(score('abcd', ['ab'])).toBe(0.5);
});

test('rouge_l is the F1 of the longest common subsequence of words', () => {
  const score = scorerOf('rouge_l');
  // LCS 2; precision 2/3, recall 2/2.
  expect(score('the cat sat', ['the cat'])).toBeCloseTo((2 * (2 / 3)) / (2 / 3 + 1), 12);
  // LCS "police the gunman" has 2 words in order: "the gunman".
  expect(score('the gunman kill police', ['police killed the gunman'])).toBeCloseTo(0.5, 12);
  expect(score('cat', ['dog'])).toBe(0);
});

test('rouge_l folds the case', () => {
  expect(scorerOf('rouge_l')('The Cat', ['the cat'])).toBe(1);
});
