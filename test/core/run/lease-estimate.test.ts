import { estimateLeases, type LeaseEstimateInput } from '../../../src/core/run/lease-estimate.ts';
import { planLeases } from '../../../src/core/run/lease-plan.ts';
import type { Candidate } from '../../../src/core/run/plan.ts';

const TRAITS = { models: 1, atOnce: 10, coldStartMinutes: 10, idleMinutes: 15, paidByHour: true, servesBase: true };
const PER_HOUR: Record<string, number | null> = { small: 6, large: 60, mystery: null };
const candidate = (baseModel: string, epochs = 1): Candidate => ({
  id: baseModel,
  baseModel,
  hyperparameters: { learningRateMultiplier: 1, epochs },
  treatment: 'strip',
});
const input = (changes: Partial<LeaseEstimateInput> = {}): LeaseEstimateInput => ({
  leases: { traits: TRAITS, perHour: PER_HOUR },
  concurrency: 10,
  candidates: [candidate('small')],
  checkpoints: null,
  validationRows: 300,
  testRows: 300,
  baselineModel: null,
  champion: null,
  alternatives: [],
  ...changes,
});
/** USD for leases in one batch. */
const usd = (models: number, perHour = 6) => {
  const subjects = Array.from({ length: models }, (_, place) => ({
    model: `${place}`,
    baseModel: 'small',
    tuned: true,
  }));
  const [batch = []] = planLeases(TRAITS, subjects, { rows: 300, concurrency: 10 }, () => perHour);
  return batch.reduce((sum, lease) => sum + (lease.usd ?? 0), 0);
};

test('without leases nothing is held back', () => {
  expect(estimateLeases(input({ leases: null }), 300)).toMatchObject({ usd: 0, hours: 0, candidates: [0], final: 0 });
});

test('every candidate is leased for the validation rows, and the winner for the test rows', () => {
  const { candidates, final, usd: whole, hours } = estimateLeases(input(), 300);
  expect(candidates).toEqual([usd(1)]);
  expect(final).toBe(usd(1));
  expect(whole).toBeCloseTo(2 * usd(1), 12);
  expect(hours).toBeCloseTo((2 * usd(1)) / 6, 12);
});

test('checkpoints need leases of their own', () => {
  const checkpoints = { validation: 300, examples: 2000 };
  const { candidates } = estimateLeases(input({ checkpoints, candidates: [candidate('small', 4)] }), 300);
  expect(candidates).toEqual([expect.closeTo(usd(3), 12)]);
});

test('candidates that share a lease share its price', () => {
  const leases = { traits: { ...TRAITS, models: 100 }, perHour: PER_HOUR };
  const { candidates } = estimateLeases(input({ leases, candidates: [candidate('small'), candidate('small')] }), 300);
  const [one, other] = candidates;
  expect(one).toBe(other);
  expect(2 * (one ?? 0)).toBeCloseTo(1.8, 12);
});

test('the final test is estimated with the most expensive base model, because the winner is not known', () => {
  expect(estimateLeases(input({ candidates: [candidate('small'), candidate('large')] }), 300).final).toBe(usd(1, 60));
  expect(estimateLeases(input({ candidates: [candidate('large'), candidate('small')] }), 300).final).toBe(usd(1, 60));
});

test('baseline, alternatives and a champion without a lease are leased with the winner', () => {
  const others = { baselineModel: 'small', alternatives: ['large'], champion: { baseModel: 'small' } };
  const leased = estimateLeases(input(others), 300).final ?? 0;
  const kept = estimateLeases(input({ ...others, champion: { baseModel: 'small', lease: {} } }), 300).final ?? 0;
  expect(leased).toBeGreaterThan(kept);
  expect(kept).toBeGreaterThan(usd(1));
});

test('without test rows the winner is not asked again, so it needs no second lease', () => {
  expect(estimateLeases(input({ testRows: 0 }), 300).final).toBe(0);
});

test('a model that is called without a lease costs none', () => {
  expect(estimateLeases(input({ alternatives: ['elsewhere'] }), 300).final).toBe(usd(1));
});

test('an unknown price of an hour is named, and makes the sum unknown', () => {
  const estimate = estimateLeases(input({ candidates: [candidate('small'), candidate('mystery')] }), 300);
  expect(estimate).toMatchObject({ usd: null, final: null });
  expect(new Set(estimate.unknownPrices)).toEqual(new Set(['mystery']));
  expect(estimate.candidates).toEqual([expect.any(Number), null]);
});
