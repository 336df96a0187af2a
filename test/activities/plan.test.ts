import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Client } from '@temporalio/client';
import { pino } from 'pino';
import { startTrainer, type Trainer } from '../../packages/local-trainer/src/server.ts';
import { createPlan } from '../../src/activities/plan.ts';
import type { Dependencies } from '../../src/activities/support/dependencies.ts';
import { pipelineSchema } from '../../src/config/pipeline.ts';
import type { Dataset } from '../../src/core/run/dataset.ts';
import type { Plan, PlanInput } from '../../src/core/run/run-plan.ts';
import type { Inference } from '../../src/providers/inference.ts';
import { writeJson } from '../../src/stores/artifact-store.ts';
import { FileStore } from '../../src/stores/file-store.ts';
import { addPastWinner } from '../../src/stores/past-winners.ts';
import { providerAt } from '../providers/provider-at.ts';
import { temporaryHome } from '../setup/cli.ts';
import { STACK_PRICES } from '../setup/stack.ts';

const { home, remove } = temporaryHome();
const artifacts = new FileStore(path.join(home, 'artifacts'));
let trainer: Trainer;

beforeAll(async () => {
  trainer = await startTrainer({ dir: path.join(home, 'trainer') });
});
afterAll(async () => {
  await trainer.close();
  remove();
});

const NOTHING = { uri: 'sha256:0', sha256: '0'.repeat(64), bytes: 0, rows: 0 };
const dataset = (summary: Partial<Dataset['summary']> = {}): Dataset => ({
  summary: { version: '0123456789abcdef', train: 700, validation: 150, test: 150, dropped: 0, ...summary },
  manifest: NOTHING,
  template: NOTHING,
  examples: { train: NOTHING, validation: NOTHING, test: NOTHING },
  files: [],
  tokens: { treated: { strip: { train: 100_000, request: 20 } }, completion: 4, prompt: 700 },
  warnings: [],
  text: '700 examples',
});
const CANDIDATES = { models: ['local-nano', 'local-mini'], learning_rate_multiplier: [0.5, 1, 2], epochs: 4 };

/** The plan of a pipeline at a provider that is paid. */
async function planOf(
  pipeline: Record<string, unknown> = {},
  data = dataset(),
  changes: Partial<Dependencies> = {},
  champion: PlanInput['champion'] = null,
): Promise<Plan> {
  const definition = await writeJson(
    artifacts,
    pipelineSchema.parse({
      name: 'shop',
      task: 'classification',
      source: { type: 'jsonl', path: 'log.jsonl' },
      candidates: CANDIDATES,
      ...pipeline,
    }),
  );
  const provider = paidProvider();
  const dependencies: Dependencies = {
    artifacts,
    home,
    prices: STACK_PRICES,
    connectProvider: () => provider,
    // A plan asks nothing of the server.
    temporal: {} as Client,
    monthlyBudgetUsd: null,
    log: pino({ level: 'silent' }),
    ...changes,
  };
  return createPlan(dependencies)({ definition, dataset: data, champion });
}

const paidProvider = () => providerAt(trainer.baseURL);

const ids = ({ candidates }: Plan) => candidates.map(({ id }) => id);

test('every candidate has a reservation, and the plan has one for the later steps', async () => {
  const evaluation = { baseline: { live: 'local-base' }, alternatives: ['local-nano', 'local-mini'] };
  const { candidates, reserveFinal, checkpoints, estimate } = await planOf({ evaluation });
  expect(candidates).toHaveLength(6);
  // 100,000 tokens x 4 epochs x $10 a million, and a tenth more.
  expect(candidates[0]?.reserve.trainingUsd).toBeCloseTo(4.4, 10);
  // The model at the end and two checkpoints, 150 rows of 20 tokens at $1 and 4 at $4 a million, and a quarter more.
  expect(candidates[0]?.reserve.evaluationUsd).toBeCloseTo(3 * 150 * 36e-6 * 1.25, 10);
  expect(reserveFinal.alternativesUsd).toEqual([
    expect.closeTo(150 * 358e-6 * 1.25, 10),
    expect.closeTo(150 * 716e-6 * 1.25, 10),
  ]);
  expect(reserveFinal.judgeUsd).toBe(0);
  expect(checkpoints).toEqual({ validation: 150, examples: 1000 });
  expect(estimate.text).toMatch(/^Estimate: \$\d+\.\d\d training \+ \$0\.\d+ evaluation = \$\d+\.\d\d$/);
});

test('settings that have won before are tried first', async () => {
  const hyperparameters = { learningRateMultiplier: 0.7, epochs: 3 };
  const won = { run: 'past/1', wonAt: '2026-11-23T08:15:30.042Z', treatment: 'strip', hyperparameters };
  await addPastWinner(home, 'past', { ...won, baseModel: 'local-mini' });
  const plan = await planOf({ name: 'past' });
  expect(plan.candidates).toHaveLength(6);
  expect(plan.candidates[0]).toMatchObject({ id: 'local-mini-lr0.7-e3', pastWinner: true });
  expect(plan.warnings).toEqual([]);
});

test('an unreadable history causes a warning and costs no run', async () => {
  mkdirSync(path.join(home, 'past-winners'), { recursive: true });
  writeFileSync(path.join(home, 'past-winners', 'broken.json'), '{');
  const { warnings, candidates } = await planOf({ name: 'broken' });
  expect(candidates).toHaveLength(6);
  expect(warnings).toEqual([expect.stringMatching(/broken\.json cannot be read/)]);
});

test('under 100 examples few candidates are tried, without checkpoints, and a warning says so', async () => {
  const tiny = dataset({ train: 69, validation: 15, test: 15 });
  const { candidates, warnings } = await planOf({}, tiny);
  expect(candidates).toHaveLength(3);
  expect(candidates[0]?.reserve.evaluationUsd).toBeCloseTo(15 * 36e-6 * 1.25, 10);
  expect(warnings).toEqual([expect.stringMatching(/^99 examples are too few to rank candidates: 3 jobs are tried/)]);
  const asked = await planOf({ candidates: { ...CANDIDATES, jobs: 5 } }, tiny);
  expect(asked.candidates).toHaveLength(5);
  expect(asked.warnings).toEqual([expect.stringMatching(/5 jobs are tried/)]);
});

test('a pipeline that wants no checkpoints reserves nothing for them', async () => {
  const { checkpoints, candidates } = await planOf({ candidates: { ...CANDIDATES, checkpoints: false } });
  expect(checkpoints).toBeNull();
  expect(candidates[0]?.reserve.evaluationUsd).toBeCloseTo(150 * 36e-6 * 1.25, 10);
});

test('the choice among many combinations follows from the seed of the split', async () => {
  const candidates = { ...CANDIDATES, batch_size: [1, 4, 16], jobs: 6 };
  const plans = await Promise.all([1, 1, 2].map((seed) => planOf({ candidates, split: { seed } })));
  const [one, same, other] = plans.map(ids);
  expect(same).toEqual(one);
  expect(other).not.toEqual(one);
});

test.each([
  ['a candidate', { candidates: { ...CANDIDATES, models: ['gpt-none'] } }],
  ['the live baseline', { evaluation: { baseline: { live: 'gpt-none' } } }],
  ['an alternative', { evaluation: { alternatives: ['local-mini', 'gpt-none'] } }],
  ['the judge', { task: 'generation', evaluation: { metric: 'judge', judge: { model: 'gpt-none' } } }],
])('a model that the provider does not have is refused before anything is paid: %s', async (_, pipeline) => {
  await expect(planOf(pipeline)).rejects.toMatchObject({
    code: 'PROVIDER_REFUSED',
    message: expect.stringMatching(/^the provider has no model gpt-none; it offers .*local-mini/),
  });
});

test('a budget pays for the steps after the candidates too', async () => {
  const evaluation = { alternatives: ['local-base'] };
  const [cheapest] = (await planOf()).candidates;
  const usd = (cheapest?.reserve.trainingUsd ?? 0) + (cheapest?.reserve.evaluationUsd ?? 0) + 0.1;
  const enough = await planOf({ budget_usd: usd });
  expect(enough.estimate.text).toMatch(/; budget_usd of \$\S+ pays for about 1 of 6 candidates$/);
  await expect(planOf({ budget_usd: usd, evaluation })).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED' });
});

test('a judge with a budget needs a price', async () => {
  const prices = { ...STACK_PRICES, models: { 'local-nano': STACK_PRICES.models['local-nano'] ?? raise() } };
  const pipeline = (budget?: number) => ({
    task: 'generation',
    candidates: { models: ['local-nano'] },
    evaluation: { metric: 'judge', judge: { model: 'local-base', ...(budget ? { budget_usd: budget } : {}) } },
  });
  await expect(planOf(pipeline(1), dataset(), { prices })).rejects.toMatchObject({
    code: 'BUDGET_EXCEEDED',
    message: expect.stringMatching(
      /^evaluation\.judge\.budget_usd is set, but the price file has no price for local-base/,
    ),
  });
  expect((await planOf(pipeline(), dataset(), { prices })).reserveFinal.judgeUsd).toBeNull();
});

function raise(): never {
  throw new Error('the prices of the stack have changed');
}

test('the end of the champion is a part of the plan if it is near', async () => {
  const DAY_MS = 86_400_000;
  const champion = { model: 'ft:old', baseModel: 'local-nano', treatment: 'strip' as const };
  const endIn = async (days: number) => {
    const shutdownDate = new Date(Date.now() + days * DAY_MS);
    const provider = paidProvider();
    const { inference } = provider;
    const leaving: Inference = {
      settings: {},
      address: inference.address,
      complete: (request) => inference.complete(request),
      listModels: async () => [...(await inference.listModels()), { id: 'ft:old', shutdownDate }],
    };
    const changes = { connectProvider: () => ({ ...provider, inference: leaving }) };
    const { championEndsAt } = await planOf({ retraining: { shutdown_days: 30 } }, dataset(), changes, champion);
    return championEndsAt === shutdownDate.toISOString();
  };
  expect(await endIn(29)).toBe(true);
  expect(await endIn(-1)).toBe(true);
  expect(await endIn(31)).toBe(false);
});
