import type { Message } from '../dataset/row.ts';
import type { Hyperparameters } from '../sweep/plan.ts';

/**
 * A server that trains and serves through the OpenAI protocol. Every call is made once: a failure is thrown as a
 * {@link ProviderError}, and whether and when to try again is for Temporal to decide.
 */
export interface Provider {
  /** Whether answers come from the local trainer, so that figures can be marked. */
  readonly local: boolean;
  /** The ids of all models that can be called or tuned. */
  listModels(): Promise<string[]>;
  /** The newest usable training file of this name and size, if it was uploaded before. */
  findFile(name: string, bytes: number): Promise<string | undefined>;
  /** Uploads a local file for fine-tuning under a name and returns its id. */
  uploadFile(name: string, file: string): Promise<string>;
  /** The jobs created under a key, oldest first, in whatever state they are. */
  findJobs(key: string): Promise<Job[]>;
  createJob(request: JobRequest): Promise<Job>;
  getJob(id: string): Promise<Job>;
  /** The latest training metrics that the job has reported. */
  getJobProgress(id: string): Promise<JobProgress>;
  /** When training itself began, after validation and queue, in Unix seconds; null where the provider does not say. */
  getTrainingStart(id: string): Promise<number | null>;
  /** Cancels a job; for one that has ended already this does nothing. Returns the job as it is then. */
  cancelJob(id: string): Promise<Job>;
  complete(request: CompletionRequest): Promise<Completion>;
}

/** `pending` stands for every status that can still change, unknown ones included. */
export type JobState = 'pending' | 'succeeded' | 'failed' | 'cancelled';

export interface Job {
  id: string;
  state: JobState;
  /** As the provider words it, for people. */
  status: string;
  /** The tuned model, once there is one. */
  model: string | null;
  /** Why it failed, in the provider's words; bounded. */
  failure: string | null;
  /** Unix seconds. */
  createdAt: number;
  /** Unix seconds. */
  finishedAt: number | null;
  trainedTokens: number | null;
}

export interface JobProgress {
  step: number | null;
  totalSteps: number | null;
  trainLoss: number | null;
  validLoss: number | null;
}

export interface JobRequest {
  /** Makes the job findable; see `Provider.findJobs`. */
  key: string;
  /** Names of pipeline, run and candidate, for people who look at the provider's list. */
  labels: Record<string, string>;
  baseModel: string;
  trainingFile: string;
  validationFile: string | null;
  suffix: string;
  seed: number;
  hyperparameters: Hyperparameters;
}

export interface CompletionRequest {
  model: string;
  messages: readonly Message[];
  maxOutputTokens?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface Completion {
  text: string;
  promptTokens: number;
  completionTokens: number;
  /** From sending the request to having read the answer, in milliseconds. */
  latencyMs: number;
  /** Time that the server says it worked, in milliseconds; the latency where it does not say. */
  serverMs: number;
}
