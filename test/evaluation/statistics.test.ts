import fc from 'fast-check';
import { mean, percentile } from '../../src/evaluation/statistics.ts';

const values = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 60 });
const share = fc.double({ min: 0.001, max: 1, noNaN: true });

test('no values have mean and percentile 0', () => {
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
