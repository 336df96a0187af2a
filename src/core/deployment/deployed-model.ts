import type { Treatment } from '@tuneloop/app/internal/prompt/prompt-template';
import type { Interval } from '../evaluation/statistics.ts';
import type { ArtifactRef } from '../run/artifact-ref.ts';

/** A trained model with all that it can be traced back to. References only: it travels through histories. */
export interface DeployedModel {
  /** The provider's id. */
  model: string;
  baseModel: string;
  /** The treatment of its training prompts, which its requests need as well. */
  treatment: Treatment;
  /** The workflow id of the run that it won. */
  run: string;
  /** Its contender in that run: a candidate, or a checkpoint of one. */
  candidate: string;
  /** The pipeline as it was in that run. */
  definition: ArtifactRef;
  /** The dataset version that it was trained on: its hash as runs show it, and its manifest. */
  datasetVersion: string;
  manifest: ArtifactRef;
  /** Its score in the final test of its run, with the interval; null where it has none. */
  judged: { score: number; interval: Interval } | null;
}
