import type { PauseCode } from './pause-reason.ts';
import type { Checkpoint } from './training-metrics.ts';

export type JobOutcome =
  | {
      state: 'succeeded';
      jobId: string;
      model: string;
      trainingUsd: number | null;
      trainingSeconds: number | null;
      /** Models of its last epochs, oldest first; the last is `model`. */
      checkpoints: Checkpoint[];
    }
  | {
      state: 'failed' | 'cancelled';
      jobId: string | null;
      reason: string;
      /** What it has cost nevertheless; null where that is not known. */
      trainingUsd: number | null;
      /** What ended it where only a person can mend that: then it is made anew when the run is resumed. */
      pause: PauseCode | null;
    }
  /** It was told to stop, and had not ended before that. */
  | { state: 'stopped'; jobId: string; reason: string; trainingUsd: number | null }
  /** It was never created, because the budget does not pay for it. */
  | { state: 'skipped'; jobId: null; reason: string };
