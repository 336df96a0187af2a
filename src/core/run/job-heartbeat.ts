/** The state of a job that has not ended. */
export type JobPhase = 'validating' | 'queued' | 'running';

/** The phase of a wait: the phases of a job, after its success the time until its model answers, and the start of a serving lease. */
export type WaitPhase = JobPhase | 'ready' | 'serving';

/** The progress of a job. */
export interface JobProgress {
  step: number | null;
  totalSteps: number | null;
  trainLoss: number | null;
  validLoss: number | null;
}

/** The heartbeat details of a waiting job, for the Web UI and the command line. */
export interface JobHeartbeat extends JobProgress {
  status: string;
  phase: WaitPhase;
  /** When this phase was first seen, in milliseconds of the Temporal server's clock. */
  since: number;
  /** The first epochs, where a run wants to be told of them. */
  epochs?: SeenEpoch[];
}

/** An epoch that has ended. */
export interface SeenEpoch {
  validLoss: number | null;
  validAccuracy: number | null;
  /** Whether the run was told. */
  told: boolean;
}
