import { parsePipeline } from '../../src/config/pipeline-file.ts';
import { readPrices } from '../../src/config/prices.ts';
import type { Dataset } from '../../src/core/run/dataset.ts';
import { layOutRun } from '../../src/planning/lay-out-run.ts';
import { profileOf } from '../../src/providers/profiles/index.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';

const home = temporaryFolder();
const NOTHING = { uri: 'sha256:0', sha256: '0'.repeat(64), bytes: 0, rows: 0 };
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

/** A pipeline file in which the line `provider` is the only one that names a provider. */
const fileWith = (provider: string, model: string) => `name: routing
task: classification
source: { type: jsonl, path: logs/*.jsonl }
clean: { duplicates: near, redact: [email, phone] }
provider: ${provider}
candidates:
  models: [${model}]
  learning_rate_multiplier: [0.5, 1, 2]
  epochs: [2, 4]
  batch_size: 16
  half_data: true
evaluation: { metric: accuracy, baseline: recorded, concurrency: 8 }
selection: { margin: 0.01, max_p95_ms: 800 }
promotion: { by: approval }
`;

const AZURE = '{ profile: azure, options: { resource: r, subscription: s, resource_group: g } }';
const NEBIUS = '{ profile: nebius, addresses: { inference: https://models.example.com/v1 } }';
const CRUSOE = '{ profile: crusoe, options: { project: p } }';
const FIREWORKS = '{ profile: fireworks, options: { account: a } }';

/** The plan of the file, as far as it says what is trained. */
async function planned(provider: string, model: string) {
  const pipeline = parsePipeline(fileWith(provider, model), 'routing.yaml');
  const { candidates, warnings } = await layOutRun(pipeline, {
    profile: profileOf(pipeline.provider),
    offered: null,
    original: null,
    dataset: DATASET,
    champion: null,
    home,
    prices: readPrices(undefined),
    monthlyBudgetUsd: null,
  });
  return { candidates, warnings };
}

describe.each([
  ['gpt-oss-20b', [AZURE, NEBIUS, FIREWORKS, 'together']],
  ['llama-3.1-8b-instruct', [NEBIUS, CRUSOE, FIREWORKS, 'together']],
])('a change of the line `provider` is the whole move of a pipeline with %s', (model, providers) => {
  test.each(providers)('the plan for provider: %s has the same candidates', async (provider) => {
    const { candidates, warnings } = await planned(provider, model);
    const multiplied = (rate: string) => [`${model}-lr${rate}-e2-b16`, `${model}-lr${rate}-e4-b16`];
    const ids = candidates.map(({ id }) => id).filter((id) => !id.endsWith('-half'));
    expect(ids.toSorted()).toEqual(['0.5', '1', '2'].flatMap(multiplied).toSorted());
    expect(candidates).toHaveLength(7);
    expect(warnings.filter((warning) => /catalogue/.test(warning))).toEqual([]);
  });

  test('where providers take absolute rates, these are the same multiples of their base', async () => {
    for (const provider of providers) {
      const { candidates } = await planned(provider, model);
      const { learningRate: rule } = profileOf(parsePipeline(fileWith(provider, model), 'routing.yaml').provider).jobs;
      for (const { hyperparameters } of candidates) {
        const { learningRateMultiplier: multiplier, learningRate } = hyperparameters;
        expect([0.5, 1, 2]).toContain(multiplier);
        if (rule.takes === 'rate') expect(learningRate).toBeCloseTo(multiplier * rule.base, 12);
      }
    }
  });
});
