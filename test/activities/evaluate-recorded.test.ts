import { MockActivityEnvironment } from '@temporalio/testing';
import { pino } from 'pino';
import type { PromptTemplate } from '../../packages/app/src/prompt/prompt-template.ts';
import { createEvaluateRecorded } from '../../src/activities/evaluate-recorded.ts';
import type { Dependencies } from '../../src/activities/support/dependencies.ts';
import type { Prediction } from '../../src/activities/support/judged-rows.ts';
import { pipelineSchema } from '../../src/config/pipeline.ts';
import type { Example, Recorded } from '../../src/core/dataset/row.ts';
import type { Prices } from '../../src/core/evaluation/cost.ts';
import type { Evaluation } from '../../src/core/run/evaluation.ts';
import { writeJson } from '../../src/stores/artifact-store.ts';
import { FileStore } from '../../src/stores/file-store.ts';
import { readJsonRows } from '../setup/read-artifact.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';

const SIDES = { train: 1, validation: 1, test: 1 };

import { sampleManifest } from '../data/rows/sample-manifest.ts';

const home = temporaryFolder();
const artifacts = new FileStore(`${home}/artifacts`);

const PRICES: Prices = {
  date: '2026-11-01',
  source: 'test',
  local: { machine_usd_per_hour: 1 },
  models: {
    cheap: { training: 1, tuned: { input: 1, output: 1 }, base: { input: 1, cached: 0.5, output: 0 } },
    dear: { training: 1, tuned: { input: 1, output: 1 }, base: { input: 3, output: 0 } },
  },
};
const template = (words: number): PromptTemplate => ({
  versions: [
    {
      messages: [{ role: 'user', parts: [`${'word '.repeat(words)}: `, { slot: 0 }, ' after the slot'] }],
      slots: [{ name: 'input', kind: 'input' }],
      rows: 1,
    },
  ],
});

const example = (index: number, recorded: Partial<Recorded> | null, completion = 'refund'): Example => ({
  id: `row-${index}`,
  line: index,
  input: `text ${index}`,
  completion,
  version: 0,
  ...(recorded ? { recorded: { completion: 'refund', checked: true, ...recorded } } : {}),
});

async function evaluate(examples: Example[], { otherwise = [] as Example[], words = 1 } = {}): Promise<Evaluation> {
  const dependencies = { artifacts, home, prices: PRICES, log: pino({ level: 'silent' }) } as unknown as Dependencies;
  const pipeline = pipelineSchema.parse({
    name: 'shop',
    task: 'classification',
    source: { type: 'jsonl', path: 'log.jsonl' },
    candidates: { models: ['local-nano'] },
  });
  const rows = (of: Example[]) => artifacts.write(of.map((row) => JSON.stringify(row)));
  const environment = new MockActivityEnvironment({ workflowExecution: { workflowId: 'shop/run', runId: 'r' } });
  return environment.run(createEvaluateRecorded(dependencies), {
    definition: await writeJson(artifacts, pipeline),
    examples: await rows(examples),
    otherwise: await rows(otherwise),
    template: await writeJson(artifacts, template(words)),
    manifest: await writeJson(artifacts, sampleManifest({ labels: { refund: SIDES, shipping: SIDES } })),
    judgeLimitUsd: null,
  });
}

test('only rows with a checked right answer are scored, and their lines carry their place', async () => {
  const evaluation = await evaluate([
    example(0, { checked: false }),
    example(1, { completion: 'refund' }),
    example(2, null),
    example(3, { completion: 'shipping' }),
  ]);
  expect(evaluation).toMatchObject({ score: 0.5, n: 2, invalid: null, spentUsd: 0 });
  expect(evaluation.scores).toHaveProperty('macro_f1');
  if (!evaluation.predictions) throw new Error('no predictions');
  const predictions = await readJsonRows<Prediction>(artifacts, evaluation.predictions);
  expect(predictions.map(({ index, id, score }) => [index, id, score])).toEqual([
    [1, 'row-1', 1],
    [3, 'row-3', 0],
  ]);
});

test('a log without checked answers has cost and latency, no quality and no predictions', async () => {
  const evaluation = await evaluate([
    example(0, { checked: false, latencyMs: 100, model: 'cheap', usage: { promptTokens: 100, completionTokens: 1 } }),
    example(1, { checked: false, latencyMs: 300, model: 'cheap', usage: { promptTokens: 300, completionTokens: 1 } }),
  ]);
  expect(evaluation).toMatchObject({
    model: 'cheap',
    score: null,
    scoreInterval: null,
    n: 0,
    p50Ms: 100,
    p95Ms: 300,
    timed: 2,
    costPer1kUsd: expect.closeTo(0.2, 12),
    predictions: null,
  });
});

test('each call is charged at the price of its model, and an unknown one makes the whole unknown', async () => {
  const call = (model: string) => ({ model, usage: { promptTokens: 1000, completionTokens: 1 } });
  const both = await evaluate([example(0, call('cheap')), example(1, call('dear'))]);
  expect(both).toMatchObject({ model: 'cheap, dear', costPer1kUsd: expect.closeTo(2, 12), cachedCostPer1kUsd: null });
  expect((await evaluate([example(0, call('cheap')), example(1, call('unheard-of'))])).costPer1kUsd).toBeNull();
});

test('the prefix of the template is charged as cached, call by call', async () => {
  const call = (promptTokens: number) => ({ model: 'cheap', usage: { promptTokens, completionTokens: 1 } });
  // About 1,200 tokens before the slot: 1,152 are cached of the long prompt, none of the short one.
  const evaluation = await evaluate([example(0, call(2000)), example(1, call(1000))], { words: 1200 });
  expect(evaluation.costPer1kUsd).toBeCloseTo(1.5, 12);
  expect(evaluation.cachedCostPer1kUsd).toBeCloseTo(1.5 - (1152 * 0.5) / 2 / 1000, 12);
});

test('if production saw none of the judging rows, the other rows show its cost', async () => {
  const seen = { model: 'cheap', latencyMs: 70, usage: { promptTokens: 1000, completionTokens: 1 } };
  const evaluation = await evaluate([example(0, null)], { otherwise: [example(1, seen)] });
  // Their answers are not scored: they are other rows than those that judge.
  expect(evaluation).toMatchObject({
    model: 'cheap',
    n: 0,
    score: null,
    p50Ms: 70,
    costPer1kUsd: expect.closeTo(1, 12),
  });
});
