import type { Pipeline } from '../../src/config/pipeline.ts';
import { pipelineSchema } from '../../src/config/pipeline.ts';
import type { CandidateOutcome, RunParts } from '../../src/report/summarize-run.ts';

type Evaluation = RunParts['baseline'];
type Dataset = RunParts['dataset'];

const ARTIFACT = { uri: 'sha256:0', sha256: '0', bytes: 1, rows: 1 };

export function samplePipeline(changes: Partial<Pipeline> = {}): Pipeline {
  const written = {
    name: 'support',
    task: 'classification',
    source: { type: 'jsonl', path: 'log.jsonl' },
    candidates: { models: ['local-mini'] },
  };
  return { ...pipelineSchema.parse(written), ...changes };
}

export function sampleDataset(changes: { test?: number; warnings?: string[] } = {}): Dataset {
  const { test = 50, warnings = [] } = changes;
  return {
    summary: { version: '0123456789abcdef', train: 200, validation: 40, test, dropped: 7 },
    manifest: ARTIFACT,
    template: ARTIFACT,
    examples: { train: ARTIFACT, validation: ARTIFACT, test: ARTIFACT },
    files: [{ treatment: 'strip', train: ARTIFACT, validation: ARTIFACT }],
    tokens: { treated: { strip: { train: 1, request: 1 } }, completion: 1, prompt: 1 },
    warnings,
    text: '',
  };
}

export function sampleEvaluation(changes: Partial<Evaluation> = {}): Evaluation {
  return {
    model: 'ft:local-mini:a',
    score: 0.9,
    n: 50,
    costPer1kUsd: 0.01,
    p50Ms: 5,
    p95Ms: 12,
    invalid: 0,
    predictions: null,
    spentUsd: 0.001,
    ...changes,
  };
}

/** A candidate that was trained and evaluated, unless told otherwise. */
export function sampleOutcome(id: string, changes: Partial<CandidateOutcome> = {}): CandidateOutcome {
  return {
    candidate: {
      id,
      baseModel: 'local-mini',
      hyperparameters: { learningRateMultiplier: 1, epochs: 4 },
      treatment: 'strip',
      reserve: { trainingUsd: 0.6, evaluationUsd: 0.01 },
    },
    job: {
      state: 'succeeded',
      jobId: `ftjob-${id}`,
      model: `ft:local-mini:${id}`,
      trainingUsd: 0.5,
      trainingSeconds: 90,
    },
    evaluation: sampleEvaluation({ n: 40 }),
    evaluationFailure: null,
    ...changes,
  };
}

/** A run with two candidates, of which `a` wins on 50 test rows against a recorded baseline. */
export function sampleParts(changes: Partial<RunParts> = {}): RunParts {
  return {
    runId: 'support/20261123-081530-042',
    pipeline: samplePipeline(),
    dataset: sampleDataset(),
    estimate: {
      trainingUsd: 0,
      evaluationUsd: 0,
      totalUsd: 0,
      machineUsdPerHour: 0.1,
      unknownPrices: [],
      final: { testUsd: 0, baselineUsd: 0 },
      text: 'Estimate: machine time',
    },
    warnings: [],
    spentUsd: 1.25,
    testFailure: null,
    outcomes: [sampleOutcome('a'), sampleOutcome('b', { evaluation: sampleEvaluation({ n: 40, score: 0.8 }) })],
    selection: { winner: 'a', rejected: { b: 'lower validation score' } },
    winnerOnTest: sampleEvaluation({ score: 0.92, costPer1kUsd: 0.02 }),
    baseline: sampleEvaluation({ model: 'gpt-4o', score: 0.88, costPer1kUsd: 0.4, p50Ms: 900, p95Ms: 1800 }),
    ...changes,
  };
}
