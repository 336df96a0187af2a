import type { Treatment } from '@tuneloop/app/internal/prompt/prompt-template';
import type { DeployedModel } from '../deployment/deployed-model.ts';
import type { Decision } from '../deployment/deployment.ts';
import type { Promotion } from '../deployment/promotion.ts';
import type { Comparison } from '../evaluation/comparison.ts';
import type { Recommendation } from '../evaluation/recommendation.ts';
import type { Interval } from '../evaluation/statistics.ts';
import type { Hyperparameters } from './plan.ts';

/** What a run returns; small, because it is kept in the run's history. */
export interface RunResult extends RunFindings {
  /** What came of the promotion; null where the deployment could not be told. */
  decision: Pick<Decision, 'number' | 'kind' | 'why'> | null;
  /** The winner as it can be deployed, whatever is recommended; null without one. */
  deployable: DeployedModel | null;
}

/**
 * What a run has found out. Scores are 0 to 1, times of requests in milliseconds, costs in USD; null stands for what is not
 * known.
 */
export interface RunFindings {
  runId: string;
  pipeline: string;
  task: 'classification' | 'generation';
  metric: string;
  /** Marks figures that do not come from an LLM. */
  localTrainer: boolean;
  dataset: DatasetSummary;
  /** What the run was expected to cost, in words. */
  estimate: string;
  spent: Spent;
  candidates: CandidateResult[];
  baseline: BaselineResult;
  /** Id of the contender that was chosen on the validation rows: a candidate, or a checkpoint of one. */
  winner: string | null;
  winnerModel: string | null;
  /** Why it was chosen, in one sentence. */
  winnerReason: string | null;
  /** By how much the best validation score probably flatters its model, because it is the best of several, 0 to 1. */
  optimism: number | null;
  /** The winner on the rows on which the baseline is measured too: the test rows, or else the validation rows. */
  winnerJudged: Judged | null;
  /** Which rows judged: `validation` where the pipeline keeps no test rows, and then they flatter the winner. */
  judgedOn: 'test' | 'validation';
  /** The winner against the baseline, on the rows that both have a score for; null where there are none. */
  comparison: Comparison | null;
  /** What served when the run was planned, on the same rows; null for the original prompt. */
  champion: ChampionResult | null;
  /** Whether the winner should serve from now on. */
  promotion: Promotion;
  /** Other models with the original prompt, on the same rows. */
  alternatives: AlternativeResult[];
  /** How much cheaper 1,000 requests are than with the baseline, in percent; and where its prompt's prefix is cached. */
  savingPercent: number | null;
  cachedSavingPercent: number | null;
  /** Requests after which the saving has paid for the run; null where nothing is saved. */
  breakEvenRequests: number | null;
  breakEvenCachedRequests: number | null;
  recommendation: Recommendation;
  /** The recommendation in words. */
  reason: string;
  notes: string[];
  /** The report that people read: an HTML file. */
  reportPath: string;
}

export interface DatasetSummary {
  version: string;
  train: number;
  validation: number;
  test: number;
  dropped: number;
}

/** What the run has cost: what was reported, and where it was not, what was reserved. */
export interface Spent {
  usd: number;
  trainingUsd: number;
  evaluationUsd: number;
  /** Epochs that were trained, and those that the plan had. */
  epochs: { trained: number; planned: number };
}

/** `stopped`: it was behind, and its job was cancelled early. `skipped`: the budget did not pay for it. */
export type CandidateStatus = 'succeeded' | 'stopped' | 'failed' | 'cancelled' | 'skipped';

export interface CandidateResult extends ContenderResult {
  baseModel: string;
  hyperparameters: Hyperparameters;
  treatment: Treatment;
  /** Trained on half of the rows; cannot win. */
  half: boolean;
  jobId: string | null;
  status: CandidateStatus;
  trainingUsd: number | null;
  trainingSeconds: number | null;
  /** Epochs that it was trained for; fewer than planned where it was stopped. */
  epochs: number | null;
  /** Models of its earlier epochs, where they were evaluated. */
  checkpoints: ContenderResult[];
}

/** A model that could win, on the validation rows. */
export interface ContenderResult {
  /** Of a candidate, such as `local-base-lr1-e4`, or of its checkpoint after an epoch: `local-base-lr1-e4@2`. */
  id: string;
  model: string | null;
  validation: { score: number; n: number; interval: Interval | null } | null;
  costPer1kUsd: number | null;
  p50Ms: number | null;
  p95Ms: number | null;
  /** Share of invalid answers. */
  invalid: number | null;
  /** Whether no other that passed the limits is better in quality, cost and p95 at once. */
  onFront: boolean;
  /** Why there is no model, or why it did not win. */
  reason: string | null;
}

export interface BaselineResult extends Judged {
  kind: 'recorded' | 'live';
}

export interface ChampionResult {
  model: string;
  /** Null where it could not be measured. */
  judged: Judged | null;
  /** The winner against it, on the rows that neither was trained on; null where there are none. */
  comparison: Comparison | null;
  /** Why it could not be measured. */
  failure: string | null;
}

export interface AlternativeResult {
  model: string;
  /** Null where it could not be measured. */
  judged: Judged | null;
  /** The winner against it; null without a winner. */
  comparison: Comparison | null;
  /** Why it could not be measured. */
  failure: string | null;
}

/** How one model did on a set of rows. */
export interface Judged {
  model: string | null;
  /** Mean score over `n` rows whose right answer is known, with its interval; null where there is none. */
  score: number | null;
  scoreInterval: Interval | null;
  n: number;
  /** Means of the other scorers over the same rows, by name, such as `macro_f1` or `rouge_l`. */
  scores: Record<string, number>;
  costPer1kUsd: number | null;
  /** The same where the provider caches the prefix that all prompts share; null where it has no such price. */
  cachedCostPer1kUsd: number | null;
  p50Ms: number | null;
  p95Ms: number | null;
  p95Interval: Interval | null;
  /** Rows that latency was measured on; those answered from the cache are not among them. */
  timed: number;
  /** Share of answers that are empty, cut off or of the wrong form, 0 to 1; null where the answers are those of the log. */
  invalid: number | null;
}
