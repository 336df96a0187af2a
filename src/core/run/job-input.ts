import type { ArtifactRef } from './artifact-ref.ts';
import type { Candidate } from './plan.ts';

/** Everything that makes the job of one candidate. */
export interface JobInput {
  definition: ArtifactRef;
  runId: string;
  datasetVersion: string;
  candidate: Candidate;
  /** 1, plus one for each time that the job was made anew on purpose, because a quota had ended the one before. */
  generation: number;
  /** Ids of uploaded files. */
  trainingFile: string;
  validationFile: string;
}

export interface AwaitJobInput extends JobInput {
  jobId: string;
  /** The workflow to tell when the first epochs end. With the run id, so that a later run of the same name gets nothing. */
  reportTo?: { workflowId: string; runId: string } | undefined;
}
