import type { Hyperparameters } from '../sweep/plan.ts';

/** What a run returns and what its report shows. Scores are 0 to 1, times of requests in milliseconds. */
export interface RunResult {
  runId: string;
  pipeline: string;
  task: string;
  metric: string;
  /** Marks figures that do not come from an LLM. */
  localTrainer: boolean;
  dataset: DatasetSummary;
  /** What the run was expected to cost, in words. */
  estimate: string;
  /** What the run has cost, in USD: what jobs and evaluations have reported, and where they did not, what was reserved. */
  spentUsd: number;
  candidates: CandidateResult[];
  baseline: BaselineResult;
  /** Id of the winning candidate. */
  winner: string | null;
  winnerModel: string | null;
  /** Scores of winner and baseline on rows that chose nothing; null where the pipeline keeps none. */
  test: { winner: number | null; baseline: number | null; n: number } | null;
  /** The winner on the rows on which the baseline is measured too: the test rows, or else the validation rows. */
  winnerJudged: Judged | null;
  /** How much cheaper 1,000 requests are than with the baseline, in percent. */
  savingPercent: number | null;
  notes: string[];
  reportPath: string;
}

export interface DatasetSummary {
  version: string;
  train: number;
  validation: number;
  test: number;
  dropped: number;
}

export interface CandidateResult {
  id: string;
  baseModel: string;
  hyperparameters: Hyperparameters;
  jobId: string | null;
  model: string | null;
  /** `skipped`: the budget did not pay for it, and it was not created. */
  status: 'succeeded' | 'failed' | 'cancelled' | 'skipped';
  /** Why there is no model, or why it did not win. */
  reason: string | null;
  validation: { score: number; n: number } | null;
  costPer1kUsd: number | null;
  p50Ms: number | null;
  p95Ms: number | null;
  trainingUsd: number | null;
  trainingSeconds: number | null;
}

export interface BaselineResult extends Judged {
  kind: 'recorded' | 'live';
}

/** How one model did on a set of rows. */
export interface Judged {
  model: string | null;
  /** Mean score over `n` rows whose right answer is known; null where there is none. */
  score: number | null;
  n: number;
  costPer1kUsd: number | null;
  p50Ms: number | null;
  p95Ms: number | null;
  /** Share of answers that were empty or cut off, 0 to 1; null where the answers are those of the log. */
  invalid: number | null;
}
