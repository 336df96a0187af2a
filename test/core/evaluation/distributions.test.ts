import fc from 'fast-check';
import {
  betaCdf,
  binomialCdf,
  bisect,
  logGamma,
  studentCdf,
  studentQuantile,
} from '../../../src/core/evaluation/distributions.ts';

const parameter = fc.double({ min: 0.5, max: 2000, noNaN: true });
const share = fc.double({ min: 0, max: 1, noNaN: true });
// Multiples of 2^-30, so that 1 - x is exact: near 0, where the function is steep, a rounded 1 - x is another point.
const exactShare = fc.integer({ min: 0, max: 2 ** 30 }).map((steps) => steps / 2 ** 30);

// scipy 1.17.1: special.gammaln(x)
test.each([
  [0.1, 2.252712651734206],
  [0.5, 0.5723649429247],
  [1, 0],
  [10.5, 13.940625219403763],
  [1000, 5905.220423209181],
])('the logarithm of gamma of %d', (x, expected) => {
  expect(logGamma(x)).toBeCloseTo(expected, 9);
});

// scipy 1.17.1: special.betainc(a, b, x)
test.each([
  [0.4, 2, 3, 0.5248],
  [0.1, 0.5, 0.5, 0.20483276469913345],
  [0.8, 100.5, 30.5, 0.811228090603708],
  [0.01, 1, 50.5, 0.3980265638248668],
  [0.56, 5000.5, 4000.5, 0.8022062815606461],
])('the share below %d of a Beta(%d, %d) variable', (x, a, b, expected) => {
  expect(betaCdf(x, a, b)).toBeCloseTo(expected, 9);
});

test('a Beta variable is below x as often as its mirror image is above 1 - x', () => {
  fc.assert(
    fc.property(exactShare, parameter, parameter, (x, a, b) => {
      expect(betaCdf(x, a, b) + betaCdf(1 - x, b, a)).toBeCloseTo(1, 9);
    }),
  );
});

test('the share below grows from 0 to 1', () => {
  fc.assert(
    fc.property(share, share, parameter, parameter, (x, y, a, b) => {
      const [low, high] = [betaCdf(Math.min(x, y), a, b), betaCdf(Math.max(x, y), a, b)];
      expect(low).toBeLessThanOrEqual(high + 1e-12);
      expect(low).toBeGreaterThanOrEqual(0);
      expect(high).toBeLessThanOrEqual(1);
    }),
  );
  expect([betaCdf(-1, 2, 3), betaCdf(0, 2, 3), betaCdf(1, 2, 3), betaCdf(2, 2, 3)]).toEqual([0, 0, 1, 1]);
});

// scipy 1.17.1: stats.binom.cdf(k, n, p)
test.each([
  [3, 10, 0.5, 0.171875],
  [18, 20, 0.95, 0.2641604750561504],
  [480, 1000, 0.5, 0.10872414660207075],
])('at most %d successes in %d trials', (k, n, p, expected) => {
  expect(binomialCdf(k, n, p)).toBeCloseTo(expected, 10);
});

test('fewer than no successes never happen, and at most all always', () => {
  expect(binomialCdf(-1, 10, 0.5)).toBe(0);
  expect(binomialCdf(10, 10, 0.5)).toBe(1);
});

// scipy 1.17.1: stats.t.cdf(t, df), stats.t.ppf(p, df)
test.each([
  [-2.1, 9, 0.03255914120607598],
  [0.5, 3, 0.6742760175759245],
  [3, 200, 0.9984784764430471],
])('the share below %d of Student’s t with %d degrees', (t, degrees, expected) => {
  expect(studentCdf(t, degrees)).toBeCloseTo(expected, 10);
});

test.each([
  [0.975, 9, 2.262157162798205],
  [0.1, 3, -1.6377443536962089],
  [0.95, 200, 1.6525081009108769],
])('the %d quantile of Student’s t with %d degrees', (p, degrees, expected) => {
  expect(studentQuantile(p, degrees)).toBeCloseTo(expected, 8);
});

test('a bisection ends where its condition does', () => {
  expect(bisect((x) => x * x < 2, 0, 2)).toBeCloseTo(Math.SQRT2, 12);
});
