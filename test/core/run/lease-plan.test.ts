import { type LeaseSubject, type LeaseTraits, leasesUsd, planLeases } from '../../../src/core/run/lease-plan.ts';

const TRAITS: LeaseTraits = {
  models: 1,
  atOnce: 2,
  coldStartMinutes: 10,
  idleMinutes: 15,
  paidByHour: true,
  servesBase: true,
};
const LOAD = { rows: 300, concurrency: 10 };
const tuned = (model: string, baseModel = 'small'): LeaseSubject => ({ model, baseModel, tuned: true });
const base = (model: string): LeaseSubject => ({ model, baseModel: model, tuned: false });
const plan = (
  traits: Partial<LeaseTraits>,
  subjects: LeaseSubject[],
  pricePerHour: (model: string) => number | null = () => 6,
) => planLeases({ ...TRAITS, ...traits }, subjects, LOAD, pricePerHour);
const modelsOf = (batches: ReturnType<typeof planLeases>) =>
  batches.map((batch) => batch.map(({ models }) => models.join('+')));

test('every model gets a lease of its own, and no more leases than allowed exist at the same time', () => {
  expect(modelsOf(plan({}, [tuned('a'), tuned('b'), tuned('c')]))).toEqual([['a', 'b'], ['c']]);
});

test('models of one base model share a lease up to its limit', () => {
  const batches = plan({ models: 2 }, [tuned('a'), tuned('b', 'large'), tuned('c'), tuned('d')]);
  expect(modelsOf(batches)).toEqual([['a+c', 'b'], ['d']]);
  expect(batches.flat().map(({ baseModel }) => baseModel)).toEqual(['small', 'large', 'small']);
});

test('a model that is named twice is leased once', () => {
  expect(modelsOf(plan({}, [tuned('a'), tuned('a')]))).toEqual([['a']]);
});

test('a base model shares the lease of the models that are tuned from it', () => {
  expect(modelsOf(plan({ models: 100 }, [tuned('a'), base('small'), base('large')]))).toEqual([['a+small', 'large']]);
});

test('a base model gets no lease at a provider that leases tuned models alone', () => {
  expect(modelsOf(plan({ servesBase: false }, [base('small'), tuned('a')]))).toEqual([['a']]);
});

test('no subject needs no lease', () => {
  expect(plan({}, [])).toEqual([]);
});

test('the time is the cold start and two seconds a row, shared by the requests in flight, times 1.5', () => {
  // 300 rows x 1 model x 2 s / 10 at a time = 1 minute; (10 + 1) x 1.5 = 16.5.
  expect(plan({}, [tuned('a')])).toEqual([[{ baseModel: 'small', models: ['a'], minutes: 17, usd: 1.7 }]]);
});

test('a lease lasts until all models of its batch have answered', () => {
  // Two models: (10 + 2) x 1.5. The third is alone in its batch.
  const batches = plan({}, [tuned('a'), tuned('b'), tuned('c')]);
  expect(batches.map((batch) => batch.map(({ minutes }) => minutes))).toEqual([[18, 18], [17]]);
});

test('a lease whose tokens are charged costs nothing by the hour', () => {
  expect(leasesUsd(plan({ paidByHour: false }, [tuned('a')], () => null))).toBe(0);
});

test('the price is the one of the base model, and one unknown price makes the sum unknown', () => {
  const prices = (model: string) => (model === 'small' ? 6 : null);
  const batches = plan({}, [tuned('a'), tuned('b', 'large')], prices);
  expect(batches.flat().map(({ usd }) => usd)).toEqual([1.8, null]);
  expect(leasesUsd(batches)).toBeNull();
  expect(leasesUsd(plan({}, [tuned('a'), tuned('b')], prices))).toBeCloseTo(3.6, 12);
});
