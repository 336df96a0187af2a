/** Of one training step. Null is what the provider does not report; accuracies are from 0 to 1. */
export interface MetricPoint {
  step: number;
  totalSteps: number | null;
  trainLoss: number | null;
  /** On a part of the validation file. */
  validLoss: number | null;
  /** On all of it, which is measured at the end of an epoch only. */
  fullValidLoss: number | null;
  fullValidAccuracy: number | null;
}

export interface Checkpoint {
  /** From 1. */
  epoch: number;
  step: number;
  /** Can be called like the job's model. */
  model: string;
  /** On the whole validation file. */
  validLoss: number | null;
  /** From 0 to 1. */
  validAccuracy: number | null;
}
