import { hasRealData, runOnRealData } from '../setup/real-data.ts';

const CANDIDATES = {
  models: ['local-nano', 'local-mini', 'local-base'],
  learning_rate_multiplier: [0.5, 1, 2],
  epochs: 4,
  early_stop: true,
};

(hasRealData ? describe : describe.skip)('on real data', () => {
  test('Banking77: nine jobs, and the winner is right on at least 90 % of the official test rows', async () => {
    const { code, run } = await runOnRealData('banking77', { task: 'classification', candidates: CANDIDATES });
    expect(code).toBe(0);
    expect(new Set(run.candidates?.map(({ status }) => status))).toEqual(new Set(['succeeded', 'stopped']));
    expect(run.candidates).toHaveLength(9);
    expect(run.winnerJudged?.n).toBe(3080);
    expect(run.winnerJudged?.score).toBeGreaterThanOrEqual(0.9);
    expect(run.historyEvents).toBeLessThan(500);
  }, 300_000);

  test('E2E restaurant descriptions: ends with a report and a score between the bounds of the metric', async () => {
    const { code, run } = await runOnRealData('e2e_nlg', { task: 'generation', candidates: CANDIDATES });
    expect(code).toBe(0);
    expect(run.winnerJudged?.n).toBe(630);
    expect(run.winnerJudged?.score).toBeGreaterThan(0.4);
    expect(run.winnerJudged?.score).toBeLessThan(1);
  }, 300_000);
});
