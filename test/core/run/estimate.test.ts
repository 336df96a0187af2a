import type { Prices } from '../../../src/core/evaluation/cost.ts';
import { type EstimateInput, estimateRun } from '../../../src/core/run/estimate.ts';
import type { Candidate } from '../../../src/core/run/plan.ts';

const PRICES: Prices = {
  date: '2026-11-01',
  source: 'test',
  local: { machine_usd_per_hour: 1 },
  models: {
    small: { training: 3, tuned: { input: 0.3, output: 1.2 }, base: { input: 0.15, output: 0.6 } },
    large: { training: 25, tuned: { input: 3, output: 12 }, base: { input: 2, output: 8 } },
  },
};
const candidate = (baseModel: string, epochs: number): Candidate => ({
  id: `${baseModel}-${epochs}`,
  baseModel,
  hyperparameters: { learningRateMultiplier: 1, epochs },
  treatment: 'strip',
});
const input = (changes: Partial<EstimateInput> = {}): EstimateInput => ({
  prices: PRICES,
  billing: { charges: 'tokens', priceList: null },
  candidates: [candidate('small', 2)],
  tokens: { strip: { train: 1_000_000, request: 100 } },
  validationRows: 100,
  testRows: 50,
  meanOutputTokens: 10,
  meanPromptTokens: 500,
  baselineModel: null,
  champion: null,
  alternatives: [],
  checkpoints: null,
  judge: null,
  leases: null,
  concurrency: 8,
  ...changes,
});
// One row: 100 x 0.30 + 10 x 1.20 millionths of a dollar, and ten times that for the large model.
const SMALL_ROW = 42e-6;
const LARGE_ROW = 420e-6;

test('training is tokens x epochs x price, for every candidate', () => {
  expect(estimateRun(input()).trainingUsd).toBeCloseTo(6, 12);
  expect(estimateRun(input({ candidates: [candidate('small', 2), candidate('large', 3)] })).trainingUsd).toBeCloseTo(
    6 + 75,
    12,
  );
});

test('evaluation is every validation row for each candidate and the test rows once', () => {
  expect(estimateRun(input()).evaluationUsd).toBeCloseTo(150 * SMALL_ROW, 12);
});

test('the test rows are estimated with the most expensive candidate, because the winner is not known', () => {
  const dearFirst = estimateRun(input({ candidates: [candidate('large', 1), candidate('small', 1)] }));
  const dearLast = estimateRun(input({ candidates: [candidate('small', 1), candidate('large', 1)] }));
  expect(dearFirst.evaluationUsd).toBeCloseTo(100 * (SMALL_ROW + LARGE_ROW) + 50 * LARGE_ROW, 12);
  expect(dearLast.evaluationUsd).toBe(dearFirst.evaluationUsd);
});

test('a live baseline answers the test rows with its whole prompt at the base price', () => {
  // 500 x 2 + 10 x 8 millionths a row.
  expect(estimateRun(input({ baselineModel: 'large' })).evaluationUsd).toBeCloseTo(150 * SMALL_ROW + 50 * 1080e-6, 12);
});

test('the total is training and evaluation', () => {
  const { trainingUsd, evaluationUsd, totalUsd } = estimateRun(input());
  expect(totalUsd).toBeCloseTo((trainingUsd ?? Number.NaN) + (evaluationUsd ?? Number.NaN), 12);
});

test('one unknown price makes the whole estimate unknown and is named once', () => {
  const candidates = [candidate('small', 1), candidate('mystery', 1), candidate('mystery', 2)];
  expect(estimateRun(input({ candidates }))).toMatchObject({
    trainingUsd: null,
    evaluationUsd: null,
    totalUsd: null,
    machineUsdPerHour: null,
    unknownPrices: ['mystery'],
  });
});

test('a live baseline without a price is named too', () => {
  expect(estimateRun(input({ baselineModel: 'unheard-of' }))).toMatchObject({
    totalUsd: null,
    unknownPrices: ['unheard-of'],
  });
});

test('the local trainer is estimated as free, at the price of the machine, and needs no price of a model', () => {
  expect(
    estimateRun(input({ billing: { charges: 'machine-time' }, candidates: [candidate('mystery', 4)] })),
  ).toMatchObject({
    trainingUsd: 0,
    evaluationUsd: 0,
    totalUsd: 0,
    machineUsdPerHour: 1,
    unknownPrices: [],
  });
});

test('the reservation exceeds the estimate by a tenth for a training, and by a quarter for an evaluation', () => {
  const { candidates, final } = estimateRun(input({ candidates: [candidate('small', 2), candidate('large', 1)] }));
  expect(candidates[0]?.trainingUsd).toBeCloseTo(6 * 1.1, 12);
  expect(candidates[0]?.evaluationUsd).toBeCloseTo(100 * SMALL_ROW * 1.25, 12);
  expect(candidates[1]?.trainingUsd).toBeCloseTo(25 * 1.1, 12);
  expect(final.testUsd).toBeCloseTo(50 * LARGE_ROW * 1.25, 12);
  expect(final.baselineUsd).toBe(0);
});

test('without test rows a live baseline is estimated on the validation rows', () => {
  const { final } = estimateRun(input({ baselineModel: 'large', testRows: 0 }));
  expect(final).toMatchObject({ testUsd: 0, baselineUsd: expect.closeTo(100 * 1080e-6 * 1.25, 12) });
});

test('an unknown price leaves the reservation for that candidate unknown, and for the others known', () => {
  const { candidates } = estimateRun(input({ candidates: [candidate('small', 1), candidate('mystery', 1)] }));
  expect(candidates.map(({ trainingUsd }) => trainingUsd === null)).toEqual([false, true]);
});

test('checkpoints that may be evaluated are reserved for like the model at the end', () => {
  const checkpoints = { validation: 200, examples: 1000 };
  const changes = { checkpoints, validationRows: 200, candidates: [candidate('small', 4)] };
  const { candidates, evaluationUsd } = estimateRun(input(changes));
  expect(candidates[0]?.evaluationUsd).toBeCloseTo(3 * 200 * SMALL_ROW * 1.25, 12);
  expect(evaluationUsd).toBeCloseTo((3 * 200 + 50) * SMALL_ROW, 12);
});

test('a job on half of the rows trains on half of the tokens, and its checkpoints are not evaluated', () => {
  const checkpoints = { validation: 200, examples: 1000 };
  const half = { ...candidate('small', 4), half: true } as const;
  const { candidates } = estimateRun(input({ checkpoints, validationRows: 200, candidates: [half] }));
  expect(candidates[0]?.trainingUsd).toBeCloseTo((4 * 3 * 1.1) / 2, 12);
  expect(candidates[0]?.evaluationUsd).toBeCloseTo(200 * SMALL_ROW * 1.25, 12);
});

test('each alternative answers the test rows with the whole prompt, and has a reservation of its own', () => {
  const { final, evaluationUsd } = estimateRun(input({ alternatives: ['large', 'small'] }));
  expect(final.alternativesUsd).toEqual([
    expect.closeTo(50 * 1080e-6 * 1.25, 12),
    expect.closeTo(50 * 81e-6 * 1.25, 12),
  ]);
  expect(evaluationUsd).toBeCloseTo(150 * SMALL_ROW + 50 * (1080e-6 + 81e-6), 12);
});

test('the judge reads each judged row twice: of candidates, winner, baseline and alternatives', () => {
  const judge = { model: 'large', budgetUsd: null };
  const { final } = estimateRun(input({ judge, alternatives: ['small'] }));
  // 100 validation rows of one candidate, and 50 test rows of winner, baseline and one alternative.
  const call = ((500 + 2 * 10 + 250) * 2 + 30 * 8) / 1e6;
  expect(final.judgeUsd).toBeCloseTo(2 * (100 + 3 * 50) * call * 1.25, 12);
});

test('the reservation for the judge is at most its budget', () => {
  const judge = { model: 'large', budgetUsd: 0.01 };
  const { final, evaluationUsd } = estimateRun(input({ judge }));
  expect(final.judgeUsd).toBe(0.01);
  expect(evaluationUsd).toBeCloseTo(150 * SMALL_ROW + 0.01, 12);
});

test('a judge without a price is named', () => {
  const { final, unknownPrices } = estimateRun(input({ judge: { model: 'sage', budgetUsd: 1 } }));
  expect(unknownPrices).toEqual(['sage']);
  expect(final.judgeUsd).toBeNull();
});
