import { randomShares } from '@tuneloop/app/internal/shared/random';
import fc from 'fast-check';
import {
  auc,
  DriftSample,
  driftRow,
  jensenShannon,
  measureDrift,
  psi,
  SAMPLED_ROWS,
} from '../../../src/data/drift/drift.ts';

const random = randomShares(3);
const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;

const SHOP = 'where is my parcel refund please late courier money back order account password cannot log in'.split(' ');
const GARAGE = 'engine brake clutch tyre oil leak noise gearbox exhaust battery wheel mirror'.split(' ');

function rows(count: number, words: readonly string[], labels: readonly string[] | null = ['refund', 'account']) {
  return Array.from({ length: count }, () =>
    driftRow(Array.from({ length: 6 }, () => pick(words)).join(' '), labels && pick(labels)),
  );
}

test('rows of the same kind are no drift, however few', async () => {
  for (const count of [30, 200])
    expect(await measureDrift(rows(400, SHOP), rows(count, SHOP))).toMatchObject({ significant: false });
});

test('other words, other labels or another length are drift, and the text says which', async () => {
  const old = rows(400, SHOP);
  const words = await measureDrift(old, rows(60, [...SHOP, ...GARAGE]));
  expect(words).toMatchObject({ significant: true, n: { old: 400, new: 60 } });
  expect(words.text).toMatch(/^drift in 60 new examples \(p .+\): .*words are new/);
  const labels = await measureDrift(old, rows(60, SHOP, ['refund', 'warranty']));
  expect(labels.text).toContain('labels are distributed differently');
  const long = rows(60, SHOP).map((row) => ({ ...row, length: row.length * 3 }));
  expect((await measureDrift(old, long)).text).toContain('inputs have another length');
});

test('texts without labels are compared by the other measures', async () => {
  const drift = await measureDrift(rows(100, SHOP, null), rows(50, GARAGE, null));
  expect(drift.significant).toBe(true);
  expect(drift.statistics.map(({ name }) => name)).not.toContain('label-psi');
});

test('a classifier tells new rows from old ones by a few words, whichever side comes first', async () => {
  const [usual, odd] = [rows(1000, SHOP), rows(300, [...SHOP, ...SHOP, ...SHOP, 'engine', 'brake'])];
  for (const { statistics } of [await measureDrift(usual, odd), await measureDrift(odd, usual)]) {
    const { value = 0, pValue } = statistics.find(({ name }) => name === 'classifier') ?? {};
    expect(value).toBeGreaterThan(0.55);
    expect(pValue).toBe(1 / 300);
  }
});

test('the same rows give the same result', async () => {
  const [old, fresh] = [rows(100, SHOP), rows(40, SHOP)];
  expect(await measureDrift(old, fresh)).toEqual(await measureDrift(old, fresh));
});

test('no text harms the measure, and an empty side is no drift', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: 'binary' }), { maxLength: 8 }), async (texts) => {
      const all = texts.map((text) => driftRow(text, null));
      for (const { value, pValue } of (await measureDrift(all, all)).statistics) {
        expect(value).not.toBeNaN();
        expect(pValue).toBeGreaterThan(0);
        expect(pValue).toBeLessThanOrEqual(1);
      }
    }),
    { numRuns: 20 },
  );
});

test('the caller of the measure is asked between its steps, and may end it', async () => {
  let asked = 0;
  const pause = async () => {
    asked += 1;
    if (asked === 3) throw new Error('enough');
  };
  await expect(measureDrift(rows(40, SHOP), rows(40, SHOP), pause)).rejects.toThrow('enough');
});

test('a sample holds every row of a short stream, and a bounded choice of a long one', () => {
  const sample = new DriftSample(1);
  for (let row = 0; row < SAMPLED_ROWS * 3; row += 1) sample.add(() => driftRow(`${row}`, `${row}`));
  expect(sample.rows).toHaveLength(SAMPLED_ROWS);
  const late = sample.rows.filter(({ label }) => Number(label) >= SAMPLED_ROWS).length;
  expect(late / SAMPLED_ROWS).toBeGreaterThan(0.6);
  expect(late / SAMPLED_ROWS).toBeLessThan(0.73);
});

const counts = (...values: number[]) => Float64Array.from(values);

// scipy 1.14: spatial.distance.jensenshannon([5, 3, 2], [2, 3, 5], 2) ** 2
test('the Jensen-Shannon divergence is that of scipy, symmetric, and 1 for counts without a common class', () => {
  expect(jensenShannon(counts(5, 3, 2), counts(2, 3, 5))).toBeCloseTo(0.095816, 6);
  expect(jensenShannon(counts(1, 0), counts(0, 7))).toBe(1);
  const some = fc.array(fc.nat(20), { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(some, some, (a, b) => {
      expect(jensenShannon(counts(...a), counts(...b))).toBeCloseTo(jensenShannon(counts(...b), counts(...a)), 12);
    }),
  );
});

// numpy: p = (c + 0.5) / (c + 0.5).sum(); ((q - p) * log(q / p)).sum()
test('the population stability index is that of its formula', () => {
  expect(psi(counts(5, 3, 2), counts(2, 3, 5))).toBeCloseTo(0.4113691, 6);
  expect(psi(counts(4, 4), counts(4, 4))).toBe(0);
});

test('the area under the curve is 1 for a perfect order, 0 for its reverse, one half for ties', () => {
  const judged = (...pairs: [number, number][]) => auc(pairs);
  expect(judged([1, 0], [2, 0], [3, 1], [4, 1])).toBe(1);
  expect(judged([1, 1], [2, 1], [3, 0])).toBe(0);
  expect(judged([1, 0], [1, 1], [1, 0], [1, 1])).toBe(0.5);
  // One of the four pairs of a new and an old row is in the wrong order.
  expect(judged([1, 0], [2, 1], [3, 0], [4, 1])).toBe(0.75);
  expect(judged([1, 0])).toBe(0.5);
});
