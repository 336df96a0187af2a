import fc from 'fast-check';
import {
  mean,
  meanInterval,
  percentile,
  percentileInterval,
  rateInterval,
} from '../../../src/core/evaluation/statistics.ts';

const values = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 60 });
const share = fc.double({ min: 0.001, max: 1, noNaN: true });

test('the mean and the percentile of no values are 0', () => {
  expect(mean([])).toBe(0);
  expect(percentile([], 0.95)).toBe(0);
});

test('the mean is the sum over the count', () => {
  expect(mean([1, 2, 6])).toBe(3);
});

test('a percentile is always one of the values', () => {
  fc.assert(fc.property(values, share, (list, p) => expect(list).toContain(percentile(list, p))));
});

test('a percentile grows with its share', () => {
  fc.assert(
    fc.property(values, share, share, (list, a, b) => {
      expect(percentile(list, Math.min(a, b))).toBeLessThanOrEqual(percentile(list, Math.max(a, b)));
    }),
  );
});

test('a percentile does not depend on the order of the values and does not sort them in place', () => {
  fc.assert(
    fc.property(values, share, (list, p) => {
      const before = [...list];
      expect(percentile(list, p)).toBe(percentile(list.toReversed(), p));
      expect(list).toEqual(before);
    }),
  );
});

test('for any whole percentage, at least that share of the values do not exceed it, and fewer lie below it', () => {
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 100 }), (list, percent) => {
      const value = percentile(list, percent / 100);
      // Counted in whole numbers: 0.07 * 100 is 7.000000000000001.
      expect(list.filter((each) => each <= value).length * 100).toBeGreaterThanOrEqual(percent * list.length);
      expect(list.filter((each) => each < value).length * 100).toBeLessThan(percent * list.length);
    }),
    { examples: [[Array.from({ length: 100 }, (_, index) => index), 7]] },
  );
});

test('the p95 of 1 to 100 is 95, the p50 of four values the second', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
  expect(percentile(hundred, 0.95)).toBe(95);
  expect(percentile([10, 9, 100, 1], 0.5)).toBe(9);
  expect(percentile(hundred, 1)).toBe(100);
});

describe('the interval of a rate', () => {
  // statsmodels 0.15.0: proportion_confint(k, n, method='wilson')
  test.each([
    [18, 20, 0.6989663547715127, 0.9721335187862318],
    [0, 10, 0, 0.27753279986288926],
    [10, 10, 0.7224672001371106, 1],
    [450, 500, 0.8705780903680599, 0.9233224372626984],
  ])('the interval of a rate is Wilson’s: %d of %d', (successes, n, low, high) => {
    const interval = rateInterval(successes, n);
    expect(interval.low).toBeCloseTo(low, 12);
    expect(interval.high).toBeCloseTo(high, 12);
  });

  test('the interval of a rate is the whole range without rows', () => {
    expect(rateInterval(0, 0)).toEqual({ low: 0, high: 1 });
  });
});

describe('the interval of a mean score', () => {
  const scores = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 });

  test('the interval of a mean score is that of the rate for rights and wrongs', () => {
    expect(meanInterval([1, 1, 0, 1])).toEqual(rateInterval(3, 4));
  });

  test('the interval of a mean score lies within 0 and 1 and has a width, however equal the scores are', () => {
    fc.assert(
      fc.property(scores, (list) => {
        const { low, high } = meanInterval(list) ?? { low: 2, high: -1 };
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(high - low).toBeGreaterThan(0);
      }),
    );
  });

  test('the interval of a mean score gets narrower with more rows', () => {
    const width = (rows: number) => {
      const { low, high } =
        meanInterval(Array.from({ length: rows }, (_, row) => (row % 10) / 10)) ?? rateInterval(0, 0);
      return high - low;
    };
    expect(width(1000)).toBeLessThan(width(100) / 2);
  });

  test('the interval of a mean score holds the mean in 95 % of samples, or nearly', () => {
    let seed = 7;
    const random = () => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) / 2 ** 24;
    };
    let held = 0;
    for (let sample = 0; sample < 1000; sample += 1) {
      // The square of a uniform number has the mean 1/3.
      const { low, high } = meanInterval(Array.from({ length: 30 }, () => random() ** 2)) ?? rateInterval(0, 0);
      if (low <= 1 / 3 && 1 / 3 <= high) held += 1;
    }
    expect(held).toBeGreaterThan(930);
    expect(held).toBeLessThan(975);
  });

  test('the interval of a mean score is unknown without scores', () => {
    expect(meanInterval([])).toBeNull();
  });
});

describe('the interval of a percentile', () => {
  const upTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1);

  // scipy 1.17.1: stats.quantile_test(x, p=p).confidence_interval(0.95)
  test.each([
    [200, 0.95, 184, 197],
    [20, 0.5, 6, 15],
  ])('the interval of a percentile lies between two of the values: %d of them, p = %d', (n, p, low, high) => {
    expect(percentileInterval(upTo(n), p)).toEqual({ low, high });
    expect(percentileInterval(upTo(n).reverse(), p)).toEqual({ low, high });
  });

  test('the interval of a percentile is unknown where the values are too few', () => {
    expect(percentileInterval(upTo(50), 0.95)).toBeNull();
    expect(percentileInterval(upTo(100), 0.95)).not.toBeNull();
    expect(percentileInterval([], 0.5)).toBeNull();
  });
});
