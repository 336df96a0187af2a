import { pipelineSchema } from '../../src/config/pipeline.ts';
import { readPrices } from '../../src/config/prices.ts';
import type { Dataset } from '../../src/core/run/dataset.ts';
import type { ProviderChoice } from '../../src/core/run/pipeline.ts';
import { type LayOutInput, layOutRun, refuseMisfits } from '../../src/planning/lay-out-run.ts';
import { profileOf } from '../../src/providers/profiles/index.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';

const home = temporaryFolder();
const NOTHING = { uri: 'sha256:0', sha256: '0'.repeat(64), bytes: 0, rows: 0 };
/** 960 validation rows and 2,400 test rows: at 8 requests in flight 4 and 10 minutes of answers for one model. */
const DATASET: Dataset = {
  summary: { version: '0123456789abcdef', train: 8000, validation: 960, test: 2400, dropped: 0 },
  manifest: NOTHING,
  template: NOTHING,
  examples: { train: NOTHING, validation: NOTHING, test: NOTHING },
  files: [],
  tokens: { treated: { strip: { train: 1_000_000, request: 20 } }, completion: 4, prompt: 700 },
  warnings: [],
  text: '',
};
const CANDIDATES = { models: ['gpt-oss-20b'], learning_rate_multiplier: 1, epochs: 2 };

const pipelineAt = (provider: ProviderChoice, changes: Record<string, unknown> = {}) =>
  pipelineSchema.parse({
    name: 'shop',
    task: 'classification',
    source: { type: 'jsonl', path: 'log.jsonl' },
    provider,
    candidates: CANDIDATES,
    ...changes,
  });
const planAt = (provider: ProviderChoice, changes: Record<string, unknown> = {}, input: Partial<LayOutInput> = {}) =>
  layOutRun(pipelineAt(provider, changes), {
    profile: profileOf(provider),
    original: null,
    offered: null,
    dataset: DATASET,
    champion: null,
    home,
    prices: readPrices(undefined),
    monthlyBudgetUsd: null,
    ...input,
  });

const FIREWORKS = { profile: 'fireworks', options: { account: 'a' } } as const;
const AZURE = { profile: 'azure', options: { resource: 'r', subscription: 's', resource_group: 'g' } } as const;
const CRUSOE = { profile: 'crusoe', options: { project: 'p', serving: 'deployment' } } as const;
const NEBIUS = { profile: 'nebius', addresses: { inference: 'https://own.example.com/v1' } } as const;
const LLAMA = { candidates: { ...CANDIDATES, models: ['llama-3.1-8b-instruct'] } };

describe('the estimate at each provider is its list price by hand', () => {
  test.each<[string, ProviderChoice, Record<string, unknown>, { training: number; hours: number; perHour: number }]>([
    // 2 epochs of a million tokens at $3. (10 + 4) x 1.5 = 21 minutes, and (10 + 10) x 1.5 = 30.
    ['fireworks, gpt-oss-20b', FIREWORKS, {}, { training: 6, hours: 51 / 60, perHour: 8 }],
    // 2 x $1.50 is below the minimum of $4.
    ['together, gpt-oss-20b', 'together', {}, { training: 4, hours: 51 / 60, perHour: 3.99 }],
    // Its serving is the user's own.
    ['nebius, gpt-oss-20b', NEBIUS, {}, { training: 5.6, hours: 0, perHour: 0 }],
    ['nebius, llama-3.1-8b-instruct', NEBIUS, LLAMA, { training: 0.8, hours: 0, perHour: 0 }],
    // (20 + 4) x 1.5 = 36 minutes, and (20 + 10) x 1.5 = 45.
    ['crusoe, llama-3.1-8b-instruct', CRUSOE, LLAMA, { training: 0.8, hours: 81 / 60, perHour: 5.5 }],
  ])('%s', async (_, provider, changes, { training, hours, perHour }) => {
    const { estimate } = await planAt(provider, changes);
    expect(estimate.trainingUsd).toBeCloseTo(training, 10);
    expect(estimate.leaseHours).toBeCloseTo(hours, 10);
    expect(estimate.leasesUsd).toBeCloseTo(hours * perHour, 10);
    expect(estimate.totalUsd).toBeCloseTo(training + hours * perHour, 10);
  });

  test('openai, gpt-4.1-mini: tokens of training and of answers, and no leases', async () => {
    const { estimate } = await planAt('openai', { candidates: { ...CANDIDATES, models: ['gpt-4.1-mini'] } });
    expect(estimate.trainingUsd).toBeCloseTo(10, 10);
    // 20 tokens at $0.80 and 4 at $3.20 a million, for each validation row and each test row.
    expect(estimate.evaluationUsd).toBeCloseTo((960 + 2400) * 28.8e-6, 10);
    expect(estimate).toMatchObject({ leasesUsd: 0, leaseHours: 0 });
  });

  test('azure: unknown, because no source gives the price of its tokens', async () => {
    const { estimate } = await planAt(AZURE);
    expect(estimate).toMatchObject({ totalUsd: null, leasesUsd: null, unknownPrices: ['gpt-oss-20b'] });
    expect(estimate.text).toBe('Estimate: no price known for gpt-oss-20b');
  });
});

test('a pipeline with a budget is refused where a price is unknown', async () => {
  await expect(planAt(AZURE, { budget_usd: 100 })).rejects.toMatchObject({
    code: 'BUDGET_EXCEEDED',
    message: expect.stringContaining('no price for gpt-oss-20b'),
  });
});

test('a budget pays for the leases of both evaluations too', async () => {
  // $6.60 for the training, $2.80 for the validation and $4.00 for the test.
  await expect(planAt(FIREWORKS, { budget_usd: 13.3 })).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED' });
  const { candidates, reserveFinal } = await planAt(FIREWORKS, { budget_usd: 13.5 });
  expect(candidates[0]?.reserve).toMatchObject({
    trainingUsd: expect.closeTo(6.6, 10),
    leasesUsd: expect.closeTo(2.8, 10),
  });
  expect(reserveFinal.leasesUsd).toBeCloseTo(4, 10);
});

test('a provider that keeps no models of earlier epochs has no checkpoints to reserve for', async () => {
  const candidates = { ...CANDIDATES, epochs: 4 };
  expect((await planAt(FIREWORKS, { candidates })).checkpoints).toBeNull();
  expect((await planAt('together', { candidates })).checkpoints).toEqual({ validation: 960, examples: 11_360 });
});

test("the provider's own list counts where it could be asked, by the provider's ids", async () => {
  const offered = [{ id: 'openai/gpt-oss-20b', shutdownDate: new Date(Date.now() + 10 * 86_400_000) }];
  const { warnings } = await planAt('together', {}, { offered });
  expect(warnings).toEqual([expect.stringMatching(/^The provider switches openai\/gpt-oss-20b off on /)]);
  await expect(planAt('together', LLAMA, { offered })).rejects.toMatchObject({ code: 'PROVIDER_REFUSED' });
});

test('what the catalogue knows about a base model is a warning', async () => {
  const { warnings } = await planAt('together', LLAMA);
  expect(warnings).toEqual([expect.stringMatching(/^llama-3\.1-8b-instruct at together: .*cannot be served/)]);
});

test('one pipeline file works at several providers with only the provider changed', async () => {
  for (const provider of [AZURE, NEBIUS, FIREWORKS, 'together'] as const) {
    const pipeline = pipelineAt(provider);
    expect(() => refuseMisfits(pipeline)).not.toThrow();
    const { candidates, warnings } = await planAt(provider);
    expect(candidates.map(({ baseModel }) => baseModel)).toEqual(['gpt-oss-20b']);
    expect(warnings).toEqual([]);
  }
});

describe('an original prompt at another provider than the one that trains', () => {
  const changes = { original_provider: 'openai', evaluation: { baseline: { live: 'gpt-4.1-mini' } } };
  const known = (id: string) => ({ id, shutdownDate: null });
  const elsewhere = (...ids: string[]): Partial<LayOutInput> => ({
    offered: [known('accounts/fireworks/models/gpt-oss-20b')],
    original: { profile: profileOf('openai'), offered: ids.map(known) },
  });

  test('its models are looked for there, are charged there, and need no lease', async () => {
    const without = await planAt(FIREWORKS);
    const { leases, reserveFinal } = await planAt(FIREWORKS, changes, elsewhere('gpt-4.1-mini'));
    expect(leases?.perHour).toEqual(without.leases?.perHour);
    expect(leases?.traits.servesBase).toBe(false);
    expect(reserveFinal.leasesUsd).toBe(without.reserveFinal.leasesUsd);
    // 2,400 rows of 700 tokens at $0.40 and 4 tokens at $1.60 a million, and a quarter in reserve.
    expect(reserveFinal.baselineUsd).toBeCloseTo(((2400 * (700 * 0.4 + 4 * 1.6)) / 1e6) * 1.25, 10);
  });

  test('a model that it does not have is refused', async () => {
    await expect(planAt(FIREWORKS, changes, elsewhere('gpt-4.1'))).rejects.toMatchObject({
      code: 'PROVIDER_REFUSED',
      message: expect.stringContaining('no model gpt-4.1-mini'),
    });
  });
});
