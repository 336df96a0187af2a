import type { ArtifactRef } from '../storage/artifact-store.ts';
import { currentWorkflowId, type Dependencies, loadPipeline } from './dependencies.ts';
import type { PlannedCandidate } from './plan.ts';

export interface CreateJobInput {
  definition: ArtifactRef;
  candidate: PlannedCandidate;
  /** Ids of uploaded files. */
  trainingFile: string;
  validationFile: string;
}

/**
 * Creates the job of a candidate, unless it exists already: every attempt asks for the candidate's key first, because
 * an attempt before it may have created the job and died before it could say so.
 */
export function createCreateJob(dependencies: Dependencies) {
  return async (input: CreateJobInput): Promise<{ jobId: string; adopted: boolean }> => {
    const { candidate, trainingFile, validationFile } = input;
    const pipeline = await loadPipeline(dependencies, input.definition);
    const provider = dependencies.connectProvider(pipeline.provider);
    const [existing] = await provider.findJobs(candidate.key);
    if (existing) return { jobId: existing.id, adopted: true };
    const job = await provider.createJob({
      key: candidate.key,
      labels: { tuneloop_pipeline: pipeline.name, tuneloop_job: currentWorkflowId().slice(0, 512) },
      baseModel: candidate.baseModel,
      trainingFile,
      validationFile,
      suffix: pipeline.name.slice(0, 40),
      seed: candidate.seed,
      hyperparameters: candidate.hyperparameters,
    });
    return { jobId: job.id, adopted: false };
  };
}
