import type { JobRequest } from '../../../src/providers/training.ts';

export const KEY = `${'0123456789ab'.repeat(5)}cdef`;
export const LABEL = 'support-0123456789ab-9f0c77d2';

export const REQUEST: JobRequest = {
  key: KEY,
  owner: { pipeline: 'support', workflowId: 'support/1/a', executionId: '00000000-0000-4000-8000-00009f0c77d2' },
  baseModel: 'gpt-4.1-mini',
  trainingFile: 'file-train',
  validationFile: 'file-validation',
  seed: 42,
  hyperparameters: { learningRateMultiplier: 2, epochs: 3 },
};

/** A job as OpenAI's document has it. */
export function jobBody(id: string, changes: object = {}) {
  return {
    id,
    object: 'fine_tuning.job',
    status: 'running',
    model: 'some-model',
    fine_tuned_model: null,
    error: null,
    created_at: 1_790_000_000,
    finished_at: null,
    trained_tokens: null,
    training_file: 'file-train',
    validation_file: 'file-validation',
    result_files: [],
    organization_id: 'org-1',
    seed: 42,
    hyperparameters: { n_epochs: 3, batch_size: 'auto', learning_rate_multiplier: 'auto' },
    ...changes,
  };
}
