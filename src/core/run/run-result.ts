import type { Treatment } from '@tuneloop/app/internal/prompt/prompt-template';
import type { DeployedModel } from '../deployment/deployed-model.ts';
import type { Decision } from '../deployment/deployment.ts';
import type { Promotion } from '../deployment/promotion.ts';
import type { Comparison } from '../evaluation/comparison.ts';
import type { Recommendation } from '../evaluation/recommendation.ts';
import type { Interval } from '../evaluation/statistics.ts';
import type { Hyperparameters } from './hyperparameters.ts';

/** The result of a run; small, because it is kept in the run's history. */
export interface RunResult extends RunFindings {
  /** The result of the promotion; null where the deployment could not be reached. */
  decision: Pick<Decision, 'number' | 'kind' | 'why'> | null;
  /** The winner as it can be deployed, whatever the recommendation; null without a winner. */
  deployable: DeployedModel | null;
}

/** The findings of a run. Scores are 0 to 1, times of requests in milliseconds, costs in USD; null stands for an unknown figure. */
export interface RunFindings {
  runId: string;
  pipeline: string;
  task: 'classification' | 'generation';
  metric: string;
  /** Marks figures of a model that is not an LLM. */
  localTrainer: boolean;
  dataset: DatasetSummary;
  /** The estimated cost of the run, in words. */
  estimate: string;
  spent: Spent;
  candidates: CandidateResult[];
  baseline: BaselineResult;
  /** Id of the contender that was chosen on the validation rows: a candidate, or a checkpoint of one. */
  winner: string | null;
  winnerModel: string | null;
  /** Why it was chosen, in one sentence. */
  winnerReason: string | null;
  /** How much the best validation score probably overstates its model, because it is the best of several, 0 to 1. */
  optimism: number | null;
  /** The winner on the judging rows, which measure the baseline too: the test rows, or else the validation rows. */
  winnerJudged: Judged | null;
  /** The side of the judging rows: `validation` where the pipeline keeps no test rows, and then they flatter the winner. */
  judgedOn: 'test' | 'validation';
  /** The winner against the baseline, on the rows that both have a score for; null where there are none. */
  comparison: Comparison | null;
  /** The model that served when the run was planned, on the same rows; null for the original prompt. */
  champion: ChampionResult | null;
  /** Whether the winner should serve from now on. */
  promotion: Promotion;
  /** Other models with the original prompt, on the same rows. */
  alternatives: AlternativeResult[];
  /** The saving of 1,000 requests over the baseline, in percent: as billed, and with a cached prefix. */
  savingPercent: number | null;
  cachedSavingPercent: number | null;
  /** The number of requests after which the saving has paid for the run; null where nothing is saved. */
  breakEvenRequests: number | null;
  breakEvenCachedRequests: number | null;
  /** What the cost per call leaves out where the winner is served by the hour; absent where its calls are charged. */
  hourlyCost?: string | undefined;
  recommendation: Recommendation;
  /** The recommendation in words. */
  reason: string;
  notes: string[];
  /** The path of the report for people, an HTML file. */
  reportPath: string;
}

export interface DatasetSummary {
  version: string;
  train: number;
  validation: number;
  test: number;
  dropped: number;
}

/** The cost of the run: reported figures, and the reservation where none was reported. */
export interface Spent {
  usd: number;
  trainingUsd: number;
  evaluationUsd: number;
  /** The epochs that were trained, and those of the plan. */
  epochs: { trained: number; planned: number };
}

/** `stopped`: the candidate was behind, and its job was cancelled early. `skipped`: the budget did not pay for it. */
export type CandidateStatus = 'succeeded' | 'stopped' | 'failed' | 'cancelled' | 'skipped';

export interface CandidateResult extends ContenderResult {
  baseModel: string;
  hyperparameters: Hyperparameters;
  treatment: Treatment;
  /** The candidate was trained on half of the rows and cannot win. */
  half: boolean;
  jobId: string | null;
  status: CandidateStatus;
  trainingUsd: number | null;
  trainingSeconds: number | null;
  /** The epochs of its training; fewer than planned where it was stopped. */
  epochs: number | null;
  /** Models of its earlier epochs, where they were evaluated. */
  checkpoints: ContenderResult[];
}

/** A model that could win, on the validation rows. */
export interface ContenderResult {
  /** The id of a candidate, such as `local-base-lr1-e4`, or of its checkpoint after an epoch: `local-base-lr1-e4@2`. */
  id: string;
  model: string | null;
  validation: { score: number; n: number; interval: Interval | null } | null;
  costPer1kUsd: number | null;
  p50Ms: number | null;
  p95Ms: number | null;
  /** Share of invalid answers. */
  invalid: number | null;
  /** Whether no other contender that passed the limits is better in quality, cost and p95 at once. */
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
  /** Its answers were held to `evaluation.constrain`. */
  constrained?: true | undefined;
  /** Null where it could not be measured. */
  judged: Judged | null;
  /** The winner against it; null without a winner. */
  comparison: Comparison | null;
  /** Why it could not be measured. */
  failure: string | null;
}

/** The result of one model on a set of rows. */
export interface Judged {
  model: string | null;
  /** Mean score over `n` rows whose right answer is known, with its interval; null where there is none. */
  score: number | null;
  scoreInterval: Interval | null;
  n: number;
  /** Means of the other scorers over the same rows, by name, such as `macro_f1` or `rouge_l`. */
  scores: Record<string, number>;
  costPer1kUsd: number | null;
  /** The same if the provider caches the prefix that all prompts share; null where it has no such price. */
  cachedCostPer1kUsd: number | null;
  p50Ms: number | null;
  p95Ms: number | null;
  p95Interval: Interval | null;
  /** Rows whose latency was measured; rows that the cache answered are not among them. */
  timed: number;
  /** Share of answers that are empty, cut off or of the wrong form, 0 to 1; null where the answers are those of the log. */
  invalid: number | null;
}
