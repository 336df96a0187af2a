import { hasRealData, runOnRealData } from '../setup/real-data.ts';

// One candidate instead of nine, and a part of the rows: `npm run test:long` takes all.
(hasRealData ? describe : describe.skip)('on real data', () => {
  test('Banking77: one job, and its model is right on at least 90 % of the official test rows', async () => {
    const candidates = { models: ['local-base'], learning_rate_multiplier: 1, epochs: 4 };
    const { code, run } = await runOnRealData('banking77', { task: 'classification', candidates });
    expect(code).toBe(0);
    expect(run.candidates?.map(({ status }) => status)).toEqual(['succeeded']);
    expect(run.winnerJudged?.n).toBe(3080);
    expect(run.winnerJudged?.score).toBeGreaterThanOrEqual(0.9);
  }, 300_000);

  test('E2E restaurant descriptions: ends with a report and a score between the bounds of the metric', async () => {
    const candidates = { models: ['local-nano', 'local-base'], learning_rate_multiplier: 1, epochs: 2 };
    const { code, run } = await runOnRealData('e2e_nlg', { task: 'generation', candidates, every: 7 });
    expect(code).toBe(0);
    expect(run.winnerJudged?.n).toBe(90);
    expect(run.winnerJudged?.score).toBeGreaterThan(0.4);
    expect(run.winnerJudged?.score).toBeLessThan(1);
  }, 300_000);
});
