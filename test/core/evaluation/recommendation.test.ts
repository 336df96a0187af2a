import { compareScores } from '../../../src/core/evaluation/comparison.ts';
import { type RecommendationInput, recommend } from '../../../src/core/evaluation/recommendation.ts';

const rights = (right: number, n: number) => Array.from({ length: n }, (_, row) => Number(row < right));
const BETTER = compareScores(rights(46, 50), rights(34, 50), 0.01);
const WORSE = compareScores(rights(34, 50), rights(46, 50), 0.01);
const EQUAL = compareScores(rights(900, 1000), rights(900, 1000), 0.01);
const OPEN = compareScores(rights(44, 50), rights(43, 50), 0.01);

const CHEAP = { costPer1kUsd: 0.1, cachedCostPer1kUsd: null, p95Ms: 200 };
const DEAR = { costPer1kUsd: 2, cachedCostPer1kUsd: 1.1, p95Ms: 900 };

const input = (changes: Partial<RecommendationInput> = {}): RecommendationInput => ({
  winner: CHEAP,
  winnerFailure: null,
  baseline: DEAR,
  comparison: BETTER,
  alternatives: [],
  spentUsd: 10,
  ...changes,
});
const of = (changes: Partial<RecommendationInput>) => recommend(input(changes)).recommendation;

test('a better winner gives fine-tune, whatever it costs, with the figures in the reason', () => {
  expect(recommend(input())).toMatchObject({
    recommendation: 'fine-tune',
    reason:
      'The winner is better: +24.0 points (95 % interval +12.1 to +36.1, 50 rows), 95.0 % cheaper (90.9 % cheaper than with a cached prompt), p95 200 ms against 900 ms.',
  });
  expect(of({ winner: DEAR, baseline: CHEAP })).toBe('fine-tune');
});

test('a winner that is as good and cheaper, or as expensive and faster, gives fine-tune', () => {
  expect(of({ comparison: EQUAL })).toBe('fine-tune');
  expect(of({ comparison: EQUAL, winner: { ...DEAR, costPer1kUsd: 1.1, p95Ms: 300 } })).toBe('fine-tune');
});

test('a winner that is as good, but neither cheaper nor faster, gives do-not-fine-tune', () => {
  expect(of({ comparison: EQUAL, winner: DEAR, baseline: CHEAP })).toBe('do-not-fine-tune');
  expect(of({ comparison: EQUAL, winner: { ...CHEAP, costPer1kUsd: 1.1 }, baseline: { ...DEAR, p95Ms: 200 } })).toBe(
    'do-not-fine-tune',
  );
});

test('the saving of a cached prompt is no reason to train', () => {
  // Cheaper than 2 USD, dearer than 1.10.
  expect(of({ comparison: EQUAL, winner: { ...CHEAP, costPer1kUsd: 1.5 } })).toBe('do-not-fine-tune');
});

test('a winner that is faster but more expensive gives do-not-fine-tune', () => {
  expect(of({ comparison: EQUAL, winner: { ...CHEAP, costPer1kUsd: 3 } })).toBe('do-not-fine-tune');
});

test('a worse winner, or no passing candidate, gives do-not-fine-tune', () => {
  expect(of({ comparison: WORSE })).toBe('do-not-fine-tune');
  expect(recommend(input({ winner: null, comparison: null }))).toMatchObject({
    recommendation: 'do-not-fine-tune',
    reason: 'No candidate passed the limits of the pipeline.',
    breakEvenRequests: null,
  });
});

test('few rows give an inconclusive recommendation that says how many rows would be enough', () => {
  const { recommendation, reason } = recommend(input({ comparison: OPEN }));
  expect(recommendation).toBe('inconclusive');
  expect(reason).toMatch(/^50 rows are too few to decide: .* About [\d,]+ rows would be enough\.$/);
});

test('an unknown quality of the baseline is inconclusive, with advice', () => {
  const { recommendation, reason } = recommend(input({ comparison: null }));
  expect(recommendation).toBe('inconclusive');
  expect(reason).toContain('evaluation.baseline');
});

test('a winner that could not be measured is inconclusive', () => {
  const failed = recommend(input({ winner: null, winnerFailure: 'PROVIDER_REFUSED: gone', comparison: null }));
  expect(failed).toMatchObject({ recommendation: 'inconclusive' });
  expect(failed.reason).toContain('PROVIDER_REFUSED: gone');
});

describe('another model with the original prompt', () => {
  const small = { model: 'gpt-small', judged: { ...CHEAP, costPer1kUsd: 0.05 }, comparison: EQUAL };

  test('another model with the original prompt that is as good as the winner and costs no more makes training needless', () => {
    const { recommendation, reason } = recommend(input({ alternatives: [small] }));
    expect(recommendation).toBe('do-not-fine-tune');
    expect(reason).toMatch(/^gpt-small with the original prompt does as well without any training/);
  });

  test('another model with the original prompt counts with its price for cached prompts', () => {
    const cached = { ...small, judged: { ...CHEAP, costPer1kUsd: 0.5, cachedCostPer1kUsd: 0.05 } };
    expect(of({ alternatives: [cached] })).toBe('do-not-fine-tune');
  });

  test.each([
    ['is dearer', { ...small, judged: DEAR }],
    ['is worse', { ...small, comparison: BETTER }],
    ['may be worse', { ...small, comparison: OPEN }],
    ['could not be measured', { ...small, judged: null, comparison: null }],
  ])('another model with the original prompt that %s changes nothing', (_why, alternative) => {
    expect(of({ alternatives: [alternative] })).toBe('fine-tune');
  });
});

test('break-even is the cost of the run divided by the saving of a request, against both prices of the baseline', () => {
  // 10 USD / 1.90 USD for a thousand, and / 1.00 USD.
  expect(recommend(input())).toMatchObject({ breakEvenRequests: 5264, breakEvenCachedRequests: 10_000 });
});

test('there is no break-even if nothing is saved, or a cost is unknown', () => {
  expect(recommend(input({ winner: DEAR, baseline: CHEAP })).breakEvenRequests).toBeNull();
  expect(recommend(input({ winner: { ...CHEAP, costPer1kUsd: null } })).breakEvenRequests).toBeNull();
  expect(recommend(input({ baseline: { ...DEAR, cachedCostPer1kUsd: null } })).breakEvenCachedRequests).toBeNull();
});
