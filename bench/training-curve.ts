import type { Hyperparameters } from '../packages/local-trainer/src/engine.ts';
import type { Example } from '../packages/local-trainer/src/jobs/training-file.ts';
import type { BaseModel } from '../packages/local-trainer/src/ngram/features.ts';
import { train } from '../packages/local-trainer/src/ngram/training.ts';
import { unpackModel } from '../packages/local-trainer/src/ngram/tuned-model.ts';

export interface CurveTask {
  base: BaseModel;
  hyperparameters: Hyperparameters;
  seed: number;
  training: Example[];
  validation: Example[];
  test: Example[];
}

/** The model after an epoch; accuracies are from 0 to 1. */
export interface CurvePoint {
  validLoss: number;
  validAccuracy: number;
  testAccuracy: number;
}

/** Runs in a thread: trains one job as the local trainer does and measures the model that each epoch leaves. */
export function trainCurve({ test, ...plan }: CurveTask): CurvePoint[] {
  const points: CurvePoint[] = [];
  let shared: Uint8Array | undefined;
  for (const news of train(plan)) {
    if (news.kind === 'shared') shared = news.bytes;
    if (news.kind !== 'checkpoint' || !shared) continue;
    const { full_valid_loss: validLoss = 0, full_valid_mean_token_accuracy: validAccuracy = 0 } = news.metrics;
    const model = unpackModel(shared, news.bytes);
    const right = test.filter(({ input, completion }) => model.answer(input) === completion).length;
    points.push({ validLoss, validAccuracy, testAccuracy: right / test.length });
  }
  return points;
}
