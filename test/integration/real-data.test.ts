import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { RunJson } from '../../src/client/runs.ts';
import { cli, lastJson, ROOT, temporaryHome } from '../setup/cli.ts';
import { writePipeline } from '../setup/shop-log.ts';

const DATA = path.join(ROOT, '..', 'shared', 'data');
const here = existsSync(DATA);
if (!here) console.warn(`The runs on real data are skipped: there is no folder ${DATA}`);

/** All rows of a set, judged on its official test rows. */
async function runOn(set: string, task: string): Promise<{ code: number | null; run: RunJson }> {
  const { home, remove } = temporaryHome();
  try {
    const file = writePipeline(home, readFileSync(path.join(DATA, set, 'log.jsonl'), 'utf8'), {
      name: set.replace('_', '-'),
      task,
      split: { test: { file: path.join(DATA, set, 'test.jsonl') } },
      candidates: {
        models: ['local-nano', 'local-mini', 'local-base'],
        learning_rate_multiplier: [0.5, 1, 2],
        epochs: 4,
        early_stop: true,
      },
    });
    const ended = await cli(home, ['demo', '--json', '--pipeline', file]);
    return { code: ended.code, run: lastJson<RunJson>(ended) };
  } finally {
    remove();
  }
}

(here ? describe : describe.skip)('on real data', () => {
  test('Banking77: nine jobs, and the winner is right on at least 90 % of the official test rows', async () => {
    const { code, run } = await runOn('banking77', 'classification');
    expect(code).toBe(0);
    expect(new Set(run.candidates?.map(({ status }) => status))).toEqual(new Set(['succeeded', 'stopped']));
    expect(run.candidates).toHaveLength(9);
    expect(run.winnerJudged?.n).toBe(3080);
    expect(run.winnerJudged?.score).toBeGreaterThanOrEqual(0.9);
    expect(run.historyEvents).toBeLessThan(500);
  }, 300_000);

  test('E2E restaurant descriptions: ends with a report and a score between the bounds of the metric', async () => {
    const { code, run } = await runOn('e2e_nlg', 'generation');
    expect(code).toBe(0);
    expect(run.winnerJudged?.n).toBe(630);
    expect(run.winnerJudged?.score).toBeGreaterThan(0.4);
    expect(run.winnerJudged?.score).toBeLessThan(1);
  }, 300_000);
});
