import fc from 'fast-check';
import { type Contender, type SelectionRule, selectWinner } from '../../../src/core/evaluation/selection.ts';

const ROWS = 100;

/** Right on the first rows, `right` of them. */
const contender = (
  id: string,
  right: number,
  costPer1kUsd: number | null,
  p95Ms: number | null = 100,
  rows = ROWS,
): Contender => ({
  id,
  scores: Array.from({ length: rows }, (_, row) => Number(row < right)),
  costPer1kUsd,
  p95Ms,
  invalid: 0,
});

const RULE: SelectionRule = { margin: 0.05, max_invalid: 0.1 };

// Few distinct figures, so that ties of every kind are common.
const field = fc.uniqueArray(
  fc.record({
    id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    scores: fc.array(fc.constantFrom(0, 0.5, 1), { minLength: 12, maxLength: 12 }),
    costPer1kUsd: fc.constantFrom(null, 0, 0.5, 1, 2),
    p95Ms: fc.constantFrom(null, 10, 100, 1000),
    invalid: fc.constantFrom(0, 0.1, 0.2),
  }),
  { selector: ({ id }) => id, maxLength: 6 },
);
const rule: fc.Arbitrary<SelectionRule> = fc.record(
  {
    margin: fc.constantFrom(0, 0.01, 0.2, 1),
    max_invalid: fc.constantFrom(0, 0.1),
    max_cost_per_1k_usd: fc.constantFrom(0.5, 1),
    max_p95_ms: fc.constantFrom(50, 500),
  },
  { requiredKeys: ['margin', 'max_invalid'] },
);

describe('the winner', () => {
  test('the winner is the cheapest that is surely within the margin of the best', () => {
    // Two of 1,000 rows behind.
    const contenders = [
      contender('best', 900, 5, 100, 1000),
      contender('close', 898, 1, 100, 1000),
      contender('far', 700, 0.1, 100, 1000),
    ];
    expect(selectWinner(contenders, { margin: 0.02, max_invalid: 0.1 })).toMatchObject({
      winner: 'close',
      reason: 'the cheapest that is within 2.0 points of the best (best), with a probability of at least 90.0 %',
      rejected: {
        best: 'the best, but a cheaper one is within the margin',
        far: 'cheaper, but 19.8 points behind, which may be more than the margin of 2.0',
      },
    });
  });

  test('the winner is the best if the rows are too few to trade quality for cost, and says so', () => {
    const contenders = [contender('best', 18, 5, 100, 20), contender('cheap', 17, 1, 100, 20)];
    expect(selectWinner(contenders, { margin: 0.02, max_invalid: 0.1 })).toMatchObject({
      winner: 'best',
      reason: 'the best; 20 rows are too few to show that a cheaper one is within 2.0 points of it',
    });
  });

  test('the winner is the best if no eligible contender is cheaper', () => {
    const contenders = [contender('best', 90, 1), contender('dear', 80, 5)];
    expect(selectWinner(contenders, RULE)).toMatchObject({
      winner: 'best',
      reason: 'the best, and no eligible contender is cheaper',
      rejected: { dear: 'another one is at least as good, as cheap and as fast' },
    });
  });

  test('the winner of equal scores is the cheapest, however few the rows', () => {
    expect(selectWinner([contender('dear', 9, 2, 100, 10), contender('cheap', 9, 1, 100, 10)], RULE).winner).toBe(
      'cheap',
    );
  });

  test('a difference that is rounding makes the cheapest the winner', () => {
    const scores = (value: number) => Array.from({ length: 3 }, () => value);
    const contenders = [
      { ...contender('dear', 0, 2), scores: scores(0.1 + 0.2) },
      { ...contender('cheap', 0, 1), scores: scores(0.3) },
    ];
    expect(selectWinner(contenders, { margin: 0, max_invalid: 0.1 }).winner).toBe('cheap');
  });

  test('the winner is measured against the best of those that pass the caps', () => {
    const contenders = [contender('capped', 100, 10), contender('second', 80, 2), contender('third', 70, 1)];
    expect(selectWinner(contenders, { ...RULE, max_cost_per_1k_usd: 5 }).winner).toBe('second');
  });
});

describe('caps', () => {
  test('a contender above one is rejected with the cap it broke', () => {
    const contenders = [contender('dear', 100, 10), contender('slow', 100, 1, 900), contender('fine', 50, 1)];
    expect(selectWinner(contenders, { ...RULE, max_cost_per_1k_usd: 5, max_p95_ms: 500 })).toMatchObject({
      winner: 'fine',
      rejected: { dear: 'costs more than 5 USD per 1,000 requests', slow: 'p95 latency above 500 ms' },
    });
  });

  test('a contender exactly at a cap passes', () => {
    const limits = { ...RULE, max_cost_per_1k_usd: 5, max_p95_ms: 500 };
    expect(selectWinner([contender('edge', 100, 5, 500)], limits).winner).toBe('edge');
  });

  test('an unknown figure cannot pass a cap', () => {
    expect(selectWinner([contender('unknown', 100, null)], { ...RULE, max_cost_per_1k_usd: 5 })).toMatchObject({
      winner: null,
      rejected: { unknown: 'its cost is unknown and selection.max_cost_per_1k_usd is set' },
    });
    expect(selectWinner([contender('untimed', 100, 1, null)], { ...RULE, max_p95_ms: 5 })).toMatchObject({
      winner: null,
      rejected: { untimed: 'its latency was not measured and selection.max_p95_ms is set' },
    });
  });

  test('a contender with too many invalid answers cannot win', () => {
    const contenders = [{ ...contender('broken', 100, 1), invalid: 0.11 }, contender('fine', 50, 2)];
    expect(selectWinner(contenders, RULE)).toMatchObject({
      winner: 'fine',
      rejected: { broken: '11.0 % of its answers are invalid, and selection.max_invalid is 10.0 %' },
    });
  });

  test('if all contenders are rejected there is no winner, and each has its reason', () => {
    const contenders = [contender('a', 100, 10), contender('b', 100, 20)];
    const { winner, reason, rejected, front } = selectWinner(contenders, { ...RULE, max_cost_per_1k_usd: 5 });
    expect({ winner, reason, front }).toEqual({ winner: null, reason: null, front: [] });
    expect(Object.keys(rejected)).toEqual(['a', 'b']);
  });

  test('without a cap an unknown cost counts as the highest', () => {
    expect(selectWinner([contender('unknown', 90, null), contender('known', 90, 1e6)], RULE).winner).toBe('known');
    expect(selectWinner([contender('only', 90, null)], RULE).winner).toBe('only');
  });
});

test('without contenders there is no winner', () => {
  expect(selectWinner([], RULE)).toEqual({ winner: null, reason: null, rejected: {}, front: [], optimism: 0 });
});

describe('the Pareto front', () => {
  test('the Pareto front holds contenders that no other one beats in quality, cost and p95', () => {
    const contenders = [
      contender('good', 90, 3, 100),
      contender('cheap', 80, 1, 100),
      contender('fast', 80, 3, 50),
      contender('beaten', 80, 3, 100),
    ];
    expect(selectWinner(contenders, RULE).front).toEqual(['good', 'cheap', 'fast']);
  });

  test('the Pareto front holds one of two that are equal in all', () => {
    expect(selectWinner([contender('b', 90, 1), contender('a', 90, 1)], RULE).front).toEqual(['a']);
  });
});

describe('optimism', () => {
  test('optimism of one contender is 0', () => {
    expect(selectWinner([contender('a', 90, 1)], RULE).optimism).toBe(0);
  });

  test('optimism is large for many equal ones on few rows, and small where one is clearly the best', () => {
    const noisy = (id: number, rows: number): Contender => ({
      ...contender(`c${id}`, 0, 1),
      scores: Array.from({ length: rows }, (_, row) => Number((row * (id + 3) * 7919) % 101 < 85)),
    });
    const equal = Array.from({ length: 9 }, (_, id) => noisy(id, 40));
    expect(selectWinner(equal, RULE).optimism).toBeGreaterThan(0.03);
    const clear = [
      ...equal.map((each) => ({ ...each, scores: each.scores.map(() => 0) })),
      contender('x', 40, 1, 1, 40),
    ];
    expect(selectWinner(clear, RULE).optimism).toBe(0);
  });
});

test('the order of the contenders changes neither the winner nor its optimism', () => {
  fc.assert(
    fc.property(field, rule, (contenders, limits) => {
      const [there, back] = [selectWinner(contenders, limits), selectWinner(contenders.toReversed(), limits)];
      expect(back.winner).toBe(there.winner);
      expect(back.optimism).toBeCloseTo(there.optimism, 12);
      expect([...back.front].sort()).toEqual([...there.front].sort());
    }),
  );
});

test('each contender is the winner or has a reason, and only one can win', () => {
  fc.assert(
    fc.property(field, rule, (contenders, limits) => {
      const { winner, rejected, front } = selectWinner(contenders, limits);
      const ids = contenders.map(({ id }) => id);
      expect([...Object.keys(rejected), ...(winner === null ? [] : [winner])].sort()).toEqual([...ids].sort());
      if (winner !== null) expect(front).toContain(winner);
    }),
  );
});
