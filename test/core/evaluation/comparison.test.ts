import fc from 'fast-check';
import {
  compareScores,
  mcnemarTest,
  nonInferiority,
  rowsToFind,
  signFlipTest,
} from '../../../src/core/evaluation/comparison.ts';

/** Rights and wrongs of two models on `n` rows, of which the first alone is right on some and the second on others. */
function rights(gained: number, lost: number, n: number): [number[], number[]] {
  return [
    Array.from({ length: n }, (_, row) => Number(row < gained)),
    Array.from({ length: n }, (_, row) => Number(row >= gained && row < gained + lost)),
  ];
}

const score = fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true }));
const pairs = fc.array(fc.tuple(score, score), { minLength: 1, maxLength: 30 });

// statsmodels 0.15.0: mcnemar([[0, gained], [lost, 0]], exact=True).pvalue
test.each([
  [12, 3, 0.03515625],
  [5, 5, 1],
  [30, 12, 0.007915897334896727],
  [1, 0, 1],
  [200, 150, 0.008720036530555947],
])('the exact McNemar test of %d against %d flips', (gained, lost, pValue) => {
  expect(mcnemarTest(gained, lost)).toBeCloseTo(pValue, 12);
  expect(mcnemarTest(lost, gained)).toBeCloseTo(pValue, 12);
});

test('models that never differ are no evidence', () => {
  expect(mcnemarTest(0, 0)).toBe(1);
  expect(signFlipTest([0, 0, 0])).toBe(1);
});

describe('the sign-flip test', () => {
  test('the sign-flip test of few differences is exact', () => {
    // scipy 1.17.1: stats.permutation_test((d,), abs of the sum, permutation_type='samples', alternative='greater')
    expect(signFlipTest([0.1, 0.2, -0.05, 0.3, 0.15, -0.1, 0.05, 0.02])).toBeCloseTo(0.1328125, 12);
  });

  test('the sign-flip test of many differences is close to the result of more draws', () => {
    const differences = Array.from(
      { length: 40 },
      (_, row) => Math.round((((row * 37) % 100) / 100 - 0.4) * 100) / 100,
    );
    // scipy 1.17.1: stats.permutation_test with n_resamples=200000
    expect(Math.abs(signFlipTest(differences) - 0.06326)).toBeLessThan(0.01);
    expect(signFlipTest(differences)).toBe(signFlipTest(differences));
    expect(signFlipTest(differences.toReversed())).toBe(signFlipTest(differences));
    expect(signFlipTest(differences.map((each) => -each))).toBe(signFlipTest(differences));
  });

  test('the sign-flip test never gives a probability of 0', () => {
    const certain = Array.from({ length: 2000 }, () => 1);
    expect(signFlipTest(certain)).toBeGreaterThan(0);
    expect(signFlipTest(certain)).toBeLessThan(0.001);
  });

  test('the sign-flip test of rights and wrongs is McNemar’s', () => {
    const differences = [...Array.from({ length: 11 }, () => 1), -1, -1, -1];
    expect(signFlipTest(differences)).toBeCloseTo(mcnemarTest(11, 3), 12);
  });
});

// scipy 1.17.1: integrate.quad over the share of rows that differ, stats.beta.pdf(s, g + l + 1, t + 0.5) *
// stats.beta.sf((1 + d / s) / 2, g + 0.5, l + 0.5), for g gains, l losses, t ties
test.each([
  [12, 3, 50, 0.05, 0.9987028716602273],
  [30, 40, 500, 0.01, 0.27596188324722654],
  [3, 1, 8, 0, 0.8395305452665442],
  [200, 150, 3000, 0.01, 0.9999902122021961],
])('the posterior of %d gains and %d losses in %d rows', (gained, lost, n, margin, expected) => {
  expect(nonInferiority(...rights(gained, lost, n), margin)).toBeCloseTo(expected, 6);
});

test('models that never differ are not proven equal by a few rows', () => {
  expect(nonInferiority(...rights(0, 0, 50), 0.01)).toBeCloseTo(0.798, 2);
  expect(nonInferiority(...rights(0, 0, 1000), 0.01)).toBeGreaterThan(0.99);
});

test('the interval is that of the posterior', () => {
  const { interval } = compareScores(...rights(12, 3, 50), 0.01);
  // As above, solved for 2.5 % and 97.5 % by optimize.brentq.
  expect(interval.low).toBeCloseTo(0.032763, 5);
  expect(interval.high).toBeCloseTo(0.320318, 5);
});

test('rows for a power of 80 % are the published ones, where 10 % of the rows differ', () => {
  expect([0.1, 0.05, 0.03].map((difference) => rowsToFind(difference, 0.1))).toEqual([77, 312, 870]);
  expect(rowsToFind(0, 0.1)).toBe(Number.POSITIVE_INFINITY);
});

describe('the verdict', () => {
  const verdict = (gained: number, lost: number, n: number, margin = 0.01, chosenAmong = 1) =>
    compareScores(...rights(gained, lost, n), margin, chosenAmong).verdict;

  test('the verdict is better or worse where the exact test says so', () => {
    expect(verdict(12, 3, 50)).toBe('better');
    expect(verdict(3, 12, 50)).toBe('worse');
    // p = 0.057: one flip less.
    expect(verdict(11, 3, 50)).toBe('non-inferior');
    expect(verdict(9, 5, 50)).toBe('inconclusive');
  });

  test('the verdict is non-inferior where a loss of the margin is hardly possible, even if there is a small one', () => {
    expect(verdict(20, 20, 3000)).toBe('non-inferior');
    expect(verdict(10, 30, 10_000)).toBe('non-inferior');
    expect(verdict(10, 30, 10_000, 0)).toBe('worse');
  });

  test('the verdict is inconclusive on few rows, and says how many more rows decide', () => {
    const { verdict, rowsNeeded, n } = compareScores(...rights(5, 3, 50), 0.01);
    expect(verdict).toBe('inconclusive');
    expect(rowsNeeded).toBeGreaterThan(n);
    expect(compareScores(...rights(12, 3, 50), 0.01).rowsNeeded).toBeNull();
  });

  test('the significance level is divided by the number of contenders', () => {
    expect(verdict(12, 3, 50, 0.01, 9)).toBe('inconclusive');
    expect(verdict(20, 3, 50, 0.01, 9)).toBe('better');
  });

  test('the verdict counts flips both ways', () => {
    expect(compareScores(...rights(12, 3, 50), 0.01)).toMatchObject({ gained: 12, lost: 3, n: 50, difference: 0.18 });
  });

  test('the verdict on other scores comes from the sign-flip test', () => {
    const first = Array.from({ length: 60 }, (_, row) => 0.5 + (row % 7) / 20);
    const second = first.map((each, row) => each - 0.1 + (row % 3) / 50);
    expect(compareScores(first, second, 0.01)).toMatchObject({ test: 'sign-flip', verdict: 'better' });
    expect(compareScores(second, first, 0.01)).toMatchObject({ test: 'sign-flip', verdict: 'worse' });
  });
});

test('many small gains prove nothing if one heavy loss would undo them', () => {
  const other = Array.from({ length: 20 }, () => 0.7);
  const challenger = other.map((each) => each + 0.02);
  const there = compareScores(challenger, other, 0.01);
  expect(there.pValue).toBeLessThan(0.001);
  expect(there.verdict).toBe('inconclusive');
  expect(compareScores(other, challenger, 0.01).verdict).toBe('inconclusive');
});

test('a verdict never contradicts its interval', () => {
  // Differences of one sign, large and small, so that claims are frequent.
  const shifted = fc.tuple(fc.integer({ min: -50, max: 50 }), fc.array(score, { minLength: 1, maxLength: 40 }));
  const seen = new Set<string>();
  fc.assert(
    fc.property(shifted, ([hundredths, other]) => {
      const challenger = other.map((each, row) => each * 0.5 + (hundredths / 100) * (row % 4 === 0 ? 0.5 : 1));
      const halved = other.map((each) => each * 0.5);
      const { verdict, interval } = compareScores(challenger, halved, 0.01);
      seen.add(verdict);
      if (verdict === 'better') expect(interval.low).toBeGreaterThan(0);
      if (verdict === 'worse') expect(interval.high).toBeLessThan(0);
    }),
    { numRuns: 100 },
  );
  expect([...seen]).toEqual(expect.arrayContaining(['better', 'worse']));
});

test('exchanging the two turns everything around', () => {
  fc.assert(
    fc.property(pairs, (rows) => {
      const [a, b] = [rows.map(([first]) => first), rows.map(([, second]) => second)];
      const [there, back] = [compareScores(a, b, 0.01), compareScores(b, a, 0.01)];
      expect(back.difference).toBeCloseTo(-there.difference, 9);
      expect(back.pValue).toBeCloseTo(there.pValue, 9);
      expect([back.gained, back.lost]).toEqual([there.lost, there.gained]);
      expect(back.interval.low).toBeCloseTo(-there.interval.high, 4);
      expect(there.pValue).toBeGreaterThan(0);
      expect(there.pValue).toBeLessThanOrEqual(1);
    }),
    { numRuns: 60 },
  );
});

test('the order of the rows does not count', () => {
  fc.assert(
    fc.property(pairs, (rows) => {
      const compare = (list: typeof rows) =>
        compareScores(
          list.map(([first]) => first),
          list.map(([, second]) => second),
          0.05,
        );
      const [there, back] = [compare(rows), compare(rows.toReversed())];
      expect(back.verdict).toBe(there.verdict);
      expect(back.nonInferiority).toBeCloseTo(there.nonInferiority, 9);
    }),
    { numRuns: 60 },
  );
});

test('a wider margin makes non-inferiority surer', () => {
  fc.assert(
    fc.property(pairs, (rows) => {
      const [a, b] = [rows.map(([first]) => first), rows.map(([, second]) => second)];
      expect(nonInferiority(a, b, 0.2)).toBeGreaterThanOrEqual(nonInferiority(a, b, 0.02) - 1e-9);
    }),
    { numRuns: 60 },
  );
});

test('scores of different rows are refused', () => {
  expect(() => compareScores([1], [1, 0], 0)).toThrow('no pairs');
  expect(() => compareScores([], [], 0)).toThrow('no pairs');
});
