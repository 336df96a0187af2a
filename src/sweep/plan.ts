import type { Pipeline } from '../config/pipeline.ts';

export interface Hyperparameters {
  learningRateMultiplier: number;
  epochs: number;
  /** Left to the provider where absent. */
  batchSize?: number;
}

/** One point of the sweep; becomes one fine-tuning job. */
export interface Candidate {
  /** Readable, unique within the run and fit for a workflow id, for example `local-base-lr0.5-e4`. */
  id: string;
  baseModel: string;
  hyperparameters: Hyperparameters;
}

/** Every combination of the lists, in the order they are written down; repeated values count once. */
export function planCandidates(grid: Pipeline['candidates']): Candidate[] {
  const candidates: Candidate[] = [];
  for (const baseModel of listOf(grid.models)) {
    for (const learningRateMultiplier of listOf(grid.learning_rate_multiplier)) {
      for (const epochs of listOf(grid.epochs)) {
        for (const batchSize of grid.batch_size === undefined ? [undefined] : listOf(grid.batch_size)) {
          const hyperparameters = { learningRateMultiplier, epochs, ...(batchSize === undefined ? {} : { batchSize }) };
          candidates.push({ id: candidateId(baseModel, hyperparameters), baseModel, hyperparameters });
        }
      }
    }
  }
  return candidates;
}

function listOf<T>(value: T | T[]): T[] {
  return [...new Set(Array.isArray(value) ? value : [value])];
}

function candidateId(baseModel: string, { learningRateMultiplier, epochs, batchSize }: Hyperparameters): string {
  const model = baseModel.replace(/[^\w.-]/g, '-');
  return `${model}-lr${learningRateMultiplier}-e${epochs}${batchSize === undefined ? '' : `-b${batchSize}`}`;
}
