import type { RunJson } from '../../src/client/runs.ts';
import { cli, lastJson, temporaryHome } from '../setup/cli.ts';
import { shopRows, writePipeline } from '../setup/shop-log.ts';

describe('a sweep with checkpoints, half of the rows, and another model', () => {
  const { home, remove } = temporaryHome();
  let run: RunJson;
  let again: RunJson;

  beforeAll(async () => {
    const file = writePipeline(home, shopRows(600), {
      split: { validation: 0.3, test: 0.2 },
      candidates: { models: ['local-nano', 'local-mini'], epochs: 4, half_data: true },
      evaluation: { baseline: { live: 'local-mini' }, alternatives: ['local-base'] },
    });
    run = lastJson<RunJson>(await cli(home, ['demo', '--json', '--pipeline', file]));
    again = lastJson<RunJson>(await cli(home, ['demo', '--json', '--pipeline', file]));
  });
  afterAll(remove);

  test('a sweep evaluates the models of the second and third epoch beside the last', () => {
    expect(run.status).toBe('completed');
    const whole = run.candidates?.filter(({ half }) => !half) ?? [];
    expect(whole).toHaveLength(2);
    for (const { id, checkpoints, validation } of whole) {
      expect(checkpoints.map((each) => each.id).sort()).toEqual([`${id}@2`, `${id}@3`]);
      expect(checkpoints.map((each) => each.validation?.n)).toEqual([validation?.n, validation?.n]);
      expect(new Set(checkpoints.map(({ model }) => model)).size).toBe(2);
    }
  });

  test('a sweep measures a job on half of the rows, which cannot win, and says what it teaches', () => {
    const half = run.candidates?.find((candidate) => candidate.half);
    expect(half).toMatchObject({ id: expect.stringMatching(/-half$/), status: 'succeeded' });
    expect(half?.validation?.n).toBeGreaterThan(150);
    expect(run.winner?.startsWith(half?.id ?? '?')).toBe(false);
    expect(run.notes?.join()).toMatch(/more rows would/i);
  });

  test('a sweep measures the other model on the same rows as winner and baseline, with the original prompt', () => {
    expect(run.alternatives).toMatchObject([{ model: 'local-base', failure: null }]);
    expect(run.alternatives?.[0]?.judged?.n).toBe(run.winnerJudged?.n);
    expect(run.alternatives?.[0]?.comparison?.n).toBe(run.winnerJudged?.n);
    expect(run.baseline).toMatchObject({ kind: 'live', model: 'local-mini', n: run.winnerJudged?.n });
  });

  test('a later run of the pipeline begins with the winning settings of the first', () => {
    expect(again.status).toBe('completed');
    const [winner] = run.winner?.split('@') ?? [];
    expect(again.candidates?.[0]?.id).toBe(winner);
    expect(again.candidates).toHaveLength(3);
  });
});
