import type { LabelTable } from '../../../src/core/dataset/manifest.ts';
import { SIDES } from '../../../src/core/dataset/side.ts';
import { datasetWarnings, droppedRows, LabelCounts } from '../../../src/data/split/manifest.ts';

function countLabels(sides: { [side in (typeof SIDES)[number]]?: string[] }): LabelTable {
  const counts = new LabelCounts();
  for (const side of SIDES) for (const label of sides[side] ?? []) counts.add(label, side);
  return counts.all();
}

const NOTHING = {
  counts: { train: 400, validation: 50, test: 50 },
  labels: null,
  conflicts: { groups: 0, shown: [] },
  quarantined: 0,
};

test('labels are counted by side, white space around them left out', () => {
  expect(countLabels({ train: ['a', ' a\n', 'b'], validation: ['b'], test: ['c', 'a'] })).toEqual({
    a: { train: 2, validation: 0, test: 1 },
    b: { train: 1, validation: 1, test: 0 },
    c: { train: 0, validation: 0, test: 1 },
  });
});

test.each(['constructor', 'toString', 'hasOwnProperty', 'train', '__proto__'])('a label may be called %s', (label) => {
  const labels = countLabels({ train: [label, label], validation: [label] });
  expect(Object.entries(labels)).toEqual([[label, { train: 2, validation: 1, test: 0 }]]);
  expect(Object.entries(JSON.parse(JSON.stringify(labels)))).toEqual(Object.entries(labels));
});

test('no rows have no labels', () => {
  expect(countLabels({})).toEqual({});
});

test('rows with an issue that leaves them out are dropped, other rows are not', () => {
  expect(
    droppedRows([
      { verdict: 'exact-duplicate', rows: 7 },
      { verdict: 'blank-line', rows: 20 },
      { verdict: 'quarantined', rows: 1 },
    ]),
  ).toBe(8);
  expect(droppedRows([])).toBe(0);
});

test('labels with under 5 validation rows are named', () => {
  const labels = { few: { train: 50, validation: 4, test: 9 }, enough: { train: 50, validation: 5, test: 0 } };
  expect(datasetWarnings({ ...NOTHING, labels })).toEqual(['labels with under 5 validation rows: few']);
});

test('labels of test or validation rows that no training row has are named', () => {
  const labels = {
    judged: { train: 0, validation: 5, test: 0 },
    tested: { train: 0, validation: 5, test: 1 },
    trained: { train: 1, validation: 5, test: 1 },
  };
  expect(datasetWarnings({ ...NOTHING, labels })).toEqual([
    'labels of test or validation rows that no training row has: judged, tested',
  ]);
});

test('ten labels are named and the others counted', () => {
  const labels = Object.fromEntries(
    Array.from({ length: 13 }, (_, index) => [`label-${index}`, { train: 9, validation: 0, test: 0 }]),
  );
  expect(datasetWarnings({ ...NOTHING, labels })).toEqual([
    `labels with under 5 validation rows: ${Array.from({ length: 10 }, (_, index) => `label-${index}`).join(', ')} and 3 more`,
  ]);
});

test('conflicts are counted, with the places of one', () => {
  const conflicts = {
    groups: 150,
    shown: [
      { completions: ['a', 'b'], places: ['log.jsonl:3', 'log.jsonl:8'] },
      { completions: ['a', 'b'], places: ['log.jsonl:4', 'log.jsonl:5'] },
    ],
  };
  expect(datasetWarnings({ ...NOTHING, conflicts })).toEqual([
    '150 inputs have different labels, for example at log.jsonl:3, log.jsonl:8',
  ]);
});

test('rows in quarantine are counted', () => {
  expect(datasetWarnings({ ...NOTHING, quarantined: 3 })).toEqual([
    '3 rows are left out, because they resemble rows on different sides',
  ]);
});

test('under 500 examples are called few', () => {
  expect(datasetWarnings({ ...NOTHING, counts: { train: 400, validation: 50, test: 49 } })).toEqual([
    '499 examples in all: under 500, scores differ by several points through chance alone',
  ]);
});

test('a dataset without faults has no warning', () => {
  expect(datasetWarnings({ ...NOTHING, labels: { a: { train: 9, validation: 5, test: 5 } } })).toEqual([]);
  expect(datasetWarnings(NOTHING)).toEqual([]);
});
