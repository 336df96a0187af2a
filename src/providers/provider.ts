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
  /**
   * What a job has reported of its steps, oldest first. Of a long job about 200 points are left, evenly thinned; the newest and
   * the ends of epochs are always among them, so that the k-th point that {@link endsEpoch} is the end of epoch k.
   *
   * @param afterStep reads no further back than this step, so that who asks again pays for what is new only.
   */
  listMetrics(id: string, afterStep?: number): Promise<MetricPoint[]>;
  /** The models that a succeeded job has left of its last epochs, oldest first; the last one is the job's model itself. */
  listCheckpoints(id: string): Promise<Checkpoint[]>;
  getTrainingTime(id: string): Promise<TrainingTime>;
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

export interface TrainingTime {
  /** When training itself began, after validation and queue, in Unix seconds; null where the provider does not say. */
  startedAt: number | null;
  /** How long the provider's machine worked on it, in milliseconds; null where it does not say. */
  workedMs: number | null;
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

/** Whether a step was the last one of an epoch. */
export function endsEpoch({ fullValidLoss, fullValidAccuracy }: MetricPoint): boolean {
  return fullValidLoss !== null || fullValidAccuracy !== null;
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
