import fc from 'fast-check';
import { type Contender, type SelectionRule, selectWinner } from '../../src/evaluation/selection.ts';

const contender = (id: string, score: number, costPer1kUsd: number | null, p95Ms = 100): Contender => ({
  id,
  score,
  costPer1kUsd,
  p95Ms,
  invalid: 0,
});

// Few distinct figures, so that ties of every kind are common.
const field = fc.uniqueArray(
  fc.record({
    id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    score: fc.constantFrom(0, 0.5, 0.79, 0.8, 0.81, 0.1 + 0.2, 0.3),
    costPer1kUsd: fc.constantFrom(null, 0, 0.5, 1, 2),
    p95Ms: fc.constantFrom(10, 100, 1000),
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

test('the cheapest within the margin of the best wins', () => {
  const field = [contender('best', 0.9, 5), contender('close', 0.88, 1), contender('far', 0.8, 0.1)];
  expect(selectWinner(field, { margin: 0.02, max_invalid: 0.1 })).toEqual({
    winner: 'close',
    rejected: { best: 'as good, but not cheaper', far: 'lower validation score' },
  });
});

test('without a margin the best score wins, whatever it costs', () => {
  expect(
    selectWinner([contender('dear', 0.9, 50), contender('cheap', 0.89, 1)], { margin: 0, max_invalid: 0.1 }).winner,
  ).toBe('dear');
});

test('a difference of rounding is a tie', () => {
  expect(
    selectWinner([contender('dear', 0.1 + 0.2, 2), contender('cheap', 0.3, 1)], { margin: 0, max_invalid: 0.1 }).winner,
  ).toBe('cheap');
});

test('the margin is measured from the best of those that pass the caps', () => {
  const field = [contender('capped', 1, 10), contender('second', 0.8, 2), contender('cheap', 0.79, 1)];
  expect(selectWinner(field, { margin: 0.02, max_invalid: 0.1, max_cost_per_1k_usd: 5 }).winner).toBe('cheap');
});

test('a candidate above a cap is rejected with the cap it broke', () => {
  const field = [contender('dear', 1, 10), contender('slow', 1, 1, 900), contender('fine', 0.5, 1)];
  expect(selectWinner(field, { margin: 0, max_invalid: 0.1, max_cost_per_1k_usd: 5, max_p95_ms: 500 })).toEqual({
    winner: 'fine',
    rejected: { dear: 'costs more than 5 USD per 1,000 requests', slow: 'p95 latency above 500 ms' },
  });
});

test('a candidate exactly at a cap passes', () => {
  const limits = { margin: 0, max_invalid: 0.1, max_cost_per_1k_usd: 5, max_p95_ms: 500 };
  expect(selectWinner([contender('edge', 1, 5, 500)], limits)).toEqual({ winner: 'edge', rejected: {} });
});

test('an unknown cost cannot pass a cap on cost', () => {
  expect(
    selectWinner([contender('unknown', 1, null)], { margin: 0, max_invalid: 0.1, max_cost_per_1k_usd: 5 }),
  ).toEqual({
    winner: null,
    rejected: { unknown: 'its cost is unknown and selection.max_cost_per_1k_usd is set' },
  });
});

test('without a cap an unknown cost counts as the highest', () => {
  expect(
    selectWinner([contender('unknown', 0.9, null), contender('known', 0.9, 1e6)], { margin: 0, max_invalid: 0.1 })
      .winner,
  ).toBe('known');
  expect(selectWinner([contender('only', 0.9, null)], { margin: 0, max_invalid: 0.1 }).winner).toBe('only');
});

test('two unknown costs are told apart by score', () => {
  expect(
    selectWinner([contender('a', 0.89, null), contender('b', 0.9, null)], { margin: 0.1, max_invalid: 0.1 }).winner,
  ).toBe('b');
});

test('where all are rejected nobody wins and each has its reason', () => {
  const field = [contender('a', 1, 10), contender('b', 1, 20)];
  const { winner, rejected } = selectWinner(field, { margin: 0, max_invalid: 0.1, max_cost_per_1k_usd: 5 });
  expect(winner).toBeNull();
  expect(Object.keys(rejected)).toEqual(['a', 'b']);
});

test('nobody wins an empty field', () => {
  expect(selectWinner([], { margin: 0, max_invalid: 0.1 })).toEqual({ winner: null, rejected: {} });
});

test.each([
  ['the better score', contender('z', 0.9, 1, 900), contender('a', 0.89, 1, 1)],
  ['then the lower p95', contender('z', 0.9, 1, 10), contender('a', 0.9, 1, 11)],
  ['then the smaller id', contender('a', 0.9, 1, 10), contender('b', 0.9, 1, 10)],
])('at the same cost a tie goes to %s', (_, winner, other) => {
  expect(selectWinner([other, winner], { margin: 0.05, max_invalid: 0.1 }).winner).toBe(winner.id);
  expect(selectWinner([winner, other], { margin: 0.05, max_invalid: 0.1 }).winner).toBe(winner.id);
});

test('the choice does not depend on the order of the candidates', () => {
  const shuffled = field.chain((list) =>
    fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length, maxLength: list.length })),
  );
  fc.assert(
    fc.property(shuffled, rule, ([list, other], limits) => {
      expect(selectWinner(other, limits)).toEqual(selectWinner(list, limits));
    }),
  );
});

test('everybody but the winner is told why, and the winner passes the caps and the margin', () => {
  fc.assert(
    fc.property(field, rule, (list, limits) => {
      const { winner, rejected } = selectWinner(list, limits);
      const told = list.map(({ id }) => id).filter((id) => id !== winner);
      expect(Object.keys(rejected).toSorted()).toEqual(told.toSorted());
      const passing = list.filter(
        ({ costPer1kUsd, p95Ms, invalid }) =>
          (limits.max_cost_per_1k_usd === undefined || (costPer1kUsd ?? Infinity) <= limits.max_cost_per_1k_usd) &&
          (limits.max_p95_ms === undefined || p95Ms <= limits.max_p95_ms) &&
          invalid <= limits.max_invalid,
      );
      expect(winner === null).toBe(passing.length === 0);
      const won = passing.find(({ id }) => id === winner);
      for (const { score, costPer1kUsd } of passing) {
        if (!won) throw new Error(`${winner} does not pass the caps`);
        expect(won.score).toBeGreaterThanOrEqual(score - limits.margin - 2e-9);
        // Nobody who is at least as good costs less.
        if (score >= won.score) expect(won.costPer1kUsd ?? Infinity).toBeLessThanOrEqual(costPer1kUsd ?? Infinity);
      }
    }),
  );
});

test('a candidate with more invalid answers than allowed is rejected with both shares, and one with as many passes', () => {
  const field = [
    { ...contender('broken', 0.9, 1), invalid: 0.11 },
    { ...contender('edge', 0.5, 1), invalid: 0.1 },
  ];
  expect(selectWinner(field, { margin: 0, max_invalid: 0.1 })).toEqual({
    winner: 'edge',
    rejected: { broken: '11.0 % of its answers are empty or cut off, and selection.max_invalid is 10.0 %' },
  });
});
