/** The figures of one training step. Null stands for figures that the provider does not report; accuracies are 0 to 1. */
export interface MetricPoint {
  step: number;
  totalSteps: number | null;
  trainLoss: number | null;
  /** On a part of the validation file. */
  validLoss: number | null;
  /** On the whole validation file, which is measured at the end of an epoch only. */
  fullValidLoss: number | null;
  fullValidAccuracy: number | null;
}

export interface Checkpoint {
  /** From 1. */
  epoch: number;
  step: number;
  /** The model's name in requests, as with the job's model. */
  model: string;
  /** On the whole validation file. */
  validLoss: number | null;
  /** From 0 to 1. */
  validAccuracy: number | null;
}
