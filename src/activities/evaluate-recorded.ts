import { Context } from '@temporalio/activity';
import type { PromptTemplate } from '@tuneloop/app/internal/prompt/prompt-template';
import { pMapIterable } from 'p-map';
import { MANIFEST } from '../contract/stored/manifest.ts';
import { EXAMPLE } from '../contract/stored/rows.ts';
import { TEMPLATE } from '../contract/stored/template.ts';
import type { Example, Recorded } from '../core/dataset/row.ts';
import { cachedCostPer1k, cachedTokens, costPer1k, type Prices, tariffOf } from '../core/evaluation/cost.ts';
import type { Score } from '../core/evaluation/score.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import type { EvaluateRecordedInput, Evaluation } from '../core/run/evaluation.ts';
import { OPENAI } from '../providers/profiles/openai.ts';
import { KeptScoring } from '../scoring/kept-scoring.ts';
import type { ArtifactStore } from '../stores/artifact-store.ts';
import { loadLines, loadStored } from '../stores/stored-objects.ts';
import { prefixTokensOf } from './support/cached-prefix.ts';
import { currentEvaluation, type Dependencies, loadPipeline } from './support/dependencies.ts';
import { JudgedRows, labelsOf, latencyFigures, type Prediction } from './support/judged-rows.ts';

/**
 * The baseline as the log has it: cost and latency of the recorded calls, and quality over only those rows that have a checked right
 * answer, because a completion is no evidence of its own rightness. `spentUsd` is the cost of the judge.
 */
export function createEvaluateRecorded(dependencies: Dependencies) {
  return async (input: EvaluateRecordedInput): Promise<Evaluation> => {
    const { artifacts, prices } = dependencies;
    const { cancellationSignal: signal } = Context.current();
    const pipeline = await loadPipeline(dependencies, input.definition);
    const labels = labelsOf(await loadStored(MANIFEST, artifacts, input.manifest));
    const calls = new RecordedCalls(prices, await loadStored(TEMPLATE, artifacts, input.template));
    const judged = new JudgedRows(labels);
    const { judgeLimitUsd } = input;
    const scoring = await KeptScoring.open(dependencies, pipeline, currentEvaluation('recorded'), {
      labels,
      judgeLimitUsd,
    });
    const writer = await artifacts.open();
    try {
      const scored = pMapIterable(
        recordedExamples(artifacts, input.examples),
        async ({ index, example, recorded }) => {
          calls.add(example, recorded);
          if (!recorded.checked) return null;
          const references = [example.completion, ...(example.references ?? [])];
          const row = { input: example.input, answer: recorded.completion, cut: false, references };
          return { index, example, recorded, score: await scoring.score(row, signal) };
        },
        { concurrency: pipeline.evaluation.concurrency },
      );
      for await (const row of scored) {
        if (!row) continue;
        judged.add(row.score, row.example.completion, row.recorded.completion);
        await writer.add(JSON.stringify(predictionOf(row)));
      }
      if (calls.none) {
        for await (const { example, recorded } of recordedExamples(artifacts, input.otherwise)) {
          calls.add(example, recorded);
        }
      }
      const figures = judged.figures();
      return {
        ...calls.figures(),
        ...figures,
        // The answers are those of the log, and the application may have repaired them.
        invalid: null,
        predictions: figures.n > 0 ? await writer.commit() : null,
        spentUsd: scoring.usd,
      };
    } finally {
      await writer.discard();
      await scoring.close();
    }
  };
}

interface RecordedExample {
  index: number;
  example: Example;
  recorded: Recorded;
}

async function* recordedExamples(artifacts: ArtifactStore, ref: ArtifactRef): AsyncGenerator<RecordedExample> {
  let index = 0;
  for await (const example of loadLines(EXAMPLE, artifacts, ref)) {
    if (example.recorded) yield { index, example, recorded: example.recorded };
    index += 1;
  }
}

function predictionOf({ index, example, recorded, score }: RecordedExample & { score: Score }): Prediction {
  return {
    index,
    id: example.id,
    answer: recorded.completion,
    score: score.score,
    invalid: score.invalid,
    scores: score.scores,
    promptTokens: recorded.usage?.promptTokens ?? null,
    completionTokens: recorded.usage?.completionTokens ?? null,
    latencyMs: recorded.latencyMs ?? null,
  };
}

/** Cost and latency of the calls of the log. */
class RecordedCalls {
  readonly #prices: Prices;
  readonly #prefixTokens: ReturnType<typeof prefixTokensOf>;
  readonly #models = new Set<string>();
  readonly #latencies: number[] = [];
  #calls = 0;
  #charged = 0;
  /** Sums in thousandths; a single unknown price makes the whole unknown. */
  #costs: number | null = 0;
  #cachedCosts: number | null = 0;

  constructor(prices: Prices, template: PromptTemplate) {
    this.#prices = prices;
    this.#prefixTokens = prefixTokensOf(template);
  }

  get none(): boolean {
    return this.#calls === 0;
  }

  add(example: Example, { usage, model, latencyMs }: Recorded): void {
    this.#calls += 1;
    if (model !== undefined) this.#models.add(model);
    if (latencyMs !== undefined) this.#latencies.push(latencyMs);
    if (!usage) return;
    this.#charged += 1;
    // Each call at the price of the model that answered it, which is OpenAI's unless the price file names another.
    const tariff =
      model === undefined ? { kind: 'unknown' as const } : tariffOf(this.#prices, OPENAI.billing, model, false);
    const cached = cachedTokens(usage.promptTokens, this.#prefixTokens(example), OPENAI.promptCache);
    // As billed: what the provider found in its cache at the price of cached tokens, where that is known.
    const billed = usage.cachedTokens ? cachedCostPer1k(tariff, usage, usage.cachedTokens) : null;
    this.#costs = plus(this.#costs, billed ?? costPer1k(tariff, usage, 0));
    this.#cachedCosts = plus(this.#cachedCosts, cachedCostPer1k(tariff, usage, cached));
  }

  figures(): Pick<Evaluation, 'model' | 'costPer1kUsd' | 'cachedCostPer1kUsd'> & ReturnType<typeof latencyFigures> {
    const meanOf = (sum: number | null) => (sum === null || this.#charged === 0 ? null : sum / this.#charged);
    return {
      model: [...this.#models].join(', ') || null,
      costPer1kUsd: meanOf(this.#costs),
      cachedCostPer1kUsd: meanOf(this.#cachedCosts),
      ...latencyFigures(this.#latencies),
    };
  }
}

function plus(sum: number | null, usd: number | null): number | null {
  return sum === null || usd === null ? null : sum + usd;
}
