import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Job, JobRequest, Training } from '../../src/providers/training.ts';
import { jsonl, labelled, temporaryFolder } from '../local-trainer/sample-data.ts';

const LOOK_MS = 50;

/** A request for a job on sample data, whose files are uploaded. */
export async function jobRequest(training: Training, baseModel: string, seed = 1): Promise<JobRequest> {
  const folder = temporaryFolder();
  const file = join(folder.dir, 'train');
  writeFileSync(file, `${jsonl(labelled(24, seed))}\n`);
  try {
    const id = await training.uploadFile(`train-${seed}.jsonl`, file);
    return {
      key: createHash('sha256').update(`${baseModel} ${seed}`).digest('hex'),
      seed,
      baseModel,
      trainingFile: id,
      validationFile: id,
      owner: { pipeline: 'hosts', workflowId: `hosts/${seed}`, executionId: '5e0f1c2d-0000-4000-8000-000000000001' },
      hyperparameters: { learningRateMultiplier: 1, epochs: 2 },
    };
  } finally {
    folder.remove();
  }
}

/** A job once it has ended. */
export async function endedJob(training: Training, id: string): Promise<Job> {
  for (;;) {
    const job = await training.getJob(id);
    if (job.state !== 'pending') return job;
    await delay(LOOK_MS);
  }
}

/** Trains a model and waits for it. */
export async function tunedModel(training: Training, baseModel: string, seed = 1): Promise<string> {
  const { id } = await training.createJob(await jobRequest(training, baseModel, seed));
  for (;;) {
    const { state, model, failure } = await endedJob(training, id);
    if (model !== null) return model;
    // At some hosts the model comes later than the end.
    if (state !== 'succeeded') throw new Error(`the job has ended as ${state}: ${failure}`);
    await delay(LOOK_MS);
  }
}
