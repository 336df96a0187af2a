import type { Message } from '../dataset/row.ts';
import type { Hyperparameters } from '../sweep/plan.ts';

/**
 * A server that trains and serves through the OpenAI protocol. Every call is made once: a failure is thrown as a
 * {@link ProviderError}, and whether and when to try again is for Temporal to decide.
 */
export interface Provider {
  /** Where the protocol is spoken, for people; no credentials. */
  readonly address: string;
  /** Whether answers come from the local trainer, so that figures can be marked. */
  readonly local: boolean;
  /** How long a new job may be missing from the provider's list, in milliseconds. */
  readonly settlingMs: number;
  /** All models that can be called or tuned. */
  listModels(): Promise<Model[]>;
  /** Asks something free that only an account with fine-tuning may ask. @throws ProviderError where it may not. */
  checkFineTuning(): Promise<void>;
  /** The newest usable training file of this name and size, if it was uploaded before. */
  findFile(name: string, bytes: number): Promise<string | undefined>;
  /** Uploads a local file for fine-tuning under a name and returns its id. */
  uploadFile(name: string, file: string): Promise<string>;
  /**
   * The jobs of an identity, oldest first, in whatever state they are: those that carry its key, and on servers that
   * keep no metadata those of the same file, model and seed.
   */
  findJobs(identity: JobIdentity): Promise<Job[]>;
  /** The jobs that have not ended and carry a label of ours. */
  listPendingJobs(): Promise<OwnedJob[]>;
  createJob(request: JobRequest): Promise<Job>;
  getJob(id: string): Promise<Job>;
  /** The latest training metrics that the job has reported. */
  getJobProgress(id: string): Promise<JobProgress>;
  /** When training itself began, after validation and queue, in Unix seconds; null where the provider does not say. */
  getTrainingStart(id: string): Promise<number | null>;
  /** Cancels a job; for one that has ended already this does nothing. Returns the job as it is then. */
  cancelJob(id: string): Promise<Job>;
  complete(request: CompletionRequest): Promise<Completion>;
  /** A page of the chat completions that the provider has kept for this account (`store: true`), oldest first. */
  listStoredCompletions(query: StoredQuery): Promise<StoredPage>;
  /** The messages that a stored completion has answered, without the answer. */
  listStoredMessages(id: string, signal: AbortSignal): Promise<unknown[]>;
}

/** What a job that has not ended is doing. */
export type JobPhase = 'validating' | 'queued' | 'running';

/** `pending` stands for every status that can still change, unknown ones included. */
export type JobState = 'pending' | 'succeeded' | 'failed' | 'cancelled';

export interface Model {
  id: string;
  /** When the provider will switch it off, where it says so. */
  shutdownDate: Date | null;
}

export interface Job {
  id: string;
  state: JobState;
  /** What a pending job is doing; an unknown status counts as running. */
  phase: JobPhase;
  /** Whether the status is one that the protocol knows. */
  known: boolean;
  /** As the provider words it, for people. */
  status: string;
  /** The tuned model, once there is one. */
  model: string | null;
  /** Why it failed, in the provider's words; bounded. */
  failure: string | null;
  /** Whether it failed for what only a person can mend: a quota or a limit on spending. */
  needsPerson: boolean;
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

/** What a job can be found by again, whatever happened to the process that created it. */
export interface JobIdentity {
  /** Hash of all that makes it this job and no other; kept in the job's metadata. */
  key: string;
  baseModel: string;
  /** Id of the uploaded file. */
  trainingFile: string;
  /** From the same hash as the key. */
  seed: number;
}

/** Who a job belongs to; kept in its metadata. */
export interface JobOwner {
  pipeline: string;
  /** Id of the workflow that waits for it. */
  workflowId: string;
  /** Temporal's id of the execution that created it: no two servers share one. */
  executionId: string;
}

export interface OwnedJob {
  id: string;
  owner: JobOwner;
}

export interface JobRequest extends JobIdentity {
  owner: JobOwner;
  validationFile: string;
  suffix: string;
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
  /** Whether the answer ends because it grew too long. */
  cut: boolean;
  promptTokens: number;
  completionTokens: number;
  /** From sending the request to having read the answer, in milliseconds. */
  latencyMs: number;
  /** Time that the server says it worked, in milliseconds; the latency where it does not say. */
  serverMs: number;
}

export interface StoredQuery {
  /** Of the completion before the page; undefined begins with the oldest. */
  after: string | undefined;
  model?: string | undefined;
  /** Pairs that the completion was stored with. A server may not know this filter, nor the one by model. */
  metadata?: Record<string, string> | undefined;
  signal: AbortSignal;
}

export interface StoredPage {
  completions: StoredCompletion[];
  /** Whether there are more behind it. */
  more: boolean;
}

export interface StoredCompletion {
  id: string;
  /** Unix seconds. */
  createdAt: number;
  model: string;
  /** Text, or the whole response where it is not just that: cut off, a refusal, a call of a tool. */
  completion: unknown;
  usage: { promptTokens: number; completionTokens: number } | null;
  metadata: Record<string, string>;
}
