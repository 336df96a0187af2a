import { rateAt, ratesOf, ruleFor } from '../../../src/core/run/hyperparameters.ts';
import { planCandidates } from '../../../src/core/run/plan.ts';

const EITHER = { takes: 'either', base: 1e-4 } as const;
const LISTS = { models: ['m'], epochs: 3, treatment: 'strip' as const };

test('a provider that takes rates gets a multiplier as that many times its base', () => {
  expect(ratesOf({ learning_rate_multiplier: [0.3, 2] }, { takes: 'rate', base: 1e-4 })).toEqual([
    { learningRateMultiplier: 0.3, learningRate: 3e-5 },
    { learningRateMultiplier: 2, learningRate: 2e-4 },
  ]);
});

test('a provider that takes multipliers refuses a rate', () => {
  expect(() => ratesOf({ learning_rate: 1e-4 }, { takes: 'multiplier' })).toThrow(RangeError);
});

test('a provider that takes either gets what the pipeline file gives, under that name alone', () => {
  const multipliers = planCandidates({ ...LISTS, learning_rate_multiplier: [1, 2] }, { learningRate: EITHER });
  expect(multipliers.map(({ hyperparameters }) => hyperparameters)).toEqual([
    { learningRateMultiplier: 1, epochs: 3 },
    { learningRateMultiplier: 2, epochs: 3 },
  ]);
  const rates = planCandidates({ ...LISTS, learning_rate: [1e-4, 3e-4] }, { learningRate: EITHER });
  expect(rates.map(({ hyperparameters }) => hyperparameters)).toEqual([
    { learningRateMultiplier: 1, learningRate: 1e-4, epochs: 3 },
    { learningRateMultiplier: 3, learningRate: 3e-4, epochs: 3 },
  ]);
});

test('a past winner is trained in the way of the new file', () => {
  const past = { baseModel: 'm', hyperparameters: { learningRateMultiplier: 5, epochs: 3 }, treatment: 'strip' };
  const [first] = planCandidates({ ...LISTS, learning_rate: 1e-4 }, { learningRate: EITHER, pastWinners: [past] });
  expect(first).toMatchObject({ pastWinner: true, hyperparameters: { learningRate: 5e-4 } });
  const [again] = planCandidates(
    { ...LISTS, learning_rate_multiplier: 1 },
    {
      learningRate: EITHER,
      pastWinners: [{ ...past, hyperparameters: { ...past.hyperparameters, learningRate: 5e-4 } }],
    },
  );
  expect(again?.hyperparameters).toEqual({ learningRateMultiplier: 5, epochs: 3 });
});

test('a rule for either way is one for rates only where the file gives rates', () => {
  expect(ruleFor({}, EITHER)).toEqual({ takes: 'multiplier' });
  expect(ruleFor({ learning_rate: 1 }, EITHER)).toEqual({ takes: 'rate', base: 1e-4 });
  expect(rateAt(3, ruleFor({}, EITHER))).toEqual({ learningRateMultiplier: 3 });
});
