import fc from 'fast-check';
import { classificationFigures } from '../../../src/core/evaluation/classification.ts';

const LABELS = new Set(['a', 'b', 'c', 'd', 'e', 'f']);
const rowsOf = (expected: string, answers: string) =>
  Array.from(expected, (label, index) => ({ expected: label, answer: answers.charAt(index) }));

// scikit-learn 1.9.1, y = expected, p = answers, L = ['a', 'b', 'c', 'd', 'e']: accuracy_score(y, p),
// f1_score(y, p, labels=L, average='macro', zero_division=0), precision_recall_fscore_support(y, p, labels=L)
const ROWS = rowsOf('aaabbccde', 'aabbccxae');

test('accuracy, macro-F1 and the figures of each label are those of scikit-learn', () => {
  const figures = classificationFigures(ROWS, LABELS);
  expect(figures.n).toBe(9);
  expect(figures.accuracy).toBeCloseTo(0.5555555555555556, 12);
  expect(figures.macroF1).toBeCloseTo(0.5333333333333333, 12);
  expect(figures.labels).toEqual([
    { label: 'a', rows: 3, precision: 2 / 3, recall: 2 / 3, f1: 2 / 3 },
    { label: 'b', rows: 2, precision: 0.5, recall: 0.5, f1: 0.5 },
    { label: 'c', rows: 2, precision: 0.5, recall: 0.5, f1: 0.5 },
    { label: 'd', rows: 1, precision: null, recall: 0, f1: 0 },
    { label: 'e', rows: 1, precision: 1, recall: 1, f1: 1 },
  ]);
});

test('a label that was answered and has no row counts in macro-F1', () => {
  // f1_score(['a', 'a', 'b'], ['a', 'f', 'b'], average='macro')
  const figures = classificationFigures(rowsOf('aab', 'afb'), LABELS);
  expect(figures.macroF1).toBeCloseTo(0.5555555555555555, 12);
  expect(figures.labels.at(-1)).toEqual({ label: 'f', rows: 0, precision: 0, recall: null, f1: 0 });
});

test('an answer that is no label is invalid and no class', () => {
  const answers = ['a', 'I am not sure', 'neither', '', ' b\n'];
  const rows = answers.map((answer, index) => ({ expected: index < 4 ? 'a' : 'b', answer }));
  const figures = classificationFigures(rows, LABELS);
  expect(figures.invalid).toBe(3 / 5);
  expect(figures.labels.map(({ label }) => label)).toEqual(['a', 'b']);
  expect(figures.confusion).toEqual([
    { label: 'a', answer: null, rows: 3 },
    { label: 'a', answer: 'a', rows: 1 },
    { label: 'b', answer: 'b', rows: 1 },
  ]);
});

test('the expected answer of a row is a label, listed or not', () => {
  const figures = classificationFigures(
    [
      { expected: 'a', answer: 'new' },
      { expected: 'new', answer: 'new' },
    ],
    new Set(['a']),
  );
  expect(figures.invalid).toBe(0);
  expect(figures.accuracy).toBe(0.5);
});

test('without rows all figures are 0', () => {
  expect(classificationFigures([], LABELS)).toEqual({
    n: 0,
    accuracy: 0,
    macroF1: 0,
    labels: [],
    confusion: [],
    invalid: 0,
  });
});

test('the matrix holds each row once, and the order of rows changes nothing', () => {
  const label = fc.constantFrom('a', 'b', 'c', 'other', '__proto__', '');
  fc.assert(
    fc.property(fc.array(fc.record({ expected: label, answer: label }), { minLength: 1 }), (rows) => {
      const figures = classificationFigures(rows, LABELS);
      const { n, accuracy, macroF1, confusion, labels, invalid } = figures;
      expect(classificationFigures(rows.toReversed(), LABELS)).toEqual(figures);
      expect(confusion.reduce((sum, cell) => sum + cell.rows, 0)).toBe(n);
      expect(labels.reduce((sum, figure) => sum + figure.rows, 0)).toBe(n);
      for (const value of [accuracy, macroF1, invalid]) {
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(1);
      }
    }),
  );
});
