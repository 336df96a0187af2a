import { countLabels, datasetWarnings } from '../../src/dataset/manifest.ts';
import type { Split } from '../../src/dataset/split.ts';
import { example } from './examples.ts';

function split(sides: { [side in keyof Split]?: string[] }): Split {
  const rows = (labels: string[] = []) => labels.map((label, index) => example(index + 1, `input ${index}`, label));
  return { train: rows(sides.train), validation: rows(sides.validation), test: rows(sides.test) };
}

test('labels are counted by side, white space around them left out', () => {
  const labels = countLabels(split({ train: ['a', ' a\n', 'b'], validation: ['b'], test: ['c', 'a'] }));
  expect(labels).toEqual({
    a: { train: 2, validation: 0, test: 1 },
    b: { train: 1, validation: 1, test: 0 },
    c: { train: 0, validation: 0, test: 1 },
  });
});

test.each(['constructor', 'toString', 'hasOwnProperty', 'train'])('a label may be called %s', (label) => {
  const labels = countLabels(split({ train: [label, label], validation: [label] }));
  expect(Object.entries(labels)).toEqual([[label, { train: 2, validation: 1, test: 0 }]]);
  expect(JSON.parse(JSON.stringify(labels))).toEqual(labels);
});

test('no rows have no labels', () => {
  expect(countLabels(split({}))).toEqual({});
});

test('labels with under 5 validation rows are named', () => {
  const labels = { few: { train: 50, validation: 4, test: 9 }, enough: { train: 50, validation: 5, test: 0 } };
  expect(datasetWarnings(labels, [])).toEqual(['labels with under 5 validation rows: few']);
});

test('labels that are judged but never trained on are named', () => {
  const labels = {
    judged: { train: 0, validation: 5, test: 0 },
    tested: { train: 0, validation: 5, test: 1 },
    trained: { train: 1, validation: 5, test: 1 },
  };
  expect(datasetWarnings(labels, [])).toEqual(['labels that are judged but never trained on: judged, tested']);
});

test('ten labels are named and the others counted', () => {
  const labels = Object.fromEntries(
    Array.from({ length: 13 }, (_, index) => [`label-${index}`, { train: 9, validation: 0, test: 0 }]),
  );
  expect(datasetWarnings(labels, [])).toEqual([
    `labels with under 5 validation rows: ${Array.from({ length: 10 }, (_, index) => `label-${index}`).join(', ')} and 3 more`,
  ]);
});

test('conflicts are counted, with the lines of one', () => {
  const conflicts = [
    { lines: [3, 8], answers: 2 },
    { lines: [4, 5], answers: 2 },
  ];
  expect(datasetWarnings(null, conflicts)).toEqual(['2 inputs have different answers, for example on lines 3, 8']);
});

test('a dataset without faults has no warning', () => {
  expect(datasetWarnings({ a: { train: 9, validation: 5, test: 5 } }, [])).toEqual([]);
  expect(datasetWarnings(null, [])).toEqual([]);
});

test('a label may be called __proto__', () => {
  const labels = countLabels(split({ train: ['__proto__', '__proto__'], validation: ['__proto__'] }));
  expect(Object.entries(labels)).toEqual([['__proto__', { train: 2, validation: 1, test: 0 }]]);
});
