import type { DeployedModel } from '../deployment/deployed-model.ts';
import type { ArtifactRef } from './artifact-ref.ts';
import type { CheckpointRows } from './checkpoints.ts';
import type { Dataset } from './dataset.ts';
import type { CandidateEstimate, Estimate, FinalEstimate } from './estimate.ts';
import type { LeaseTerms } from './lease.ts';
import type { Candidate } from './plan.ts';

export interface PlannedCandidate extends Candidate {
  /** Its reservation, in USD; null where no price is known. */
  reserve: CandidateEstimate;
}

export interface Plan {
  candidates: PlannedCandidate[];
  estimate: Omit<Estimate, 'candidates'> & { text: string };
  /** The reservation for the steps after the choice of a winner. */
  reserveFinal: FinalEstimate;
  /** The rule for the evaluated checkpoints; null where the pipeline wants none. */
  checkpoints: CheckpointRows | null;
  /** Whether the provider trains models that are no language models; missing in plans of earlier versions. */
  localTrainer?: boolean;
  /** The terms of serving leases; null where models are called without, missing in plans of earlier versions. */
  leases?: LeaseTerms | null;
  /** Whether this worker has a monthly budget. */
  monthly: boolean;
  /** When the provider switches the champion off, ISO 8601; null where that is not near, or it does not say. */
  championEndsAt: string | null;
  warnings: string[];
}

export interface PlanInput {
  definition: ArtifactRef;
  dataset: Dataset;
  /** The serving model, which the winner is compared with; null for the original prompt. */
  champion: Pick<DeployedModel, 'model' | 'baseModel' | 'treatment' | 'lease'> | null;
}
