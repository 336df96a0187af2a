import type { Metrics, RequestedHyperparameters } from '../engine.ts';

export type JobStatus = 'validating_files' | 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';

/** A job as the API shows it. Times in seconds since 1970. */
export interface FineTuningJob {
  readonly object: 'fine_tuning.job';
  readonly id: string;
  readonly model: string;
  readonly created_at: number;
  finished_at: number | null;
  fine_tuned_model: string | null;
  readonly organization_id: string;
  result_files: string[];
  status: JobStatus;
  readonly training_file: string;
  readonly validation_file: string | null;
  hyperparameters: RequestedHyperparameters;
  method: { type: 'supervised'; supervised: { hyperparameters: RequestedHyperparameters } };
  trained_tokens: number | null;
  /** OpenAI shows an empty object for a healthy job. */
  error: { code: string; message: string; param: string | null } | Record<string, never>;
  readonly user_provided_suffix: string | null;
  readonly seed: number;
  estimated_finish: number | null;
  readonly integrations: readonly never[];
  readonly metadata: Readonly<Record<string, string>> | null;
}

/** With the last event of a job: the time for which its thread has computed. */
export interface Worked {
  readonly worked_ms: number;
}

export interface JobEvent {
  readonly object: 'fine_tuning.job.event';
  readonly id: string;
  readonly created_at: number;
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly type: 'message' | 'metrics';
  readonly data: Metrics | Worked | Record<string, never>;
}

export interface Checkpoint {
  readonly object: 'fine_tuning.job.checkpoint';
  readonly id: string;
  readonly created_at: number;
  readonly fine_tuned_model_checkpoint: string;
  readonly fine_tuning_job_id: string;
  readonly metrics: Metrics;
  readonly step_number: number;
}

/** What is kept of a job. */
export interface JobRecord {
  /** Order of creation, from 1. */
  readonly sequence: number;
  /** The name that the model will have; chosen at creation, so that it stays the same over restarts. */
  readonly modelId: string;
  /** Milliseconds since 1970; null before the job runs. */
  startedAt: number | null;
  trainingTokens: number;
  readonly job: FineTuningJob;
  /** The last three, oldest first; empty until the job succeeds. */
  checkpoints: Checkpoint[];
  /** Names of models of this job that were deleted. */
  deletedModels: string[];
}

export function isTerminal(status: JobStatus): boolean {
  return status === 'succeeded' || status === 'failed' || status === 'cancelled';
}
