import type { Hyperparameters } from '../core/run/hyperparameters.ts';
import type { JobPhase } from '../core/run/job-heartbeat.ts';
import type { Checkpoint, MetricPoint } from '../core/run/training-metrics.ts';

/**
 * The port for training: files, jobs, their reports, and their models. Every call is made once: a failure is thrown as a {@link
 * ProviderError}, and Temporal decides whether and when to retry.
 *
 * An implementation has to keep the rules of `tuneloop/testing` (`src/testing/training.ts`).
 */
export interface Training {
  /** How long a new job may be missing from the provider's list, in milliseconds. */
  readonly settlingMs: number;
  /** Asks a free question that only accounts with fine-tuning may ask. @throws ProviderError where this account may not. */
  checkFineTuning(): Promise<void>;
  /**
   * The newest usable training file of this name and size, if it was uploaded before.
   *
   * @param bytes size of the file
   * @returns its id
   */
  findFile(name: string, bytes: number): Promise<string | undefined>;
  /**
   * Uploads a local file for fine-tuning.
   *
   * @param name the name of the file at the provider
   * @param file path of the local file: JSONL, one chat a line
   * @returns its id
   */
  uploadFile(name: string, file: string): Promise<string>;
  /** Deletes an uploaded file. A missing file is no error. */
  deleteFile(id: string): Promise<void>;
  /**
   * Deletes a tuned model, or one checkpoint, for good. A missing model is no error.
   *
   * @throws ProviderError PROVIDER_REFUSED for a model that this account cannot delete, such as a base model
   */
  deleteModel(id: string): Promise<void>;
  /**
   * The jobs of an identity in whatever state they are, oldest first: those that carry its key, and on servers that keep no
   * metadata those of the same file, model and seed. A job that was created less than `settlingMs` ago may be missing.
   */
  findJobs(identity: JobIdentity): Promise<Job[]>;
  /** The jobs of this account that have not ended and carry a label of ours. */
  listPendingJobs(): Promise<OwnedJob[]>;
  /**
   * Creates a job, and sends the request exactly once: a second one would be paid too.
   *
   * @throws ProviderError whose `mayHaveExecuted` says whether the job may exist in spite of it
   */
  createJob(request: JobRequest): Promise<Job>;
  /** @throws ProviderError with status 404 where there is no such job */
  getJob(id: string): Promise<Job>;
  /**
   * The reports of a job's steps, oldest first; empty where the provider reports nothing. Of a long job about 200 points are left, evenly
   * thinned; the newest and the ends of epochs are always among them, so that the k-th point that {@link endsEpoch} is the end of epoch k.
   *
   * @param afterStep reads no further back than this step, so that a repeated question reads only what is new
   */
  listMetrics(id: string, afterStep?: number): Promise<MetricPoint[]>;
  /**
   * The models that a succeeded job has left of its last epochs, oldest first; the last one has the weights of the job's model, maybe under another id. Empty
   * where the provider keeps none.
   */
  listCheckpoints(id: string): Promise<Checkpoint[]>;
  getTrainingTime(id: string): Promise<TrainingTime>;
  /** Cancels a job; for one that has ended already this does nothing. Returns the job as it is then. */
  cancelJob(id: string): Promise<Job>;
}

/** `pending` stands for every status that can still change, unknown ones included. */
export type JobState = 'pending' | 'succeeded' | 'failed' | 'cancelled';

export interface Job {
  id: string;
  state: JobState;
  /** The phase of a pending job; an unknown status counts as running. */
  phase: JobPhase;
  /** Whether the status is one that the protocol knows. */
  known: boolean;
  /** The status in the provider's words, for people. */
  status: string;
  /** The tuned model, once there is one. */
  model: string | null;
  /** Why it failed, in the provider's words; bounded. */
  failure: string | null;
  /** Whether only a person can mend the cause: a quota or a limit on spending. */
  needsPerson: boolean;
  /** Unix seconds. */
  createdAt: number;
  /** Unix seconds. */
  finishedAt: number | null;
  trainedTokens: number | null;
  /** What the provider says that it cost, in USD; absent where it does not say, and prices and tokens count. */
  costUsd?: number | null;
}

/** Whether a step was the last one of an epoch. */
export function endsEpoch({ fullValidLoss, fullValidAccuracy }: MetricPoint): boolean {
  return fullValidLoss !== null || fullValidAccuracy !== null;
}

export interface TrainingTime {
  /** When training itself began, after validation and queue, in Unix seconds; null where the provider does not say. */
  startedAt: number | null;
  /** How long the provider's machine worked on it, in milliseconds; null where it does not say. */
  workedMs: number | null;
}

/** The identity by which a job can be found again, even if the process that created it died. */
export interface JobIdentity {
  /** Hash of everything that makes it this job and no other, as 64 hexadecimal digits. */
  key: string;
  baseModel: string;
  /** Id of the uploaded file. */
  trainingFile: string;
  /** From the same hash as the key. */
  seed: number;
}

/** The owner of a job; kept in its metadata where there is any, else in its suffix (`providers/job-label.ts`). */
export interface JobOwner {
  pipeline: string;
  /** Id of the workflow that waits for it. */
  workflowId: string;
  /** Temporal's id of the execution that created it: no two servers share one. */
  executionId: string;
}

export interface OwnedJob {
  id: string;
  /** All of it, or where only the suffix is kept, the end of the execution's id. */
  owner: JobOwner | { executionEnd: string };
}

export interface JobRequest extends JobIdentity {
  owner: JobOwner;
  validationFile: string;
  hyperparameters: Hyperparameters;
}
