import { pipelineSchema } from '../../../src/config/pipeline.ts';
import { type PromotionInput, promotionOf, promotionPolicy } from '../../../src/core/deployment/promotion.ts';
import { compareScores } from '../../../src/core/evaluation/comparison.ts';

const REASON = 'The winner is better than the original prompt.';

/** Rights of the challenger and of the champion: on `both` rows they are right together, the others tell them apart. */
function compared(both: number, gained: number, lost: number) {
  const scores = (mine: boolean) => [
    ...Array.from({ length: both }, () => 1),
    ...Array.from({ length: gained }, () => Number(mine)),
    ...Array.from({ length: lost }, () => Number(!mine)),
  ];
  return compareScores(scores(true), scores(false), 0.01);
}

const BETTER = compared(100, 15, 0);
const WORSE = compared(100, 0, 15);
const OPEN = compared(20, 2, 1);
const AS_GOOD = compared(3000, 3, 3);

function input(changes: Partial<PromotionInput> = {}): PromotionInput {
  return {
    recommendation: 'fine-tune',
    reason: REASON,
    winner: { costPer1kUsd: 0.5 },
    champion: null,
    ...changes,
  };
}

const champion = (comparison: typeof BETTER | null, costPer1kUsd: number | null = 0.5) => ({
  model: 'ft:old',
  comparison,
  costPer1kUsd,
  failure: null,
  endsAt: null,
});

test('without a champion the comparison with the original prompt decides', () => {
  expect(promotionOf(input())).toEqual({ promote: true, why: REASON });
  expect(promotionOf(input({ recommendation: 'inconclusive' })).promote).toBe(false);
  expect(promotionOf(input({ recommendation: 'do-not-fine-tune' })).promote).toBe(false);
  expect(promotionOf(input({ winner: null })).promote).toBe(false);
});

test('the verdicts of these comparisons match their names', () => {
  expect([BETTER, WORSE, OPEN, AS_GOOD].map(({ verdict }) => verdict)).toEqual([
    'better',
    'worse',
    'inconclusive',
    'non-inferior',
  ]);
});

test('a winner replaces a champion only where it is better, or as good and clearly cheaper', () => {
  const promoted = (other: ReturnType<typeof champion>) => promotionOf(input({ champion: other })).promote;
  expect(promoted(champion(BETTER))).toBe(true);
  expect(promoted(champion(WORSE))).toBe(false);
  expect(promoted(champion(OPEN))).toBe(false);
  expect(promoted(champion(AS_GOOD))).toBe(false);
  expect(promoted(champion(AS_GOOD, 0.54))).toBe(false);
  expect(promoted(champion(AS_GOOD, 0.6))).toBe(true);
  expect(promoted(champion(AS_GOOD, null))).toBe(false);
});

test('no champion is replaced by a winner that is worse than the original prompt, or that has no common rows with it', () => {
  const input1 = input({ recommendation: 'do-not-fine-tune', reason: 'It is worse.', champion: champion(BETTER) });
  expect(promotionOf(input1)).toEqual({ promote: false, why: 'It is worse.' });
  expect(promotionOf(input({ champion: champion(null) })).why).toContain(
    'Every row was in the training of the winner or of the champion',
  );
});

test('a winner that beats the champion serves even where the quality of the original prompt is not known', () => {
  expect(promotionOf(input({ recommendation: 'inconclusive', champion: champion(BETTER) })).promote).toBe(true);
  expect(promotionOf(input({ recommendation: 'inconclusive', champion: champion(AS_GOOD, 5) })).promote).toBe(false);
});

test('a champion that does not answer is replaced as if there were none', () => {
  const silent = { ...champion(null), failure: 'PROVIDER_REFUSED: 404' };
  const { promote, why } = promotionOf(input({ champion: silent }));
  expect(promote).toBe(true);
  expect(why).toBe(`The champion ft:old does not answer (PROVIDER_REFUSED: 404). ${REASON}`);
});

test('a champion that will soon be switched off is replaced by a winner that beats the original prompt, unless it is worse than the champion', () => {
  const leaving = (comparison: typeof BETTER | null, recommendation: PromotionInput['recommendation'] = 'fine-tune') =>
    promotionOf(input({ recommendation, champion: { ...champion(comparison), endsAt: '2027-01-06T00:00:00.000Z' } }));
  expect([BETTER, AS_GOOD, OPEN, null].map((comparison) => leaving(comparison).promote)).toEqual(Array(4).fill(true));
  expect(leaving(AS_GOOD).why).toBe(`The provider switches the champion ft:old off on 2027-01-06. ${REASON}`);
  expect(leaving(WORSE).promote).toBe(false);
  expect(leaving(AS_GOOD, 'inconclusive').promote).toBe(false);
});

test('the reason names the figures', () => {
  expect(promotionOf(input({ champion: champion(BETTER) })).why).toMatch(
    /^The winner is better than the champion: \+13\.0 points \(95 % interval .+, 115 rows that neither was trained on\)\.$/,
  );
});

test('stages of a canary are taken by their share, whatever their order in the file', () => {
  const { promotion } = pipelineSchema.parse({
    name: 'shop',
    task: 'classification',
    source: { type: 'jsonl', path: 'log.jsonl' },
    candidates: { models: ['m'] },
    promotion: {
      canary: {
        stages: [
          { share: 0.5, min_calls: 2 },
          { share: 0.1, min_calls: 1 },
        ],
      },
    },
  });
  expect(promotionPolicy(promotion)).toMatchObject({
    automatic: false,
    deadlineMs: 72 * 3_600_000,
    stages: [
      { share: 0.1, minCalls: 1 },
      { share: 0.5, minCalls: 2 },
    ],
  });
});
