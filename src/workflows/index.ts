/** The content of the worker's bundle: an implementation of each workflow that `contract/messages.ts` defines. */
export { deployment } from './deployment.ts';
export { fineTuningJob } from './fine-tuning-job.ts';
export { fineTuningPipeline } from './fine-tuning-pipeline.ts';
export { labelling } from './labelling.ts';
export { monthlyBudget } from './monthly-budget.ts';
export { orphanSweep } from './orphan-sweep.ts';
export { retraining } from './retraining.ts';
