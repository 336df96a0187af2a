import type { FineTuningJob } from '../../packages/local-trainer/src/jobs/job-record.ts';
import type { Engine } from './engine.ts';
import { newId } from './ids.ts';
import type { HostCheckpoint, HostJob } from './jobs.ts';

/** What a job has left, by the trainer's record of it. */
export interface JobEnd {
  /** Times epochs; of one that was cancelled, the part that was trained. */
  trainedTokens: number;
  /** Oldest first; without the names by which the host calls them. */
  checkpoints: Omit<HostCheckpoint, 'model'>[];
}

/** @param fileTokens of the training file, once */
export async function endOf(
  engine: Engine,
  { status, trained_tokens: tokens, hyperparameters }: FineTuningJob,
  { engineId, epochs: asked }: HostJob,
  fileTokens: number,
): Promise<JobEnd> {
  const last = (await engine.metrics(engineId)).at(-1);
  const epochs = typeof asked === 'number' ? asked : Number(hyperparameters.n_epochs) || 1;
  const part = last ? last.step / last.total_steps : 0;
  const stepsPerEpoch = (last?.total_steps ?? epochs) / epochs;
  const points = status === 'succeeded' ? await engine.checkpoints(engineId) : [];
  return {
    trainedTokens: Math.round(tokens ?? fileTokens * epochs * part),
    checkpoints: points.map((point) => ({
      id: newId('ftckpt-'),
      epoch: Math.round(point.step_number / stepsPerEpoch),
      step: point.step_number,
      createdAt: point.created_at,
      metrics: point.metrics,
      engineModel: point.fine_tuned_model_checkpoint,
    })),
  };
}
