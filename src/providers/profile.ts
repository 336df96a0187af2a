import type { Billing, PromptCache } from '../core/evaluation/cost.ts';

/**
 * Everything that differs between providers and is no code: one constant for each provider, in `profiles/`. It holds no
 * key and does no I/O, so any room may read it.
 */
export interface ProviderProfile {
  /** The name in a pipeline file, such as `openai`. */
  readonly name: string;
  /** One line for the JSON Schema of the pipeline file. */
  readonly description: string;
  /** Base URL without a trailing slash, such as `https://api.example.com/v1`. */
  readonly address: string;
  /** Name of the environment variable that holds the key; null where the server needs no key. */
  readonly keyVariable: string | null;
  /** The protocol that the server speaks; there is one client for each. */
  readonly dialect: 'openai';
  /** False for a trainer of models that are no language models: reports then mark its figures. */
  readonly languageModels: boolean;
  readonly limits: ProviderLimits;
  readonly ids: ProviderIds;
  /** Whether tokens or machine time are charged, and at which prices. */
  readonly billing: Billing;
  /** Which part of a prompt is charged as cached; null where the provider has no such rule. */
  readonly promptCache: PromptCache | null;
  readonly jobs: JobTraits;
  readonly serving: ServingTraits;
  /** Whether the provider keeps completions that were made with `store: true`, so that they can be a pipeline's source. */
  readonly storesCompletions: boolean;
}

/** Limits of a training file. A file beyond them is refused before anything is uploaded. */
export interface ProviderLimits {
  /** The fewest examples of a training file. */
  readonly fewestExamples: number;
  /** The largest training file, in bytes. */
  readonly largestFileBytes: number;
  /** The most tokens of an example, prompt and answer together. */
  readonly tokensPerExample: number;
  /** The roles that a message of a training file may have. */
  readonly roles: readonly string[];
}

/** Patterns of the ids that the provider makes. */
export interface ProviderIds {
  /** Matches the whole id of a fine-tuning job. It must not match a quote: ids stand in queries to Temporal. */
  readonly job: RegExp;
  /** Matches the id of a tuned model, and of no base model. */
  readonly tunedModel: RegExp;
}

/** Optional fields of a request for a job. */
export type JobField = 'metadata' | 'seed' | 'suffix' | 'validation_file';

export interface JobTraits {
  /** Whether a job's metadata comes back, so that the job is found by its key; else by file, model and seed. */
  readonly keepsMetadata: boolean;
  /** How long a new job may be missing from the list of jobs, in milliseconds. */
  readonly settlingMs: number;
  /** Fields that the provider refuses; they are left out of the request. */
  readonly refusedFields: readonly JobField[];
  /** Where the figures of single steps come from: the job's events, or nowhere. */
  readonly metrics: 'events' | 'none';
  /** Where the models of earlier epochs come from: the job's list of checkpoints, or nowhere. */
  readonly checkpoints: 'job' | 'none';
}

export interface ServingTraits {
  /**
   * `included`: a tuned model can be called minutes after its job has succeeded. `on-request`: a deployment has to be
   * created, paid for and removed; no dialect does that yet.
   */
  readonly start: 'included' | 'on-request';
  /** Whether an answer can be sent in pieces while the model writes it. */
  readonly streams: boolean;
}
