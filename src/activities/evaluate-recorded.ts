import type { Example } from '../dataset/row.ts';
import { costPer1k, tariffOf } from '../evaluation/cost.ts';
import { scorerOf } from '../evaluation/scorer.ts';
import { mean, percentile } from '../evaluation/statistics.ts';
import { type ArtifactRef, readJsonRows } from '../storage/artifact-store.ts';
import { type Dependencies, loadPipeline } from './dependencies.ts';
import type { Evaluation } from './evaluate-model.ts';

export interface EvaluateRecordedInput {
  definition: ArtifactRef;
  /** The examples that judge; where a test file holds none that production saw, `otherwise` says what it cost. */
  examples: ArtifactRef;
  otherwise: ArtifactRef;
}

/**
 * The baseline as the log has it: cost and latency of the calls that were made, and quality over those rows alone whose
 * right answer somebody wrote down. A completion is no evidence of its own rightness.
 */
export function createEvaluateRecorded(dependencies: Dependencies) {
  return async ({ definition, examples, otherwise }: EvaluateRecordedInput): Promise<Evaluation> => {
    const { evaluation } = await loadPipeline(dependencies, definition);
    const judging = await readJsonRows<Example>(dependencies.artifacts, examples);
    const seen = judging.some(({ recorded }) => recorded)
      ? judging
      : await readJsonRows<Example>(dependencies.artifacts, otherwise);
    const recorded = seen.flatMap((example) => example.recorded ?? []);

    const scorer = scorerOf(evaluation.metric);
    const scores = judging.flatMap(({ recorded, completion }) =>
      recorded?.checked ? scorer(recorded.completion, [completion]) : [],
    );
    const latencies = recorded.flatMap(({ latencyMs }) => latencyMs ?? []);
    // Each call at the price of the model that answered it; an unknown price makes the whole unknown.
    const costs = recorded.flatMap(({ usage, model }) =>
      usage ? [model ? costPer1k(tariffOf(dependencies.prices, { local: false }, model, false), usage, 0) : null] : [],
    );
    const known = costs.filter((cost) => cost !== null);
    const models = new Set(recorded.flatMap(({ model }) => model ?? []));
    return {
      model: [...models].join(', ') || null,
      score: scores.length > 0 ? mean(scores) : null,
      n: scores.length,
      costPer1kUsd: costs.length > 0 && known.length === costs.length ? mean(known) : null,
      p50Ms: latencies.length > 0 ? percentile(latencies, 0.5) : null,
      p95Ms: latencies.length > 0 ? percentile(latencies, 0.95) : null,
      invalid: null,
      predictions: null,
      spentUsd: 0,
    };
  };
}
