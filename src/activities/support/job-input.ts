import { createHash } from 'node:crypto';
import type { JobInput } from '../../core/run/job-input.ts';
import type { JobIdentity } from '../../providers/training.ts';

/**
 * The identity by which a job can be found again: key and seed are a hash over everything that makes it this job and no other. Neither the
 * attempt nor Temporal's run id is in it, because the job outlives both.
 */
export function jobIdentity(input: Omit<JobInput, 'definition' | 'validationFile'>): JobIdentity {
  const { runId, datasetVersion, candidate, generation, trainingFile } = input;
  const { id, baseModel, hyperparameters } = candidate;
  const { learningRateMultiplier, epochs, batchSize = null } = hyperparameters;
  const parts = [runId, id, datasetVersion, baseModel, learningRateMultiplier, epochs, batchSize, generation];
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest();
  // The protocol's seeds are 0 to 2^31 - 1.
  return { key: hash.toString('hex'), seed: hash.readUInt32BE(0) >>> 1, baseModel, trainingFile };
}
