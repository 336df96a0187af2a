import type { JobRequest } from '../../../../src/providers/training.ts';

const JOB_KEY = '1b4e28ba2fa11b4e28ba2fa11b4e28ba2fa11b4e28ba2fa11b4e28ba2fa11b4e';
export const JOB = `tuneloop-${JOB_KEY.slice(0, 40)}`;
export const JOBS = 'supervisedFineTuningJobs';
export const MODEL = `accounts/acme/models/${JOB}`;
export const BASE = 'accounts/fireworks/models/llama-v3p1-8b-instruct';
export const DEPLOYMENT = 'accounts/acme/deployments/run-7';
export const LABEL = 'support-triage-1b4e28ba2fa1-9f0c77d2';

/** A request for the job. */
export const REQUEST: JobRequest = {
  key: JOB_KEY,
  seed: 41,
  baseModel: 'llama-3.1-8b-instruct',
  trainingFile: 'accounts/acme/datasets/train',
  validationFile: 'accounts/acme/datasets/valid',
  owner: { pipeline: 'support-triage', workflowId: 'run/1', executionId: '11112222-3333-4444-5555-66669f0c77d2' },
  hyperparameters: { learningRateMultiplier: 2, epochs: 3 },
};

/** The job, as the provider shows it. */
export function job(changes: object = {}) {
  return {
    name: `accounts/acme/${JOBS}/${JOB}`,
    displayName: LABEL,
    createTime: '2026-11-30T10:00:00.500Z',
    updateTime: '2026-11-30T10:30:00Z',
    state: 'JOB_STATE_RUNNING',
    status: { code: 'OK', message: '' },
    dataset: 'accounts/acme/datasets/train',
    baseModel: BASE,
    outputModel: MODEL,
    epochs: 3,
    ...changes,
  };
}

/** The deployment of the lease `run-7`. */
export function deployment(changes: object = {}) {
  return { name: DEPLOYMENT, baseModel: BASE, state: 'READY', createTime: '2026-11-30T10:00:00Z', ...changes };
}

/** A model on that deployment. */
export function loaded(model: string, changes: object = {}) {
  return { name: 'accounts/acme/deployedModels/dm-1', model, deployment: DEPLOYMENT, state: 'DEPLOYED', ...changes };
}
