import { pipelineSchema } from '../../src/config/pipeline.ts';
import { compareScores } from '../../src/core/evaluation/comparison.ts';
import type { CandidateOutcome, Contending } from '../../src/core/run/contenders.ts';
import type { Dataset } from '../../src/core/run/dataset.ts';
import type { Evaluation } from '../../src/core/run/evaluation.ts';
import type { Pipeline } from '../../src/core/run/pipeline.ts';
import type { Plan, PlannedCandidate } from '../../src/core/run/run-plan.ts';
import type { RunParts, TestOutcome } from '../../src/core/run/summarize-run.ts';

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
    scoreInterval: { low: 0.8, high: 0.95 },
    n: 50,
    scores: {},
    costPer1kUsd: 0.01,
    cachedCostPer1kUsd: null,
    p50Ms: 5,
    p95Ms: 12,
    p95Interval: null,
    timed: 50,
    invalid: 0,
    predictions: null,
    spentUsd: 0.001,
    ...changes,
  };
}

export function sampleCandidate(id: string, changes: Partial<PlannedCandidate> = {}): PlannedCandidate {
  return {
    id,
    baseModel: 'local-mini',
    hyperparameters: { learningRateMultiplier: 1, epochs: 4 },
    treatment: 'strip',
    reserve: { trainingUsd: 0.6, evaluationUsd: 0.01 },
    ...changes,
  };
}

/** A candidate that was trained and evaluated, unless given otherwise. */
export function sampleOutcome(id: string, changes: Partial<CandidateOutcome> = {}): CandidateOutcome {
  const candidate = sampleCandidate(id);
  return {
    candidate,
    job: {
      state: 'succeeded',
      jobId: `ftjob-${id}`,
      model: `ft:local-mini:${id}`,
      trainingUsd: 0.5,
      trainingSeconds: 90,
      checkpoints: [],
    },
    stop: null,
    contenders: [sampleContender(candidate, sampleEvaluation({ n: 40 }))],
    ...changes,
  };
}

/** The model of a candidate, or of its checkpoint after an epoch. */
export function sampleContender(
  candidate: PlannedCandidate,
  evaluation: Evaluation | null,
  epoch: number | null = null,
): Contending {
  const { id } = candidate;
  return {
    id: epoch === null ? id : `${id}@${epoch}`,
    candidate,
    model: `ft:local-mini:${id}${epoch === null ? '' : `:${epoch}`}`,
    epoch,
    evaluation,
    failure: null,
  };
}

export function samplePlan(changes: Partial<Plan> = {}): Plan {
  const final = { testUsd: 0, baselineUsd: 0, championUsd: 0, alternativesUsd: [], judgeUsd: 0 };
  return {
    candidates: [],
    estimate: {
      trainingUsd: 0,
      evaluationUsd: 0,
      totalUsd: 0,
      machineUsdPerHour: 0.1,
      unknownPrices: [],
      final,
      text: 'Estimate: machine time',
    },
    reserveFinal: final,
    checkpoints: null,
    championEndsAt: null,
    monthly: false,
    warnings: [],
    ...changes,
  };
}

/** 46 of 50 test rows against 34: better beyond doubt. */
export const BETTER = compareScores(rights(46, 50), rights(34, 50), 0.01, 1);

function rights(right: number, n: number): number[] {
  return Array.from({ length: n }, (_, row) => Number(row < right));
}

export function sampleTest(changes: Partial<TestOutcome> = {}): TestOutcome {
  return {
    judgedOn: 'test',
    winner: { evaluation: sampleEvaluation({ score: 0.92, costPer1kUsd: 0.02 }), failure: null },
    baseline: {
      evaluation: sampleEvaluation({
        model: 'gpt-4o',
        score: 0.68,
        costPer1kUsd: 0.4,
        cachedCostPer1kUsd: 0.25,
        p50Ms: 900,
        p95Ms: 1800,
      }),
      failure: null,
    },
    champion: null,
    comparison: BETTER,
    alternatives: [],
    ...changes,
  };
}

/** A run with two candidates, of which `a` wins on 50 test rows against a recorded baseline. */
export function sampleParts(changes: Partial<RunParts> = {}): RunParts {
  const b = sampleCandidate('b');
  return {
    runId: 'support/20261123-081530-042',
    pipeline: samplePipeline(),
    dataset: sampleDataset(),
    plan: samplePlan(),
    spentUsd: 1.25,
    outcomes: [
      sampleOutcome('a'),
      sampleOutcome('b', { contenders: [sampleContender(b, sampleEvaluation({ n: 40, score: 0.8 }))] }),
    ],
    selection: {
      winner: 'a',
      reason: 'the best on the validation rows',
      rejected: { b: 'lower validation score' },
      front: ['a'],
      optimism: 0.02,
    },
    tested: sampleTest(),
    halfData: null,
    ...changes,
  };
}
