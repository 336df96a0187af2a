import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { startTrainer, type Trainer } from '../../packages/local-trainer/src/server.ts';
import type { EndedPlan } from '../../src/client/plans.ts';
import { cli, lastJson, temporaryHome } from '../setup/cli.ts';
import { shopRows, writePipeline } from '../setup/shop-log.ts';
import { STACK_PRICES, Stack } from '../setup/stack.ts';
import { command, executed } from '../setup/stack-tools.ts';

jest.setTimeout(120_000);

const CANDIDATES = {
  models: ['local-nano', 'local-mini', 'local-base'],
  learning_rate_multiplier: [0.5, 1, 2],
  epochs: 4,
  jobs: undefined,
  early_stop: true,
};
/** Nothing answers there. */
const NO_SERVER = { TEMPORAL_ADDRESS: '127.0.0.1:1' };

const { home, remove } = temporaryHome();
let trainer: Trainer;

beforeAll(async () => {
  trainer = await startTrainer({ dir: path.join(home, 'trainer') });
  writeFileSync(path.join(home, 'prices.json'), JSON.stringify(STACK_PRICES));
});
afterAll(async () => {
  await trainer.close();
  remove();
});

const atTrainer = () => ({ profile: 'generic', baseURL: trainer.baseURL, apiKeyEnv: 'PLAN_KEY' });
const pipelineFile = (name: string, rows: number, changes: Record<string, unknown> & { candidates?: object }) =>
  writePipeline(path.join(home, 'pipelines', name), shopRows(rows), { name, ...changes });
const plan = (file: string, env: Record<string, string> = {}, ...args: string[]) =>
  cli(home, ['plan', file, ...args], { ...NO_SERVER, ...env });
const WITH_KEY = { PLAN_KEY: 'key', TUNELOOP_PRICES: path.join(home, 'prices.json') };

async function planned(file: string, env: Record<string, string> = {}) {
  const ended = lastJson<EndedPlan>(await plan(file, env, '--json'));
  if (ended.status !== 'completed') throw new Error(`${ended.error.code}: ${ended.error.message}`);
  return ended;
}

describe('tuneloop plan without a Temporal server', () => {
  test('prints candidates, their reservations, and the rules of the sweep', async () => {
    const file = pipelineFile('shop', 120, { provider: atTrainer(), candidates: { ...CANDIDATES, half_data: true } });
    const { stdout, code } = await plan(file, WITH_KEY);
    expect(code).toBe(0);
    const lines = stdout.split('\n');
    expect(lines[0]).toMatch(/^\d+ examples to train on, \d+ to choose, \d+ to judge; \d+ rows dropped\.$/);
    expect(stdout).toMatch(/^candidate +learning rate x +epochs +batch size +treatment +training +evaluation$/m);
    expect(stdout).toMatch(/^local-nano-lr0\.5-e4 +0\.5 +4 +auto +strip +\$\S+ +\$\S+$/m);
    expect(stdout).toMatch(/^local-base-lr1-e4-half +1 +4 +auto +strip +\$\S+ +\$\S+ +half of the rows$/m);
    expect(stdout).toMatch(/^Estimate: \$\S+ training \+ \$\S+ evaluation = \$\S+\.$/m);
    expect(stdout).toContain('Prices of 2026-11-01: made up for tests.');
    expect(stdout).toContain(
      'Early stop: by validation accuracy, 5 of 9 are kept after epoch 1, with the best of each model, and 3 after epoch 2; 24 to 40 epochs.',
    );
    expect(stdout).toMatch(
      /^Checkpoints: with \d+ validation rows up to 1 of each job is evaluated too, from epoch 2 on\.$/m,
    );
    expect(lines.at(-2)).toBe('Nothing was uploaded or paid.');
  });

  test('the profile generic says which fields it sends', async () => {
    const { stdout } = await plan(pipelineFile('generic', 60, { provider: atTrainer() }), WITH_KEY);
    expect(stdout).toMatch(
      /^The profile generic sends learning_rate_multiplier, n_epochs, .*; a server that ignores one of these trains something else\.$/m,
    );
  });

  test('a model that the provider does not have gives the reason why no plan is made', async () => {
    const candidates = { ...CANDIDATES, models: ['gpt-none'] };
    const ended = await plan(pipelineFile('missing', 120, { provider: atTrainer(), candidates }), WITH_KEY, '--json');
    expect(ended.code).toBe(4);
    expect(lastJson(ended)).toMatchObject({
      planId: expect.stringMatching(/^plan\/missing-\d{8}-/),
      status: 'failed',
      error: { code: 'PROVIDER_REFUSED', message: expect.stringContaining('no model gpt-none') },
    });
  });

  test('rules that are switched off are named', async () => {
    const candidates = { ...CANDIDATES, early_stop: false, checkpoints: false };
    const { stdout } = await plan(pipelineFile('plain', 60, { provider: atTrainer(), candidates }), WITH_KEY);
    expect(stdout).toContain('Early stop: off; 12 epochs.');
    expect(stdout).toContain('Checkpoints: off.');
    expect(stdout).toMatch(/^Warning: 60 examples are too few to rank candidates: 3 jobs are tried/m);
  });
});

describe('tuneloop plan without a key and a network', () => {
  const candidates = { ...CANDIDATES, models: ['llama-3.1-8b-instruct'], lora_rank: 8, jobs: 2 };

  test('the tables give the prices, and the plan says of what date and that the provider was not asked', async () => {
    const provider = { profile: 'fireworks', options: { account: 'shop' } };
    const { stdout, code } = await plan(pipelineFile('offline', 150, { provider, candidates }));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Prices of \d{4}-\d{2}-\d{2}: .*fireworks\.ai/m);
    expect(stdout).toMatch(
      /^fireworks was not asked for its models and its own estimate: FIREWORKS_API_KEY is not set/m,
    );
    expect(stdout).toMatch(/^Estimate: \$\S+ training .* for \d+\.\d hours of serving = \$\S+\.$/m);
  });

  test('multiplier and rate stand side by side, and the rank beside them', async () => {
    const provider = { profile: 'fireworks', options: { account: 'shop' } };
    const { stdout } = await plan(pipelineFile('rates', 150, { provider, candidates }));
    expect(stdout).toMatch(/^candidate +learning rate x +epochs +batch size +LoRA rank +treatment /m);
    expect(stdout).toMatch(
      /^llama-3\.1-8b-instruct-\S+ +(0\.5 \(0\.00005\)|1 \(0\.0001\)|2 \(0\.0002\)) +4 +auto +8 +strip /m,
    );
    expect(stdout).toContain('fireworks takes learning rates: a multiplier of 1 stands for 0.0001.');
  });

  test('a base model that the catalogue does not have causes a warning and no error', async () => {
    const provider = { profile: 'fireworks', options: { account: 'shop' } };
    const changes = { provider, candidates: { ...candidates, models: ['llama-9'] } };
    const { plan: made } = await planned(pipelineFile('stranger', 150, changes));
    expect(made.warnings).toEqual([
      expect.stringMatching(/^The catalogue of fireworks has no llama-9; it has .*llama-3\.1-8b-instruct/),
    ]);
    expect(made.estimate).toMatchObject({ totalUsd: null, unknownPrices: ['llama-9'] });
  });

  test('a key that the provider does not know is refused with file, line and key', async () => {
    const provider = { profile: 'azure', options: { resource: 'r', subscription: 's', resource_group: 'g' } };
    const changes = { provider, candidates: { models: ['gpt-4.1-mini'], lora_rank: 8 } };
    const { stderr, code } = await plan(pipelineFile('misfit', 60, changes));
    expect(code).toBe(2);
    expect(stderr).toMatch(/pipeline\.json:\d+: candidates\.lora_rank is unknown to azure/);
  });

  test('a server that does not answer is no obstacle', async () => {
    const provider = { profile: 'generic', baseURL: 'http://127.0.0.1:1/v1', apiKeyEnv: 'PLAN_KEY' };
    const { provider: host } = await planned(pipelineFile('silent', 120, { provider }), WITH_KEY);
    expect(host.notAsked).toMatch(/cannot be reached/);
    expect(host.estimates).toEqual({ candidates: null, reason: host.notAsked });
  });
});

describe('a plan beside a run', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await Stack.start();
  });
  afterAll(() => stack.stop());

  test('a plan uploads nothing, asks no model and creates no job; the run finds its dataset version again', async () => {
    const file = stack.writePipeline('again', shopRows(120));
    const made = lastJson<EndedPlan>(await command(stack, 'plan', file, '--json'));
    for (const endpoint of ['files.create', 'jobs.create', 'chat'] as const) {
      expect(executed(stack.ledger(), endpoint)).toEqual([]);
    }
    const handle = await stack.startRun(file);
    const { dataset } = await handle.result();
    expect(made).toMatchObject({ status: 'completed', dataset: { summary: { version: dataset.version } } });
  });
});

test('the help of tuneloop plan shows an example', async () => {
  const { stdout, code } = await cli('/nowhere', ['plan', '--help']);
  expect(code).toBe(0);
  expect(stdout).toContain('tuneloop plan pipeline.yaml');
});
