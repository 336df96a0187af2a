import type { LeaseTraits } from '../../../src/core/run/lease-plan.ts';
import type { PlannedCandidate } from '../../../src/core/run/run-plan.ts';
import { LeaseHold } from '../../../src/workflows/steps/lease-hold.ts';
import type { RunBudget, Work } from '../../../src/workflows/steps/run-budget.ts';

const TRAITS: LeaseTraits = {
  models: 100,
  atOnce: 3,
  coldStartMinutes: 10,
  idleMinutes: 15,
  paidByHour: true,
  servesBase: true,
};

function candidate(id: string, baseModel = 'small'): PlannedCandidate {
  return {
    id,
    baseModel,
    hyperparameters: { learningRateMultiplier: 1, epochs: 1 },
    treatment: 'strip',
    reserve: { trainingUsd: 1, evaluationUsd: 1 },
  };
}

/** A budget of which every reservation takes its part, with what was asked of it. */
class Budget {
  readonly asked: (readonly Work[])[] = [];
  left: number;

  constructor(usd: number) {
    this.left = usd;
  }

  readonly reserve = (async (works: readonly Work[]) => {
    this.asked.push(works);
    const usd = works.reduce((sum, work) => sum + (work.usd ?? 0), 0);
    if (usd > this.left) return { refused: 'too little' };
    this.left -= usd;
    return works.map((work) => ({ id: work.what, usd: work.usd ?? 0, month: null }));
  }) as RunBudget['reserve'];
}

/** One row: a lease takes 16 minutes, at 3 USD an hour 0.80 USD. */
function holdOf(budget: Budget, leases: { traits: LeaseTraits } | null = { traits: TRAITS }): LeaseHold {
  const terms = leases && { ...leases, perHour: { small: 3, large: 3 } };
  return new LeaseHold(budget, { leases: terms, concurrency: 10, checkpoints: null, validationRows: 1 });
}

const WORKS = [
  { what: 'training', usd: 1 },
  { what: 'evaluation', usd: 1 },
] as const;

test('a candidate that the budget could train, and not serve, is refused', async () => {
  expect(await holdOf(new Budget(2.7)).reserve(candidate('a'), WORKS)).toEqual({ refused: 'too little' });
  expect(await holdOf(new Budget(2.8)).reserve(candidate('a'), WORKS)).toHaveLength(2);
});

test('candidates that share a lease pay for it once, and another base model needs another', async () => {
  const budget = new Budget(100);
  const hold = holdOf(budget);
  await Promise.all([candidate('a'), candidate('b'), candidate('c', 'large')].map((each) => hold.reserve(each, WORKS)));
  expect(hold.reservations.map(({ usd }) => usd)).toEqual([0.8, 0, expect.closeTo(0.8, 9)]);
});

test('a candidate that was refused pays for no part of a lease', async () => {
  const budget = new Budget(2.8);
  const hold = holdOf(budget);
  const both = await Promise.all([
    hold.reserve(candidate('a'), [{ what: 'training', usd: 5 }, WORKS[1]]),
    hold.reserve(candidate('b'), WORKS),
  ]);
  expect(both).toEqual([{ refused: 'too little' }, expect.any(Array)]);
  expect(hold.reservations.map(({ usd }) => usd)).toEqual([0.8]);
});

test('without leases nothing is reserved beside the work', async () => {
  const budget = new Budget(2);
  expect(await holdOf(budget, null).reserve(candidate('a'), WORKS)).toHaveLength(2);
  expect(budget.asked).toEqual([WORKS]);
});
