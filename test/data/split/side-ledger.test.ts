import fc from 'fast-check';
import { SIDE_CODES, SIDES, type SideCode, sideCode } from '../../../src/core/dataset/side.ts';
import { KEY_BYTES, keyText } from '../../../src/data/rows/row-key.ts';
import { SideLedger } from '../../../src/data/split/side-ledger.ts';
import { assignSides, type SideOptions } from '../../../src/data/split/sides.ts';
import { asyncLines, keysOf } from '../rows/rows-with-keys.ts';

const key = (text: string) => keysOf([text]);
const anySide = fc.constantFrom<SideCode>(1, 2, 3);

/** Keys as hashes have them, and some that meet in one slot. */
const anyKey = fc.oneof(
  fc.uint8Array({ minLength: KEY_BYTES, maxLength: KEY_BYTES }),
  fc.uint8Array({ minLength: 2, maxLength: 2 }).map(([a = 0, b = 0]) => {
    const alike = new Uint8Array(KEY_BYTES);
    alike[4] = a;
    alike[KEY_BYTES - 1] = b;
    return alike;
  }),
);

function ledgerOf(entries: readonly (readonly [Uint8Array, SideCode])[]): SideLedger {
  const ledger = new SideLedger();
  for (const [each, side] of entries) ledger.set(each, 0, side);
  return ledger;
}

test('a ledger knows its keys, and no others', () => {
  const entries = fc.uniqueArray(fc.tuple(anyKey, anySide), { selector: ([each]) => keyText(each, 0), maxLength: 300 });
  fc.assert(
    fc.property(entries, anyKey, (all, other) => {
      const ledger = ledgerOf(all);
      expect(ledger.size).toBe(all.length);
      for (const [each, side] of all) expect(ledger.get(each, 0)).toBe(side);
      if (!all.some(([each]) => keyText(each, 0) === keyText(other, 0))) expect(ledger.get(other, 0)).toBe(0);
    }),
  );
});

test('keys are looked up by row', () => {
  const ledger = new SideLedger();
  const keys = keysOf(['a', 'b', 'c']);
  ledger.set(keys, 1, SIDE_CODES.test);
  expect([0, 1, 2].map((row) => ledger.get(keys, row))).toEqual([0, SIDE_CODES.test, 0]);
  expect(ledger.get(key('b'), 0)).toBe(SIDE_CODES.test);
});

test('a key may be added again, and never changes its side', () => {
  const ledger = ledgerOf([[key('a'), SIDE_CODES.test]]);
  ledger.set(key('a'), 0, SIDE_CODES.test);
  expect(() => ledger.set(key('a'), 0, SIDE_CODES.train)).toThrow('row 0 would move from side 3 to side 1');
  expect(ledger.get(key('a'), 0)).toBe(SIDE_CODES.test);
  expect(ledger.size).toBe(1);
});

describe('the lines of a ledger', () => {
  const entries = fc.uniqueArray(fc.tuple(anyKey, anySide), { selector: ([each]) => keyText(each, 0), maxLength: 100 });

  test('the lines of a ledger give it back', async () => {
    await fc.assert(
      fc.asyncProperty(entries, async (all) => {
        const ledger = ledgerOf(all);
        const back = await SideLedger.from(asyncLines(ledger.lines()));
        expect(back.size).toBe(ledger.size);
        for (const [each, side] of all) expect(back.get(each, 0)).toBe(side);
      }),
    );
  });

  test('the lines of a ledger are the same for any order of its keys', () => {
    fc.assert(
      fc.property(entries, (all) => {
        expect([...ledgerOf(all.toReversed()).lines()]).toEqual([...ledgerOf(all).lines()]);
      }),
    );
  });

  test('the lines of a ledger hold key and side, in the order of the keys', () => {
    const keys = [0xff, 0x0a, 0x10].map((first) => Uint8Array.of(first, ...Array<number>(KEY_BYTES - 1).fill(1)));
    const rest = '01'.repeat(KEY_BYTES - 1);
    const ledger = ledgerOf(keys.map((each, index) => [each, sideCode(index + 1) || 1]));
    expect([...ledger.lines()]).toEqual([`0a${rest} v`, `10${rest} e`, `ff${rest} t`]);
  });

  const A = `${'a'.repeat(32)} t`;
  const B = `${'b'.repeat(32)} e`;
  test.each<[string, string[], number]>([
    ['an empty line', [A, '', B], 2],
    ['a short key', ['a t'], 1],
    ['a key in capitals', [A.toUpperCase()], 1],
    ['an unknown side', [`${'a'.repeat(32)} x`], 1],
    ['no side', ['a'.repeat(32)], 1],
    ['two sides', [`${'a'.repeat(32)} te`], 1],
    ['something behind it', [`${A} `], 1],
    ['a key that was there', [A, A], 2],
    ['the wrong order', [B, A], 2],
  ])('the lines of a ledger are refused with %s', async (_name, lines, line) => {
    await expect(SideLedger.from(asyncLines(lines))).rejects.toThrow(
      expect.objectContaining({ code: 'ARTIFACT_CORRUPT', message: expect.stringContaining(`line ${line} `) }),
    );
  });
});

describe('a log that grows by half three times', () => {
  /**
   * Inputs are places on a line, and near duplicates lie next to each other: so a newcomer may join two groups.
   * Customers, where given, join groups that lie far apart.
   */
  interface Row {
    place: number;
    label: number;
    time: number;
    customer: number | null;
  }

  function groupsOf(rows: readonly Row[]): Uint32Array {
    const parents = rows.map((_, row) => row);
    const rootOf = (row: number): number => {
      let root = row;
      while (parents[root] !== root) root = parents[root] ?? root;
      return root;
    };
    const join = (a: number, b: number) => {
      const [x, y] = [rootOf(a), rootOf(b)];
      parents[Math.max(x, y)] = Math.min(x, y);
    };
    const byPlace = rows.map((_, row) => row).sort((a, b) => (rows[a]?.place ?? 0) - (rows[b]?.place ?? 0));
    byPlace.forEach((row, index) => {
      const before = byPlace[index - 1];
      if (before !== undefined && (rows[row]?.place ?? 0) - (rows[before]?.place ?? 0) <= 1) join(before, row);
    });
    for (const [customer, members] of Map.groupBy(rows.keys(), (row) => rows[row]?.customer)) {
      if (customer !== null) for (const member of members) join(members[0] ?? member, member);
    }
    return Uint32Array.from(parents, (_, row) => rootOf(row));
  }

  /** Assigns sides to a log that has grown, checks them against the ledger, and notes them there. */
  function grow(rows: readonly Row[], ledger: SideLedger, options: SideOptions) {
    const keys = keysOf(rows.map(({ place }) => `${place}`));
    const groups = groupsOf(rows);
    const known = Uint8Array.from(rows, (_, row) => ledger.get(keys, row));
    const assigned = assignSides(
      {
        groups,
        keys,
        labels: Uint32Array.from(rows, ({ label }) => label),
        times: Float64Array.from(rows, ({ time }) => time),
        known,
      },
      options,
    );
    const moved = rows.filter((_, row) => known[row] !== 0 && known[row] !== assigned.sides[row]);
    const torn: Row[][] = [];
    for (const members of Map.groupBy(rows.keys(), (row) => groups[row] ?? 0).values()) {
      const sidesBefore = new Set(members.map((row) => known[row]).filter((side) => side !== 0));
      const sides = new Set(members.map((row) => assigned.sides[row]).filter((side) => side !== 0));
      if (sides.size !== 1 && sidesBefore.size < 2) torn.push(members.flatMap((row) => rows[row] ?? []));
    }
    expect(moved).toEqual([]);
    expect(torn).toEqual([]);
    rows.forEach((_, row) => {
      const side = sideCode(assigned.sides[row]);
      if (side !== 0) ledger.set(keys, row, side);
    });
    return assigned;
  }

  const anyRows = (places: number): fc.Arbitrary<Row[]> =>
    fc.array(
      fc.record({
        place: fc.nat({ max: places }),
        label: fc.nat({ max: 3 }),
        time: fc.oneof(fc.constant(Number.NaN), fc.nat()),
        customer: fc.option(fc.nat({ max: 20 }), { freq: 4 }),
      }),
      { minLength: 1, maxLength: 120 },
    );

  test('a growing log moves no row, and splits no group that was whole', () => {
    const options = fc.record({
      validation: fc.double({ min: 0.05, max: 0.3, noNaN: true }),
      test: fc.constantFrom(0, 0.1, 0.3),
      salt: fc.string(),
      by: fc.constantFrom<'hash' | 'time'>('hash', 'time'),
      stratify: fc.boolean(),
    });
    const bridged: number[] = [];
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 1000 }).chain(anyRows), options, fc.boolean(), (log, chosen, newFirst) => {
        const ledger = new SideLedger();
        const steps = [1, 1.5, 2.25, 3.375].map((size) => Math.ceil((log.length * size) / 3.375));
        for (const size of steps) {
          const rows = log.slice(0, size);
          const { quarantined } = grow(newFirst ? rows.reverse() : rows, ledger, chosen);
          bridged.push(quarantined);
        }
      }),
      { numRuns: 200 },
    );
    expect(Math.max(...bridged)).toBeGreaterThan(0);
  });

  test.each([
    ['by hash', { by: 'hash', stratify: false }],
    ['by hash within labels', { by: 'hash', stratify: true }],
    ['by time', { by: 'time', stratify: false }],
  ] as const)('a growing log keeps its shares, %s', (_name, choice) => {
    const options: SideOptions = { validation: 0.15, test: 0.15, salt: 'salt', ...choice };
    // A small generator with a seed: the same log each time.
    let state = 1;
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const SIZE = 6000;
    const log: Row[] = Array.from({ length: Math.round(SIZE * 1.5 ** 3) }, (_, time) => ({
      place: random(SIZE * 25),
      label: random(10),
      time,
      customer: null,
    }));
    const ledger = new SideLedger();
    for (let size = SIZE; size <= log.length; size = Math.round(size * 1.5)) {
      const { sides, quarantined } = grow(log.slice(0, size), ledger, options);
      for (const side of SIDES) {
        const share = sides.filter((each) => each === SIDE_CODES[side]).length / size;
        expect(Math.abs(share - (side === 'train' ? 0.7 : 0.15))).toBeLessThan(0.015);
      }
      expect(quarantined / size).toBeLessThan(0.01);
    }
    expect(ledger.size).toBeGreaterThan(SIZE * 3);
  });
});
