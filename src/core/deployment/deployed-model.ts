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
  /** The terms of serving it; missing where it can be called without a lease. */
  serving?: ServingTerms;
  /** Its serving lease, once there is one. */
  lease?: ServingLease;
}

/** What it costs to keep a model callable. */
export interface ServingTerms {
  /** USD; null where no price is known. */
  usdPerHour: number | null;
  /** Whether the cost counts in the month's budget. */
  monthly: boolean;
}

/** The lease by which a model in production is called. */
export interface ServingLease {
  name: string;
  /** What to call the model by. */
  callAs: string;
  /** USD; null where no price is known. */
  usdPerHour: number | null;
}

/** Whether a model cannot be called before a lease is made for it. */
export function lacksLease({ serving, lease }: Pick<DeployedModel, 'serving' | 'lease'>): boolean {
  return serving !== undefined && lease === undefined;
}
