import type { PauseCode } from './pause-reason.ts';
import type { Checkpoint } from './training-metrics.ts';

export type JobOutcome =
  | {
      state: 'succeeded';
      jobId: string;
      model: string;
      trainingUsd: number | null;
      /** The cost of asking the model whether it answers; missing in histories of earlier versions. */
      askedUsd?: number;
      trainingSeconds: number | null;
      /** Models of its last epochs, oldest first; the last is `model`. */
      checkpoints: Checkpoint[];
    }
  | {
      state: 'failed' | 'cancelled';
      jobId: string | null;
      reason: string;
      /** The cost of the failed job; null where that is not known. */
      trainingUsd: number | null;
      /** The reason of its end, where only a person can mend it: then the job is made anew when the run is resumed. */
      pause: PauseCode | null;
    }
  /** The job was told to stop, and had not ended before. */
  | { state: 'stopped'; jobId: string; reason: string; trainingUsd: number | null }
  /** The job was never created, because the budget does not pay for it. */
  | { state: 'skipped'; jobId: null; reason: string };
