import type { Treatment } from '@tuneloop/app/internal/prompt/prompt-template';
import type { Interval } from '../evaluation/statistics.ts';
import type { ArtifactRef } from '../run/artifact-ref.ts';

/** A trained model with all that it can be traced back to. References only: it travels through histories. */
export interface DeployedModel {
  /** The provider's id. */
  model: string;
  baseModel: string;
  /** What it was trained on, and so what it has to be asked with. */
  treatment: Treatment;
  /** The workflow id of the run that it has won. */
  run: string;
  /** The contender that it was there: a candidate, or a checkpoint of one. */
  candidate: string;
  /** The pipeline as it was in that run. */
  definition: ArtifactRef;
  /** The dataset version that it was trained on: its hash as runs show it, and its manifest. */
  datasetVersion: string;
  manifest: ArtifactRef;
  /** Its score on the rows that judged it in its run, with the interval; null where it has none. */
  judged: { score: number; interval: Interval } | null;
}
