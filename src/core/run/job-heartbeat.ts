/** What a job that has not ended is doing. */
export type JobPhase = 'validating' | 'queued' | 'running';

/** What a wait is spent on: the phases of a job, and after its success the time until its model answers. */
export type WaitPhase = JobPhase | 'ready';

/** How far a job has come. */
export interface JobProgress {
  step: number | null;
  totalSteps: number | null;
  trainLoss: number | null;
  validLoss: number | null;
}

/** What a waiting job shows as heartbeat details, in the Web UI and to the command line. */
export interface JobHeartbeat extends JobProgress {
  status: string;
  phase: WaitPhase;
  /** When this phase was first seen, in milliseconds of the Temporal server's clock. */
  since: number;
  /** The first epochs, where somebody is told of them. */
  epochs?: SeenEpoch[];
}

/** An epoch that has ended. */
export interface SeenEpoch {
  validLoss: number | null;
  validAccuracy: number | null;
  /** Whether the run knows. */
  told: boolean;
}
