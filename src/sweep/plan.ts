import type { Pipeline } from '../config/pipeline.ts';
import type { Treatment } from '../dataset/instructions/template.ts';

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
  /** What of the prompt it is trained on and gets. */
  treatment: Treatment;
}

/** Every combination of the lists, in the order they are written down; repeated values count once. */
export function planCandidates(grid: Pipeline['candidates']): Candidate[] {
  const candidates: Candidate[] = [];
  const names = nameModels(listOf(grid.models));
  for (const [baseModel, name] of names) {
    for (const learningRateMultiplier of listOf(grid.learning_rate_multiplier)) {
      for (const epochs of listOf(grid.epochs)) {
        for (const batchSize of grid.batch_size === undefined ? [undefined] : listOf(grid.batch_size)) {
          const hyperparameters = { learningRateMultiplier, epochs, ...(batchSize === undefined ? {} : { batchSize }) };
          for (const treatment of listOf(grid.treatment)) {
            const id = candidateId(name, hyperparameters, treatment);
            candidates.push({ id, baseModel, hyperparameters, treatment });
          }
        }
      }
    }
  }
  return candidates;
}

function listOf<T>(value: T | T[]): T[] {
  return [...new Set(Array.isArray(value) ? value : [value])];
}

/** Models by names that are fit for ids; where two would get the same one, the later is numbered. */
function nameModels(models: readonly string[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const model of models) {
    const plain = model.replace(/[^\w.-]/g, '-');
    const taken = new Set(names.values());
    let name = plain;
    for (let number = 2; taken.has(name); number += 1) name = `${plain}-${number}`;
    names.set(model, name);
  }
  return names;
}

function candidateId(
  name: string,
  { learningRateMultiplier, epochs, batchSize }: Hyperparameters,
  treatment: Treatment,
): string {
  const batch = batchSize === undefined ? '' : `-b${batchSize}`;
  return `${name}-lr${learningRateMultiplier}-e${epochs}${batch}${treatment === 'strip' ? '' : `-${treatment}`}`;
}
