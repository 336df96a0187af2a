import type { ArtifactRef } from './artifact-ref.ts';
import type { Candidate } from './plan.ts';

/** All that the job of one candidate is made of. */
export interface JobInput {
  definition: ArtifactRef;
  runId: string;
  datasetVersion: string;
  candidate: Candidate;
  /** 1, and one more for each time that the job is made anew on purpose, because a quota ended the one before. */
  generation: number;
  /** Ids of uploaded files. */
  trainingFile: string;
  validationFile: string;
}

export interface AwaitJobInput extends JobInput {
  jobId: string;
  /** Who is told when the first epochs end. With the run id, so that a later run of the same name gets nothing. */
  reportTo?: { workflowId: string; runId: string } | undefined;
}
