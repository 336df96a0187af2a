import type { ScoredPrediction } from '../../contract/stored/prediction.ts';
import type { Manifest } from '../../core/dataset/manifest.ts';
import { classificationFigures } from '../../core/evaluation/classification.ts';
import type { Score } from '../../core/evaluation/score.ts';
import { mean, meanInterval, percentile, percentileInterval, rateInterval } from '../../core/evaluation/statistics.ts';
import type { Judged } from '../../core/run/run-result.ts';

/** A row of an evaluation as it is kept: a line of its artifact, in the order of the examples. */
export interface Prediction extends ScoredPrediction {
  invalid: boolean;
  /** Scores of the other scorers, by name. */
  scores: Record<string, number>;
  /** Null where the log does not say. */
  promptTokens: number | null;
  completionTokens: number | null;
  /** In milliseconds; null where the answer comes from the cache, or the log does not say. */
  latencyMs: number | null;
}

/** Scores of many rows. Of their texts only labels are kept, each of them once. */
export class JudgedRows {
  readonly #labels: ReadonlyMap<string, string> | null;
  readonly #scores: number[] = [];
  readonly #sums = new Map<string, { sum: number; rows: number }>();
  #invalid = 0;
  readonly #expected: string[] = [];
  readonly #answers: string[] = [];

  /** @param labels the labels that a classification may answer; null for generation. */
  constructor(labels: ReadonlySet<string> | null) {
    this.#labels = labels && new Map([...labels].map((label) => [label, label]));
  }

  add({ score, invalid, scores }: Score, expected: string, answer: string): void {
    this.#scores.push(score);
    if (invalid) this.#invalid += 1;
    for (const [name, value] of Object.entries(scores)) {
      const sum = this.#sums.get(name) ?? { sum: 0, rows: 0 };
      this.#sums.set(name, { sum: sum.sum + value, rows: sum.rows + 1 });
    }
    if (this.#labels) {
      this.#expected.push(this.#labels.get(expected.trim()) ?? expected.trim());
      // All answers that are no label, or cut off, count as one.
      this.#answers.push((invalid ? undefined : this.#labels.get(answer.trim())) ?? '');
    }
  }

  figures(): Pick<Judged, 'score' | 'scoreInterval' | 'n' | 'scores' | 'invalid'> {
    const scores = this.#scores;
    const n = scores.length;
    if (n === 0) return { score: null, scoreInterval: null, n, scores: {}, invalid: null };
    const means = [...this.#sums].map(([name, { sum, rows }]) => [name, sum / rows] as const);
    const isRate = scores.every((score) => score === 0 || score === 1);
    return {
      score: mean(scores),
      scoreInterval: isRate ? rateInterval(sumOf(scores), n) : meanInterval(scores),
      n,
      scores: { ...Object.fromEntries(means), ...this.#macroF1() },
      invalid: this.#invalid / n,
    };
  }

  #macroF1(): Record<string, number> {
    if (!this.#labels) return {};
    return { macro_f1: classificationFigures(this.#answered(), new Set(this.#labels.keys())).macroF1 };
  }

  *#answered(): Iterable<{ expected: string; answer: string }> {
    for (const [index, expected] of this.#expected.entries()) yield { expected, answer: this.#answers[index] ?? '' };
  }
}

/** Percentiles of the latencies, in milliseconds, of the timed rows. */
export function latencyFigures(
  latencies: readonly number[],
): Pick<Judged, 'p50Ms' | 'p95Ms' | 'p95Interval' | 'timed'> {
  if (latencies.length === 0) return { p50Ms: null, p95Ms: null, p95Interval: null, timed: 0 };
  return {
    p50Ms: percentile(latencies, 0.5),
    p95Ms: percentile(latencies, 0.95),
    p95Interval: percentileInterval(latencies, 0.95),
    timed: latencies.length,
  };
}

/** The labels of a dataset; null for generation. */
export function labelsOf({ labels }: Pick<Manifest, 'labels'>): ReadonlySet<string> | null {
  return labels && new Set(Object.keys(labels));
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
