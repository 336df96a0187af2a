import { readPrices } from '../../../src/config/prices.ts';
import {
  cachedCostPer1k,
  cachedTokens,
  costPer1k,
  type Prices,
  savingPercent,
  type Tariff,
  tariffOf,
  trainingCost,
  trainingTariffOf,
} from '../../../src/core/evaluation/cost.ts';
import { OPENAI } from '../../../src/providers/profiles/openai.ts';

const PRICES: Prices = {
  date: '2026-11-01',
  source: 'test',
  local: { machine_usd_per_hour: 0.36 },
  models: {
    'gpt-4o-mini': {
      training: 3,
      tuned: { input: 0.3, output: 1.2 },
      base: { input: 0.15, cached: 0.075, output: 0.6 },
    },
  },
};
const REMOTE = { charges: 'tokens', priceList: null } as const;

test('a tuned model is charged at the tuned price, a base model at the base price', () => {
  expect(tariffOf(PRICES, REMOTE, 'gpt-4o-mini', true)).toEqual({
    kind: 'tokens',
    inputPer1M: 0.3,
    cachedInputPer1M: null,
    outputPer1M: 1.2,
  });
  expect(tariffOf(PRICES, REMOTE, 'gpt-4o-mini', false)).toMatchObject({
    inputPer1M: 0.15,
    cachedInputPer1M: 0.075,
    outputPer1M: 0.6,
  });
});

test('a model that is served by the hour costs the hour of its machine, unless its tokens are charged at a price that nobody knows', () => {
  const models = {
    hourly: { training: 1, serving_per_hour: 6 },
    both: { serving_per_hour: 2, tuned: null, base: null },
  };
  const prices = { ...PRICES, lists: { host: { date: '2026-11-01', source: 'test', models } } };
  const billing = { charges: 'tokens', priceList: 'host' } as const;
  expect(tariffOf(prices, billing, 'hourly', true)).toEqual({ kind: 'machine', usdPerHour: 6 });
  expect(tariffOf(prices, billing, 'both', true)).toEqual({ kind: 'unknown' });
  expect(trainingTariffOf(prices, billing, 'both')).toEqual({ kind: 'unknown' });
});

test('a dated name is charged as the model it starts with', () => {
  expect(tariffOf(PRICES, REMOTE, 'gpt-4o-mini-2024-07-18', true)).toEqual(
    tariffOf(PRICES, REMOTE, 'gpt-4o-mini', true),
  );
});

test.each(['gpt-4o-mini-audio', 'gpt-4o-mini-2024-07', '2024-07-18', 'x-gpt-4o-mini'])(
  '%s is no dated name of a known model: its price is unknown',
  (model) => {
    expect(tariffOf(PRICES, REMOTE, model, true)).toEqual({ kind: 'unknown' });
  },
);

test('the local trainer is charged by the hour of the machine, whatever the model is called', () => {
  expect(tariffOf(PRICES, { charges: 'machine-time' }, 'gpt-4o-mini', true)).toEqual({
    kind: 'machine',
    usdPerHour: 0.36,
  });
});

test('1,000 requests cost their mean tokens at the price of 1M', () => {
  const tariff = tariffOf(PRICES, REMOTE, 'gpt-4o-mini', true);
  // 1,000 x (200 x 0.30 + 10 x 1.20) / 1,000,000 USD.
  expect(costPer1k(tariff, { promptTokens: 200, completionTokens: 10 }, 999)).toBeCloseTo(0.072, 12);
});

test('1,000 requests on a machine cost the time it worked, and no tokens', () => {
  // 1,000 x 10 ms are 10 s; an hour costs 0.36 USD.
  expect(costPer1k({ kind: 'machine', usdPerHour: 0.36 }, { promptTokens: 1e9, completionTokens: 1 }, 10)).toBeCloseTo(
    0.001,
    12,
  );
});

// The sequence that OpenAI's documentation gives: 1024, 1152, 1280, ...
test.each([
  [2000, 0, 0],
  [2000, 1023, 0],
  [2000, 1024, 1024],
  [2000, 1151, 1024],
  [2000, 1152, 1152],
  [2000, 1500, 1408],
  [1023, 5000, 0],
  [1200, 5000, 1152],
])('of a prompt of %i tokens with a shared prefix of %i, %i are charged as cached', (prompt, prefix, cached) => {
  expect(cachedTokens(prompt, prefix, OPENAI.promptCache)).toBe(cached);
});

test('cached tokens are charged at their own price, the others as ever', () => {
  const tariff = tariffOf(PRICES, REMOTE, 'gpt-4o-mini', false);
  const usage = { promptTokens: 2000, completionTokens: 10 };
  // 1,000 x (592 x 0.15 + 1408 x 0.075 + 10 x 0.60) / 1,000,000 USD.
  expect(cachedCostPer1k(tariff, usage, 1408)).toBeCloseTo(0.2004, 12);
  expect(cachedCostPer1k(tariff, usage, 0)).toBeCloseTo(costPer1k(tariff, usage, 0) ?? Number.NaN, 12);
});

test('without a price for cached tokens there is no cost of a cached prompt', () => {
  const usage = { promptTokens: 2000, completionTokens: 10 };
  expect(cachedCostPer1k(tariffOf(PRICES, REMOTE, 'gpt-4o-mini', true), usage, 1408)).toBeNull();
  expect(cachedCostPer1k({ kind: 'machine', usdPerHour: 1 }, usage, 1408)).toBeNull();
  expect(cachedCostPer1k({ kind: 'unknown' }, usage, 1408)).toBeNull();
});

test('training costs the trained tokens, or the time of the machine', () => {
  expect(trainingCost(trainingTariffOf(PRICES, REMOTE, 'gpt-4o-mini'), 2_000_000, 7200)).toBeCloseTo(6, 12);
  expect(trainingCost({ kind: 'machine', usdPerHour: 0.36 }, 2_000_000, 7200)).toBeCloseTo(0.72, 12);
});

test('an unknown price gives no cost, and not 0', () => {
  const unknown: Tariff = { kind: 'unknown' };
  expect(costPer1k(unknown, { promptTokens: 1, completionTokens: 1 }, 1)).toBeNull();
  expect(trainingCost(unknown, 1, 1)).toBeNull();
});

test('a saving is in percent of the baseline, negative where the winner is dearer', () => {
  expect(savingPercent(10, 1)).toBeCloseTo(90, 12);
  expect(savingPercent(10, 10)).toBe(0);
  expect(savingPercent(10, 15)).toBeCloseTo(-50, 12);
  expect(savingPercent(10, 0)).toBe(100);
});

test.each([
  [null, 1],
  [1, null],
  [null, null],
  [0, 1],
])('a baseline of %p and a cost of %p cannot be compared', (baseline, cost) => {
  expect(savingPercent(baseline, cost)).toBeNull();
});

test('the prices of the package know the models that can be tuned', () => {
  const prices = readPrices(undefined);
  for (const model of ['gpt-4.1', 'gpt-4.1-mini', 'gpt-4o', 'gpt-4o-mini']) {
    for (const tuned of [true, false]) {
      const tariff = tariffOf(prices, REMOTE, model, tuned);
      if (tariff.kind !== 'tokens' || tariff.cachedInputPer1M === null) throw new Error(`${model} lacks a price`);
      expect(tariff.cachedInputPer1M).toBeLessThan(tariff.inputPer1M);
    }
  }
});
