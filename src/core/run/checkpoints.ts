import { isTinySet } from './plan.ts';
import type { Checkpoint } from './training-metrics.ts';

/** A model is clearly worse after its first epoch than at the end. */
const FIRST_EPOCH = 2;
/** With at least this many validation rows, more models to choose from lead to better ones and not to luckier ones. */
const FEWEST_ROWS = 150;
/** Checkpoints besides the model at the end. The protocol keeps the models of the last three epochs. */
const MOST_CHECKPOINTS = 2;

/** The numbers of rows that decide how many checkpoints are worth evaluating. */
export interface CheckpointRows {
  validation: number;
  /** Rows of the dataset on all sides. */
  examples: number;
}

/**
 * The models of earlier epochs that are worth evaluating, the best by validation loss first. With few validation rows only the best one,
 * and only if its loss is below the loss at the end.
 *
 * @param epochs of the whole job
 * @param rows null where no checkpoint is wanted
 */
export function checkpointsToEvaluate(
  checkpoints: readonly Checkpoint[],
  epochs: number,
  rows: CheckpointRows | null,
): Checkpoint[] {
  if (!rows) return [];
  const most = mostCheckpoints(epochs, rows);
  const earlier = checkpoints
    .filter(({ epoch }) => epoch >= FIRST_EPOCH && epoch < epochs)
    .toSorted((a, b) => lossOf(a) - lossOf(b) || b.epoch - a.epoch);
  if (rows.validation >= FEWEST_ROWS) return earlier.slice(0, most);
  const atEnd = checkpoints.find(({ epoch }) => epoch === epochs)?.validLoss;
  return earlier.filter(({ validLoss }) => isBelow(validLoss, atEnd)).slice(0, most);
}

/** The largest number of checkpoints of a job that are evaluated. */
export function mostCheckpoints(epochs: number, rows: CheckpointRows | null): number {
  if (!rows || isTinySet(rows.examples)) return 0;
  return Math.min(Math.max(0, epochs - FIRST_EPOCH), rows.validation >= FEWEST_ROWS ? MOST_CHECKPOINTS : 1);
}

/** Larger than any number where the loss is not known, and comparable with itself. */
function lossOf({ validLoss }: Checkpoint): number {
  return validLoss !== null && Number.isFinite(validLoss) ? validLoss : Number.MAX_VALUE;
}

function isBelow(loss: number | null, other: number | null | undefined): boolean {
  return typeof loss === 'number' && typeof other === 'number' && loss < other;
}
