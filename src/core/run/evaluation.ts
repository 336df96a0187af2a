import type { Treatment } from '@tuneloop/app/internal/prompt/prompt-template';
import type { ArtifactRef } from './artifact-ref.ts';
import type { Judged } from './run-result.ts';

/** A model that answers the rows of an evaluation. */
export type Subject = {
  id: string;
  model: string;
  /** What to call it by, where a serving lease gives it another name. */
  callAs?: string | undefined;
  /** The pipeline whose provider has it, where that is not the pipeline of the evaluation. */
  definition?: ArtifactRef | undefined;
  /** Its reservation, in USD; it stops before it spends more. Null for no limit. */
  limitUsd: number | null;
} & (
  | { /** Gets prompts as in its training. */ kind: 'tuned'; baseModel: string; treatment: Treatment }
  | {
      /** Gets the original prompt. */ kind: 'prompted';
      /** Whether its answers are held to `evaluation.constrain`, as those of tuned models are. */
      constrained?: true | undefined;
    }
);

export interface EvaluateInput {
  definition: ArtifactRef;
  /** The rows of this evaluation. The name is unique within a workflow: a model is evaluated once under each name. */
  name: 'validation' | 'test' | 'new';
  subjects: readonly Subject[];
  examples: ArtifactRef;
  template: ArtifactRef;
  /** The manifest of the dataset version, which has its labels. */
  manifest: ArtifactRef;
  /** The most that the judge may spend, in USD; null for no limit. */
  judgeLimitUsd: number | null;
}

/** The result of a model on a set of examples. */
export interface Evaluation extends Judged {
  /** One `Prediction` a line; null where no row has a right answer to compare with. */
  predictions: ArtifactRef | null;
  /** Answers that were cut off at the limit inside their thoughts; absent for none, and in evaluations of earlier versions. */
  cutInThoughts?: number;
  /** The cost of this evaluation, in USD; null where no price is known. Answers of earlier runs cost nothing. */
  spentUsd: number | null;
}

export type SubjectResult =
  | { id: string; evaluation: Evaluation }
  | { id: string; failure: { code: string | null; message: string }; spentUsd: number | null };

export interface Evaluations {
  /** In the order of the subjects. */
  results: SubjectResult[];
  /** The cost of the judge, in USD; null where its price is not known. */
  judgeUsd: number | null;
}

export interface EvaluateRecordedInput {
  definition: ArtifactRef;
  /** The examples that are scored. */
  examples: ArtifactRef;
  /** The examples that show the cost of production where none of `examples` is from the log. The key is kept in histories. */
  otherwise: ArtifactRef;
  template: ArtifactRef;
  /** The manifest of the dataset version, which has its labels. */
  manifest: ArtifactRef;
  /** The most that the judge may spend, in USD; null for no limit. */
  judgeLimitUsd: number | null;
}
