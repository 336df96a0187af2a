import { IssueTable } from '../../../src/core/dataset/issue.ts';
import { SIDE_CODES } from '../../../src/core/dataset/side.ts';
import type { JudgedLabels } from '../../../src/data/prepare/judged-labels.ts';
import { placeRows } from '../../../src/data/prepare/placement.ts';
import type { PreparedRows } from '../../../src/data/prepare/prepared-rows.ts';
import { KEY_BYTES } from '../../../src/data/rows/row-key.ts';
import { SideLedger } from '../../../src/data/split/side-ledger.ts';

/** Rows whose groups are given; each has a key and a hash of its own, and one label for all. */
function rowsOf(groups: readonly number[], heldOut = 0): PreparedRows {
  const count = groups.length;
  const keys = new Uint8Array(count * KEY_BYTES);
  for (let row = 0; row < count; row += 1) keys[row * KEY_BYTES] = row + 1;
  const column = () => Float64Array.from({ length: count }, (_, row) => row + 1);
  return {
    count,
    heldOut,
    groups: Uint32Array.from(groups),
    keys,
    inputs: column(),
    answers: column(),
    ids: column(),
    userGroups: new Float64Array(count),
    times: column(),
    labels: new Uint32Array(count),
    labelNames: ['yes'],
    labelCounts: [count],
    isEarlierTurn: () => false,
    lost: new Map(),
    issues: new IssueTable(),
    redactions: {},
    actuals: { used: 0, given: 0 },
    examples: async function* () {},
  };
}
const LABELS = (rows: PreparedRows, dropped: readonly number[] = []): JudgedLabels => ({
  indices: new Uint32Array(rows.count),
  names: ['yes'],
  issueOf: (row) => (dropped.includes(row) ? 'chatty-label' : undefined),
});
const OPTIONS = { duplicates: 'keep', validation: 0.2, test: 0.2, salt: 's', by: 'hash', stratify: true } as const;
const alone = (count: number) => Array.from({ length: count }, (_, row) => row);

test.each([1, 2, 3] as const)('a row that is left out now still keeps its group on its earlier side %i', (side) => {
  const rows = rowsOf([0, 0, ...alone(30).slice(2)]);
  const ledger = new SideLedger();
  ledger.set(rows.keys, 0, side);
  const { sides, issueOf } = placeRows(rows, LABELS(rows, [0]), ledger, OPTIONS);
  expect(sides[1]).toBe(side);
  expect(sides[0]).toBe(0);
  expect(issueOf(0)).toBe('chatty-label');
  expect(ledger.get(rows.keys, 1)).toBe(side);
});

test('rows of the test file are on the test side and not in the ledger, and rows that resemble them are left out', () => {
  const rows = rowsOf([0, 1, 0, ...alone(30).slice(3)], 2);
  const ledger = new SideLedger();
  const { sides, issueOf } = placeRows(rows, LABELS(rows), ledger, { ...OPTIONS, test: 0 });
  expect([...sides.slice(0, 3)]).toEqual([SIDE_CODES.test, SIDE_CODES.test, 0]);
  expect(issueOf(2)).toBe('in-test-file');
  expect(ledger.get(rows.keys, 0)).toBe(0);
  expect(ledger.size).toBe(27);
});

test('a newcomer that resembles rows on two sides is quarantined, and those rows stay', () => {
  const rows = rowsOf([0, 0, 0, ...alone(30).slice(3)]);
  const ledger = new SideLedger();
  ledger.set(rows.keys, 0, SIDE_CODES.train);
  ledger.set(rows.keys, 1, SIDE_CODES.test);
  const { sides, issueOf, quarantined } = placeRows(rows, LABELS(rows), ledger, OPTIONS);
  expect([...sides.slice(0, 3)]).toEqual([SIDE_CODES.train, SIDE_CODES.test, 0]);
  expect(issueOf(2)).toBe('quarantined');
  expect(quarantined).toBe(1);
});
