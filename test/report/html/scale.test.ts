import fc from 'fast-check';
import { linearScale, logScale, logTicks, niceTicks } from '../../../src/report/html/scale.ts';

const value = fc.double({ min: -1e6, max: 1e6, noNaN: true });
const most = fc.integer({ min: 2, max: 12 });

test.each<[number, number, number, number[]]>([
  [0, 1, 6, [0, 0.2, 0.4, 0.6, 0.8, 1]],
  [0.83, 0.97, 4, [0.85, 0.9, 0.95]],
  [-0.021, 0.143, 5, [0, 0.05, 0.1]],
  [0, 4, 5, [0, 1, 2, 3, 4]],
  [3, 3, 5, [3]],
])('ticks from %d to %d, at most %d', (low, high, count, ticks) => {
  expect(niceTicks(low, high, count)).toEqual(ticks);
});

test.each<[number, number, number, number[]]>([
  [0.000001, 5, 4, [0.000001, 0.0001, 0.01, 1]],
  [0.01, 10, 5, [0.01, 0.1, 1, 10]],
  [0.2, 6, 6, [0.2, 0.5, 1, 2, 5]],
  [3, 4, 3, [3, 3.5, 4]],
])('log ticks from %d to %d, at most %d', (low, high, count, ticks) => {
  expect(logTicks(low, high, count)).toEqual(ticks);
});

test('ticks are round, ascending, inside, and not too many', () => {
  fc.assert(
    fc.property(value, value, most, (a, b, count) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      fc.pre(high - low > 1e-6);
      const ticks = niceTicks(low, high, count);
      expect(ticks.length).toBeGreaterThan(0);
      expect(ticks.length).toBeLessThanOrEqual(count);
      const tolerance = (high - low) * 1e-6;
      expect(ticks.every((tick) => tick >= low - tolerance && tick <= high + tolerance)).toBe(true);
      expect(ticks).toEqual([...new Set(ticks)].sort((x, y) => x - y));
    }),
  );
});

test('log ticks are ascending, inside, and not too many', () => {
  fc.assert(
    fc.property(
      fc.double({ min: -9, max: 5, noNaN: true }),
      fc.double({ min: 0.1, max: 12, noNaN: true }),
      most,
      (from, decades, count) => {
        const [low, high] = [10 ** from, 10 ** (from + decades)];
        const ticks = logTicks(low, high, count);
        expect(ticks.length).toBeGreaterThan(0);
        expect(ticks.length).toBeLessThanOrEqual(count);
        expect(ticks.every((tick) => tick >= low * 0.999 && tick <= high * 1.001)).toBe(true);
        expect(ticks).toEqual([...new Set(ticks)].sort((x, y) => x - y));
      },
    ),
  );
});

test('a linear scale places equal differences equally far apart', () => {
  const scale = linearScale([10, 20], [100, 300], 5);
  expect([10, 15, 20].map(scale.at)).toEqual([100, 200, 300]);
  expect(linearScale([0, 1], [300, 100], 5).at(0.25)).toBe(250);
});

test('a log scale places equal ratios equally far apart', () => {
  const scale = logScale([0.001, 1000], [0, 600], 7);
  expect([0.001, 1, 1000].map((each) => Math.round(scale.at(each)))).toEqual([0, 300, 600]);
});
