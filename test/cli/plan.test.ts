import type { PlannedRun } from '../../src/core/run/planned-run.ts';
import { cli, lastJson } from '../setup/cli.ts';
import { shopRows } from '../setup/shop-log.ts';
import { Stack } from '../setup/stack.ts';
import { command, executed } from '../setup/stack-tools.ts';

jest.setTimeout(120_000);

const CANDIDATES = {
  models: ['local-nano', 'local-mini', 'local-base'],
  learning_rate_multiplier: [0.5, 1, 2],
  epochs: 4,
  jobs: undefined,
  early_stop: true,
};

describe('tuneloop plan', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await Stack.start();
  });
  afterAll(() => stack.stop());

  const plan = (file: string, ...args: string[]) => command(stack, 'plan', file, ...args);

  test('tuneloop plan prints candidates, their reservations, and the rules of the sweep', async () => {
    const file = stack.writePipeline('shop', shopRows(120), { candidates: { ...CANDIDATES, half_data: true } });
    const { stdout, stderr, code } = await plan(file);
    expect(stderr).toMatch(/^Plan plan\/shop-\d{8}-/);
    expect(code).toBe(0);
    const lines = stdout.split('\n');
    expect(lines[0]).toMatch(/^\d+ examples to train on, \d+ to choose, \d+ to judge; \d+ rows dropped\.$/);
    expect(stdout).toMatch(/^candidate +learning rate x +epochs +batch size +treatment +training +evaluation$/m);
    expect(stdout).toMatch(/^local-nano-lr0\.5-e4 +0\.5 +4 +auto +strip +\$\S+ +\$\S+$/m);
    expect(stdout).toMatch(/^local-base-lr1-e4-half +1 +4 +auto +strip +\$\S+ +\$\S+ +half of the rows$/m);
    expect(stdout).toMatch(/^Estimate: \$\S+ training \+ \$\S+ evaluation = \$\S+\.$/m);
    expect(stdout).toContain(
      'Early stop: by validation accuracy, 5 of 9 are kept after epoch 1, with the best of each model, and 3 after epoch 2; 24 to 40 epochs.',
    );
    expect(stdout).toMatch(
      /^Checkpoints: with \d+ validation rows up to 1 of each job is evaluated too, from epoch 2 on\.$/m,
    );
    expect(lines.at(-2)).toBe('Nothing was uploaded or paid.');
  });

  test('tuneloop plan uploads nothing, asks no model and creates no job', async () => {
    const before = stack.ledger().length;
    const file = stack.writePipeline('free', shopRows(120), { candidates: CANDIDATES });
    const ended = await plan(file, '--json');
    const { status, plan: planned } = lastJson<{ status: string } & PlannedRun>(ended);
    expect(status).toBe('completed');
    expect(planned.candidates).toHaveLength(9);
    const since = stack.ledger().slice(before);
    for (const endpoint of ['files.create', 'jobs.create', 'chat'] as const) {
      expect(executed(since, endpoint)).toEqual([]);
    }
  });

  test('a plan that cannot be made gives the reason', async () => {
    const file = stack.writePipeline('missing', shopRows(120), { candidates: { ...CANDIDATES, models: ['gpt-none'] } });
    const ended = await plan(file, '--json');
    expect(ended.code).toBe(4);
    expect(lastJson(ended)).toMatchObject({
      planId: expect.stringMatching(/^plan\/missing-\d{8}-/),
      status: 'failed',
      error: { code: 'PROVIDER_REFUSED', message: expect.stringContaining('no model gpt-none') },
    });
  });

  test('rules that are switched off are named', async () => {
    const candidates = { ...CANDIDATES, early_stop: false, checkpoints: false };
    const { stdout } = await plan(stack.writePipeline('plain', shopRows(60), { candidates }));
    expect(stdout).toContain('Early stop: off; 12 epochs.');
    expect(stdout).toContain('Checkpoints: off.');
    expect(stdout).toMatch(/^Warning: 60 examples are too few to rank candidates: 3 jobs are tried/m);
  });
});

test('the help of tuneloop plan shows an example', async () => {
  const { stdout, code } = await cli('/nowhere', ['plan', '--help']);
  expect(code).toBe(0);
  expect(stdout).toContain('tuneloop plan pipeline.yaml');
});
