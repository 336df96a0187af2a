import fc from 'fast-check';
import { findRepeats, groupsOfSeveral, joinGroups, REPEAT } from '../../../src/data/split/groups.ts';

/** Groups as a column, from any number for each row. */
const columnOf = (values: readonly number[]) => Uint32Array.from(values, (value) => values.indexOf(value));
const groups = fc.array(fc.nat(6), { maxLength: 30 }).map(columnOf);

test('groups of several come whole, in ascending order, each once; rows that stand alone do not', () => {
  fc.assert(
    fc.property(groups, (column) => {
      const expected = [...Map.groupBy(column.keys(), (row) => column[row] ?? 0).values()].filter(
        (all) => all.length > 1,
      );
      expect([...groupsOfSeveral(column)].map((members) => [...members])).toEqual(expected);
    }),
  );
});

test('rows that share a value are in one group, with all rows of their groups', () => {
  const column = columnOf([1, 1, 2, 3, 3, 4]);
  expect([...joinGroups(column, Float64Array.of(0, 7, 0, 0, 7, 0))]).toEqual([0, 0, 2, 0, 0, 5]);
});

test('joining keeps existing groups together, and unites none without a shared value', () => {
  const withValues = groups.chain((column) =>
    fc.tuple(fc.constant(column), fc.array(fc.nat(4), { minLength: column.length, maxLength: column.length })),
  );
  fc.assert(
    fc.property(withValues, ([column, values]) => {
      const joined = joinGroups(column, Float64Array.from(values));
      // The reference: spread the smallest number until nothing changes.
      const expected = [...column];
      for (let changed = true; changed; ) {
        changed = false;
        for (const a of expected.keys()) {
          for (const b of expected.keys()) {
            const together = expected[a] === expected[b] || column[a] === column[b];
            const shared = values[a] !== 0 && values[a] === values[b];
            const least = Math.min(expected[a] ?? 0, expected[b] ?? 0);
            if ((together || shared) && (expected[a] !== least || expected[b] !== least)) {
              expected[a] = least;
              expected[b] = least;
              changed = true;
            }
          }
        }
      }
      expect([...joined]).toEqual(expected);
    }),
  );
});

const NO_TIMES = new Float64Array(6).fill(Number.NaN);
const rows = {
  groups: columnOf([1, 1, 1, 1, 2, 2]),
  inputs: Float64Array.of(10, 10, 11, 10, 20, 20),
  answers: Float64Array.of(1, 1, 1, 2, 3, 3),
  times: NO_TIMES,
  known: new Uint8Array(6),
};
const marksOf = (changes: Partial<typeof rows>, drop: 'near' | 'exact' | 'keep', heldOut = 0) =>
  [...findRepeats({ ...rows, ...changes }, heldOut, drop)].map(
    (mark) => Object.entries(REPEAT).find(([, value]) => value === mark)?.[0],
  );

test('exact leaves out rows that repeat input and answer, and no others', () => {
  expect(marksOf({}, 'exact')).toEqual(['none', 'exact', 'none', 'none', 'none', 'exact']);
});

test('near leaves one of each answer in a group', () => {
  expect(marksOf({}, 'near')).toEqual(['none', 'exact', 'near', 'none', 'none', 'exact']);
});

test('keep leaves out nothing', () => {
  expect(marksOf({}, 'keep')).toEqual(Array.from({ length: 6 }, () => 'none'));
});

test('the oldest stays, and a row without a time is the youngest', () => {
  const times = Float64Array.of(Number.NaN, 5, 9, 9, 2, 1);
  expect(marksOf({ times }, 'exact')).toEqual(['exact', 'none', 'none', 'none', 'exact', 'none']);
});

test('a row of an earlier version stays, although an older one came later', () => {
  const times = Float64Array.of(1, 5, 9, 9, 1, 2);
  const known = Uint8Array.of(0, 1, 0, 0, 0, 2);
  expect(marksOf({ times, known }, 'exact')).toEqual(['exact', 'none', 'none', 'none', 'exact', 'none']);
});

test('a row in a group with a test row is left out, whatever is to be kept', () => {
  expect(marksOf({}, 'keep', 1)).toEqual(['none', 'inTestFile', 'inTestFile', 'inTestFile', 'none', 'none']);
});
