import fc from 'fast-check';
import { overlaps, placeLabels, type WantedLabel } from '../../../src/report/html/label-placement.ts';

const BOUNDS = { x: 0, y: 0, width: 600, height: 400 };
const wanted = fc.record({
  x: fc.integer({ min: 0, max: 600 }),
  y: fc.integer({ min: 0, max: 400 }),
  width: fc.integer({ min: 10, max: 200 }),
  height: fc.constant(16),
  essential: fc.boolean(),
});
const label = (changes: Partial<WantedLabel>): WantedLabel => ({
  x: 300,
  y: 200,
  width: 80,
  height: 16,
  essential: true,
  ...changes,
});

test('no label lies on another, on an obstacle, or out of bounds', () => {
  fc.assert(
    fc.property(fc.array(wanted, { maxLength: 40 }), (labels) => {
      const obstacles = labels.map(({ x, y }) => ({ x: x - 5, y: y - 5, width: 10, height: 10 }));
      const placed = placeLabels(labels, obstacles, BOUNDS).filter((box) => box !== null);
      for (const [index, box] of placed.entries()) {
        expect(box.x).toBeGreaterThanOrEqual(0);
        expect(box.x + box.width).toBeLessThanOrEqual(600);
        expect(box.y).toBeGreaterThanOrEqual(0);
        expect(box.y + box.height).toBeLessThanOrEqual(400);
        expect([...obstacles, ...placed.slice(0, index)].some((other) => overlaps(box, other))).toBe(false);
      }
    }),
  );
});

test('a label stands right of its point, and left of it at the right edge', () => {
  const [right, left] = placeLabels([label({}), label({ x: 595, y: 100 })], [], BOUNDS);
  expect(right?.x).toBeGreaterThan(300);
  expect(right?.y).toBe(192);
  expect(left?.x).toBeLessThan(595 - 80);
});

test('essential labels of many at one point find a place further away, the others are left out', () => {
  const crowd = (essential: boolean) =>
    placeLabels(
      Array.from({ length: 30 }, () => label({ essential })),
      [],
      BOUNDS,
    );
  expect(crowd(true).filter((box) => box === null)).toHaveLength(0);
  expect(crowd(false).filter((box) => box === null).length).toBeGreaterThan(15);
});
