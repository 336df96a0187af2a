import type { Treatment } from '@tuneloop/app/internal/prompt/prompt-template';
import type { ArtifactRef } from './artifact-ref.ts';
import type { Judged } from './run-result.ts';

/** Who answers. */
export type Subject = {
  id: string;
  model: string;
  /** What was reserved for it, in USD; it stops before it spends more. Null for no limit. */
  limitUsd: number | null;
} & (
  | { /** Gets what it was trained on. */ kind: 'tuned'; baseModel: string; treatment: Treatment }
  | { /** Gets the original prompt. */ kind: 'prompted' }
);

export interface EvaluateInput {
  definition: ArtifactRef;
  /** Which rows. Names the evaluation within its workflow: a model is evaluated once under a name. */
  name: 'validation' | 'test' | 'new';
  subjects: readonly Subject[];
  examples: ArtifactRef;
  template: ArtifactRef;
  /** Of the dataset version, for its labels. */
  manifest: ArtifactRef;
  /** What the judge may spend, in USD; null for no limit. */
  judgeLimitUsd: number | null;
}

/** How a model did on a set of examples. */
export interface Evaluation extends Judged {
  /** One `Prediction` a line; null where no row has a right answer to compare with. */
  predictions: ArtifactRef | null;
  /** What it has cost to find this out, in USD; null where no price is known. Answers of earlier runs cost nothing. */
  spentUsd: number | null;
}

export type SubjectResult =
  | { id: string; evaluation: Evaluation }
  | { id: string; failure: { code: string | null; message: string }; spentUsd: number | null };

export interface Evaluations {
  /** In the order of the subjects. */
  results: SubjectResult[];
  /** What the judge has cost, in USD; null where its price is not known. */
  judgeUsd: number | null;
}

export interface EvaluateRecordedInput {
  definition: ArtifactRef;
  /** The examples that judge. */
  examples: ArtifactRef;
  /** Examples that say what production cost where the log has none of `examples`. The key is kept in histories. */
  otherwise: ArtifactRef;
  template: ArtifactRef;
  /** Of the dataset version, for its labels. */
  manifest: ArtifactRef;
  /** What the judge may spend, in USD; null for no limit. */
  judgeLimitUsd: number | null;
}
