import fc from 'fast-check';
import { SIDE_CODES, SIDES, type Side } from '../../../src/core/dataset/side.ts';
import { type AssignedSides, assignSides, type SideOptions, splitSalt } from '../../../src/data/split/sides.ts';
import { keysOf } from '../rows/rows-with-keys.ts';

const { train: TRAIN, validation: VALIDATION, test: TEST } = SIDE_CODES;
const QUARANTINED = 0;
const OPTIONS: SideOptions = { validation: 0.2, test: 0.2, salt: 'salt', by: 'hash', stratify: false };

interface Row {
  input: string;
  /** Rows of one group name the same; a row without stands alone with those of its input. */
  group?: string;
  label?: number;
  time?: number;
  known?: Side;
}

function assign(rows: readonly Row[], options: Partial<SideOptions> = {}): AssignedSides {
  const firsts = new Map<string, number>();
  const groups = Uint32Array.from(rows, ({ input, group = input }, row) => {
    const first = firsts.get(group) ?? row;
    firsts.set(group, first);
    return first;
  });
  return assignSides(
    {
      groups,
      keys: keysOf(rows.map(({ input }) => input)),
      labels: Uint32Array.from(rows, ({ label = 0 }) => label),
      times: Float64Array.from(rows, ({ time = Number.NaN }) => time),
      known: Uint8Array.from(rows, ({ known }) => (known ? SIDE_CODES[known] : 0)),
    },
    { ...OPTIONS, ...options },
  );
}

const distinct = (count: number, row: (index: number) => Partial<Row> = () => ({})): Row[] =>
  Array.from({ length: count }, (_, index) => ({ input: `input ${index}`, ...row(index) }));

const countsOf = ({ sides }: AssignedSides) => SIDES.map((side) => countOf(sides, SIDE_CODES[side]));
const countOf = (sides: Uint8Array, code: number) => sides.filter((side) => side === code).length;

/** Groups of up to a few rows; equal inputs are in one group, as they must be. */
const rowsWithGroups: fc.Arbitrary<Row[]> = fc.array(
  fc
    .record({ group: fc.nat({ max: 30 }), spelling: fc.nat({ max: 2 }), label: fc.nat({ max: 4 }), time: fc.nat() })
    .map(({ group, spelling, label, time }) => ({ input: `${group}/${spelling}`, group: `${group}`, label, time })),
  { maxLength: 80 },
);

const anyOptions: fc.Arbitrary<SideOptions> = fc.record({
  validation: fc.double({ min: 0, max: 0.5, noNaN: true }),
  test: fc.double({ min: 0, max: 0.49, noNaN: true }),
  salt: fc.string(),
  by: fc.constantFrom('hash', 'time'),
  stratify: fc.boolean(),
});

describe('newcomers', () => {
  test('newcomers each get a side, all rows of a group the same', () => {
    fc.assert(
      fc.property(rowsWithGroups, anyOptions, (rows, options) => {
        const { sides, quarantined, groups } = assign(rows, options);
        const byGroup = Map.groupBy(sides, (_, row) => rows[row]?.group);
        for (const [side, ...others] of byGroup.values()) {
          expect([TRAIN, VALIDATION, TEST]).toContain(side);
          for (const other of others) expect(other).toBe(side);
        }
        expect(groups).toBe(byGroup.size);
        expect(quarantined).toBe(0);
      }),
    );
  });

  test('newcomers get the same side in any order', () => {
    const shuffled = rowsWithGroups.chain((rows) =>
      fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length, maxLength: rows.length })),
    );
    fc.assert(
      fc.property(shuffled, anyOptions, ([rows, others], options) => {
        const sideOf = (all: Row[]) => {
          const { sides } = assign(all, options);
          return Object.fromEntries(all.map(({ group }, row) => [group, sides[row]]));
        };
        expect(sideOf(others)).toEqual(sideOf(rows));
      }),
    );
  });

  test('newcomers get another split by another salt, the same by the same', () => {
    for (const count of [100, 1000]) {
      const first = assign(distinct(count));
      expect(assign(distinct(count))).toEqual(first);
      expect(assign(distinct(count), { salt: 'pepper' })).not.toEqual(first);
    }
  });

  test('newcomers of 500 groups and more depend on no other group', () => {
    const all = assign(distinct(1000)).sides;
    expect(assign(distinct(500)).sides).toEqual(all.subarray(0, 500));
  });

  test('no rows get no sides', () => {
    expect(assign([])).toEqual({ sides: new Uint8Array(), quarantined: 0, groups: 0 });
    expect(assign([], { stratify: true, by: 'time' })).toEqual({ sides: new Uint8Array(), quarantined: 0, groups: 0 });
  });
});

describe('shares', () => {
  const share = fc.double({ min: 0.01, max: 0.4, noNaN: true });

  test('shares of up to 499 groups are exact but for rounding, and at least one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 499 }), share, share, (count, validation, test) => {
        const [, validations, tests] = countsOf(assign(distinct(count), { validation, test }));
        expect(tests).toBe(Math.max(1, Math.round(count * test)));
        expect(validations).toBe(Math.max(1, Math.round(count * validation)));
      }),
    );
  });

  test('shares of a stratified split hold as a whole and within each label, however many groups there are', () => {
    const sizes = fc.array(fc.integer({ min: 5, max: 300 }), { minLength: 1, maxLength: 8 });
    const smallShare = fc.double({ min: 0.05, max: 0.3, noNaN: true });
    fc.assert(
      fc.property(sizes, smallShare, smallShare, (labels, validation, test) => {
        const labelled = labels.flatMap((size, label) => Array<number>(size).fill(label));
        const rows = distinct(labelled.length, (index) => ({ label: labelled[index] ?? 0 }));
        const assigned = assign(rows, { validation, test, stratify: true });
        const [, validations, tests] = countsOf(assigned);
        expect(tests).toBe(Math.max(1, Math.round(rows.length * test)));
        expect(validations).toBe(Math.max(1, Math.round(rows.length * validation)));
        labels.forEach((size, label) => {
          const of = assigned.sides.filter((_, row) => rows[row]?.label === label);
          expect(Math.abs(countOf(of, TEST) - size * test)).toBeLessThanOrEqual(1);
          expect(Math.abs(countOf(of, VALIDATION) - size * validation)).toBeLessThanOrEqual(1);
        });
      }),
    );
  });

  test('shares of many groups hold approximately', () => {
    const [, validations = 0, tests = 0] = countsOf(assign(distinct(4000), { validation: 0.1, test: 0.25 }));
    expect(Math.abs(tests / 4000 - 0.25)).toBeLessThan(0.03);
    expect(Math.abs(validations / 4000 - 0.1)).toBeLessThan(0.02);
  });

  test.each(['hash', 'time'] as const)('shares of 0 leave a side empty (by %s)', (by) => {
    for (const count of [20, 600]) {
      for (const stratify of [true, false]) {
        const [, validations, tests] = countsOf(assign(distinct(count), { test: 0, by, stratify }));
        expect(tests).toBe(0);
        expect(validations).toBeGreaterThan(0);
      }
    }
  });

  test('shares over 0 leave no side empty, however small the log', () => {
    for (let count = 3; count < 40; count += 1) {
      const options = { validation: 0.01, test: 0.01, salt: `${count}` };
      for (const stratify of [true, false]) {
        expect(countsOf(assign(distinct(count), { ...options, stratify }))).toEqual([count - 2, 1, 1]);
      }
      expect(countsOf(assign(distinct(count), { ...options, by: 'time' }))).toEqual([count - 2, 1, 1]);
    }
  });

  test('shares are taken of groups, so that a group of many rows weighs as one', () => {
    const rows = [...distinct(20), ...Array.from({ length: 500 }, () => ({ input: 'input 7' }))];
    const { sides } = assign(rows);
    const firsts = sides.subarray(0, 20);
    expect([TRAIN, VALIDATION, TEST].map((code) => countOf(firsts, code))).toEqual([12, 4, 4]);
  });

  test.each([
    ['under 0', -0.1, 0.2],
    ['under 0', 0.2, -0.1],
    ['that leave nothing to train on', 0.5, 0.5],
    ['that are no numbers', Number.NaN, 0.2],
  ])('%s are refused', (_name, validation, test) => {
    expect(() => assign([], { validation, test })).toThrow(
      expect.objectContaining({ code: 'PIPELINE_INVALID', message: expect.stringContaining(`${validation}`) }),
    );
  });
});

describe('labels', () => {
  test('labels each keep a group to train on', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 6 }), { minLength: 1, maxLength: 60 }), anyOptions, (labels, options) => {
        const rows = distinct(labels.length, (index) => ({ label: labels[index] ?? 0 }));
        const { sides } = assign(rows, { ...options, by: 'hash', stratify: true });
        const trained = new Set(labels.filter((_, row) => sides[row] === TRAIN));
        expect(trained).toEqual(new Set(labels));
      }),
    );
  });

  test('the label of a group is that of most of its rows', () => {
    // A label of one group keeps it to train on: so these groups count for label 0.
    const rows = distinct(30, () => ({ label: 0 })).flatMap(({ input }) => [
      { input: `${input} a`, group: input, label: 1 },
      { input: `${input} b`, group: input, label: 0 },
      { input: `${input} c`, group: input, label: 0 },
    ]);
    const own = [{ input: 'own', label: 1 }];
    for (const salt of ['a', 'b', 'c', 'd', 'e', 'f']) {
      expect(assign([...rows, ...own], { stratify: true, salt }).sides.at(-1)).toBe(TRAIN);
    }
  });

  test('the first of the equally frequent labels of a group counts', () => {
    const rows = distinct(30).flatMap(({ input }) => [
      { input: `${input} a`, group: input, label: 1 },
      { input: `${input} b`, group: input, label: 0 },
    ]);
    const own = [{ input: 'own', label: 1 }];
    for (const salt of ['a', 'b', 'c', 'd', 'e', 'f']) {
      expect(assign([...rows, ...own], { stratify: true, salt }).sides.at(-1)).toBe(TRAIN);
    }
  });

  test('labels of equal size take turns, so that as many as possible are judged', () => {
    const rows = distinct(300, (index) => ({ label: index % 100 }));
    const assigned = assign(rows, { validation: 0.15, test: 0.15, stratify: true });
    expect(countsOf(assigned)).toEqual([210, 45, 45]);
    const judged = rows.filter((_, row) => assigned.sides[row] !== TRAIN).map(({ label }) => label);
    expect(new Set(judged).size).toBe(90);
  });

  test('labels of equal size are judged as the salt decides', () => {
    const rows = distinct(300, (index) => ({ label: index % 100 }));
    const judged = (salt: string) => {
      const { sides } = assign(rows, { validation: 0.15, test: 0.15, stratify: true, salt });
      return new Set(rows.filter((_, row) => sides[row] === TEST).map(({ label }) => label));
    };
    expect(judged('a')).not.toEqual(judged('b'));
  });

  test('labels of one group each share the few free ones between validation and test', () => {
    const rows = distinct(26, (index) => ({ label: index % 22 }));
    expect(countsOf(assign(rows, { validation: 0.15, test: 0.15, stratify: true }))).toEqual([22, 2, 2]);
  });
});

describe('known rows', () => {
  /** Rows that are on sides already, perhaps on several within a group, and newcomers. */
  const anyKnown: fc.Arbitrary<Row[]> = fc
    .tuple(rowsWithGroups, fc.infiniteStream(fc.constantFrom(...SIDES, undefined)))
    .map(([rows, sides]) => {
      // Equal inputs have equal keys, which the ledger knows once.
      const known = new Map([...new Set(rows.map(({ input }) => input))].map((input) => [input, sides.next().value]));
      return rows.map((row) => {
        const side = known.get(row.input);
        return side ? { ...row, known: side } : row;
      });
    });

  test('known rows stay; newcomers to a group inherit its side, or are quarantined where it has several', () => {
    fc.assert(
      fc.property(anyKnown, anyOptions, (rows, options) => {
        const { sides, quarantined } = assign(rows, options);
        for (const members of Map.groupBy(rows.keys(), (row) => rows[row]?.group).values()) {
          const known = new Set(members.flatMap((row) => rows[row]?.known ?? []));
          const [side] = known;
          for (const row of members) {
            const { known: own } = rows[row] ?? {};
            if (own) expect(sides[row]).toBe(SIDE_CODES[own]);
            else if (known.size > 1) expect(sides[row]).toBe(QUARANTINED);
            else if (side) expect(sides[row]).toBe(SIDE_CODES[side]);
            else expect(sides[row]).not.toBe(QUARANTINED);
          }
        }
        expect(quarantined).toBe(countOf(sides, QUARANTINED));
      }),
    );
  });

  test('known rows alone leave nothing to assign', () => {
    const rows = distinct(10, (index) => ({ known: SIDES[index % 3] ?? 'train' }));
    for (const stratify of [true, false]) {
      expect(assign(rows, { stratify, test: 0 })).toEqual({
        sides: Uint8Array.from(rows, (_, index) => (index % 3) + 1),
        quarantined: 0,
        groups: 10,
      });
    }
  });

  test('known rows count for the shares of their side', () => {
    const known: Side[] = [...Array<Side>(4).fill('test'), 'validation', ...Array<Side>(5).fill('train')];
    const rows = [...distinct(10, (index) => ({ known: known[index] ?? 'train' })), ...distinct(20).slice(10)];
    for (const options of [{ stratify: true }, { by: 'time' } as const, {}]) {
      expect(countsOf(assign(rows, options))).toEqual([12, 4, 4]);
    }
  });

  test('known rows count within their label', () => {
    const rows = [
      ...distinct(10, (index) => ({ label: 0, known: index < 5 ? 'test' : 'train' })),
      ...distinct(30, (index) => ({ label: index % 2 })).slice(10),
    ];
    const { sides } = assign(rows, { stratify: true });
    const tested = (label: number) => sides.filter((side, row) => side === TEST && rows[row]?.label === label).length;
    expect([tested(0), tested(1)]).toEqual([5, 2]);
  });

  test('known rows of many labels leave to newcomers the difference that the labels together lack', () => {
    const known = (index: number): Side => (index % 10 < 6 ? 'train' : index % 10 < 8 ? 'validation' : 'test');
    const rows = distinct(110, (index) =>
      index < 100 ? { label: Math.floor(index / 10), known: known(index) } : { label: index % 10 },
    );
    expect(countsOf(assign(rows, { stratify: true }))).toEqual([66, 22, 22]);
  });

  test('too many known rows on a side keep newcomers from it', () => {
    const rows = [...distinct(10, () => ({ known: 'test' })), ...distinct(20).slice(10)];
    for (const stratify of [true, false]) expect(countsOf(assign(rows, { stratify }))).toEqual([6, 4, 10]);
  });

  test('known training rows of a label free all its newcomers to be judged', () => {
    const rows = [...distinct(6, () => ({ known: 'train' })), ...distinct(10).slice(6)];
    const options = { validation: 0.2, test: 0.2, stratify: true };
    expect(countsOf(assign(rows, options))).toEqual([6, 2, 2]);
  });
});

describe('by time', () => {
  const timed = (count: number) => distinct(count, (index) => ({ time: (index * 7919) % count }));

  test('by time, the newest groups judge, and those before them choose', () => {
    for (const count of [100, 700]) {
      const rows = timed(count);
      const { sides } = assign(rows, { by: 'time' });
      rows.forEach(({ time = 0 }, row) => {
        expect(sides[row]).toBe(time >= 0.8 * count ? TEST : time >= 0.6 * count ? VALIDATION : TRAIN);
      });
    }
  });

  test('by time, the newest row of a group counts', () => {
    const rows = [
      ...timed(10),
      { input: 'old', group: 'of two', time: -5 },
      { input: 'new', group: 'of two', time: 99 },
    ];
    const { sides } = assign(rows, { by: 'time', test: 0.1 });
    expect([...sides.subarray(10)]).toEqual([TEST, TEST]);
  });

  test('rows without a time count as the oldest, before 1970 too', () => {
    const rows: Row[] = [...distinct(6), ...distinct(10, (index) => ({ time: -index })).slice(6)];
    const { sides } = assign(rows, { by: 'time' });
    expect([...sides.subarray(0, 6)]).toEqual(Array(6).fill(TRAIN));
  });

  test('rows that all lack a time are split by hash', () => {
    const [first, second] = ['a', 'b'].map((salt) => assign(distinct(50), { by: 'time', salt }));
    expect(first && countsOf(first)).toEqual([30, 10, 10]);
    expect(second && countsOf(second)).toEqual([30, 10, 10]);
    expect(first).not.toEqual(second);
  });

  test('by time, newer rows judge beside those that judged before', () => {
    const before = timed(100);
    const { sides } = assign(before, { by: 'time' });
    const known = before.map((row, index) => ({ ...row, known: SIDES[(sides[index] ?? 1) - 1] ?? 'train' }));
    const rows = [...known, ...distinct(200, (index) => ({ time: index })).slice(100)];
    const after = assign(rows, { by: 'time' });
    expect(countsOf(after)).toEqual([120, 40, 40]);
    rows.slice(100).forEach(({ time = 0 }, index) => {
      expect(after.sides[100 + index]).toBe(time >= 180 ? TEST : time >= 160 ? VALIDATION : TRAIN);
    });
  });
});

test('a salt follows from the seed, and its hash does not say it', () => {
  expect(splitSalt(1)).toEqual(splitSalt(1));
  expect(splitSalt(1).salt).not.toBe(splitSalt(2).salt);
  expect(splitSalt(1).sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(splitSalt(1).sha256).not.toBe(splitSalt(2).sha256);
});
