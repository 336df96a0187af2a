import fc from 'fast-check';
import { TEXT_METRIC_NAMES, type TextMetricName } from '../../src/scoring/metrics/index.ts';
import { COMPARED_LENGTH, COMPARED_WORDS } from '../../src/scoring/metrics/metric.ts';
import { textScores } from '../../src/scoring/scorer.ts';

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc
    .array(
      fc.constantFrom('refund', 'Refund', 'the', 'order', '.', '!', '?', 'Dr.', "don't", '"', '日本', '\n', '\u0085'),
      { maxLength: 20 },
    )
    .map((words) => words.join(' ')),
);
const score = (metric: TextMetricName, answer: string, ...references: string[]) =>
  textScores(answer, references)[metric] ?? Number.NaN;

describe.each(TEXT_METRIC_NAMES)('%s', (metric) => {
  test('an answer equal to a reference scores 1, whatever the text', () => {
    fc.assert(
      fc.property(text, fc.array(text, { maxLength: 2 }), (answer, others) =>
        expect(score(metric, answer, ...others, answer)).toBe(1),
      ),
    );
  });

  test('every score is a number from 0 to 1', () => {
    fc.assert(
      fc.property(text, fc.array(text, { maxLength: 3 }), (answer, references) => {
        const value = score(metric, answer, ...references);
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(1 + 1e-9);
      }),
    );
  });

  test('white space around answers and references does not count', () => {
    expect(score(metric, '  refund\n', 'refund')).toBe(1);
    expect(score(metric, 'refund', '\t refund \r\n')).toBe(1);
  });

  test('the order of the references does not matter', () => {
    fc.assert(
      fc.property(text, fc.array(text, { minLength: 2, maxLength: 4 }), (answer, references) =>
        expect(score(metric, answer, ...references.toReversed())).toBe(score(metric, answer, ...references)),
      ),
    );
  });

  test('without references no answer is right', () => {
    expect(score(metric, 'refund')).toBe(0);
    expect(score(metric, '')).toBe(0);
  });

  test('an empty answer is wrong where an answer is expected, and right where none is', () => {
    expect(score(metric, '', 'refund')).toBe(0);
    expect(score(metric, 'refund', '')).toBe(0);
    expect(score(metric, '   ', '')).toBe(1);
  });
});

test.each<TextMetricName>(['exact_match', 'normalised_exact_match', 'similarity', 'rouge_l'])(
  '%s takes the reference that suits the answer best',
  (metric) => {
    fc.assert(
      fc.property(text, fc.array(text, { minLength: 1, maxLength: 4 }), (answer, references) => {
        const best = Math.max(...references.map((reference) => score(metric, answer, reference)));
        expect(score(metric, answer, ...references)).toBe(best);
      }),
    );
  },
);

test('exact_match respects case and punctuation', () => {
  expect(score('exact_match', 'Refund', 'refund')).toBe(0);
  expect(score('exact_match', 'refund.', 'refund')).toBe(0);
});

test.each([
  ['case', 'REFUND Issued', 'refund issued', 1],
  ['the case of other scripts', 'STRASSE', 'straße', 1],
  ['white space', 'refund\n\n issued', 'refund issued', 1],
  ['compatible forms', 'ｒｅｆｕｎｄ ①', 'refund 1', 1],
  ['quotes around it', '“refund”', "'refund'", 1],
  ['quotes and an end', '"Refund."', 'refund', 1],
  ['an end in another script', '退款。', '退款', 1],
  ['a sign is no quote', '-5', '5', 0],
  ['a mark within', 're-fund', 'refund', 0],
  ['brackets', '(refund)', 'refund', 0],
  ['marks alone', '"', '.', 0],
  ['an accent', 'résumé', 'resume', 0],
])('normalised_exact_match: %s', (_rule, answer, reference, expected) => {
  expect(score('normalised_exact_match', answer, reference)).toBe(expected);
  expect(score('normalised_exact_match', reference, answer)).toBe(expected);
});

test('similarity is 1 - edits / length of the longer text', () => {
  expect(score('similarity', 'kitten', 'sitting')).toBeCloseTo(1 - 3 / 7, 12);
  expect(score('similarity', 'ab', 'abcd')).toBe(0.5);
  expect(score('similarity', 'abcd', 'ab')).toBe(0.5);
});

// rouge_score 0.1.2: max(RougeScorer(['rougeL']).score(reference, answer)['rougeL'].fmeasure for each reference)
test.each([
  ['the parcel arrived two days late', ['the parcel came two days late'], 0.8333333333333334],
  ['the parcel arrived two days late', ['it came two days late', 'the parcel arrived late'], 0.8],
  ['the the the the the the the', ['the cat is on the mat', 'there is a cat on the mat'], 0.30769230769230765],
  ['we will send a new one', ['we will send you a new one today free of charge'], 0.7058823529411764],
  ['one two three four', ['four three two one'], 0.25],
])('rouge_l of "%s" is that of rouge_score', (answer, references, expected) => {
  expect(score('rouge_l', answer, ...references)).toBeCloseTo(expected, 12);
});

test('rouge_l finds words where there are no spaces', () => {
  // Four of the five words on each side: 我们 明天 去 北京 / 我们 今天 去 北京, and the mark at the end.
  expect(score('rouge_l', '我们明天去北京。', '我们今天去北京。')).toBeCloseTo(0.8, 12);
});

test.each<TextMetricName>(['rouge_l', 'bleu'])('%s folds the case', (metric) => {
  expect(score(metric, 'The Parcel Arrived Late', 'the parcel arrived late')).toBeCloseTo(1, 12);
});

test('only the beginning of long texts counts, so that a row takes bounded time', () => {
  const long = 'word'.repeat(COMPARED_LENGTH / 4);
  expect(textScores(`${long} a`, [`${long} b`])).toMatchObject({ exact_match: 0, similarity: 1, rouge_l: 1, bleu: 1 });
  const words = '我 '.repeat(COMPARED_WORDS);
  expect(textScores(`${words}a`, [`${words}b`])).toMatchObject({ exact_match: 0, rouge_l: 1, bleu: 1 });
  expect(score('similarity', `${words}a`, `${words}b`)).toBeLessThan(1);
});

test('marks at the end take no longer the more there are', () => {
  // A regular expression that looks for them would take hours here.
  expect(score('normalised_exact_match', `${'.'.repeat(1_000_000)}a`, 'a')).toBe(0);
});
