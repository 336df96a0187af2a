import type { PromptTemplate, Treatment } from '../prompt/prompt-template.ts';

/**
 * What an application needs to know to call a deployment: one file, replaced as a whole, so that a reader has the old one or
 * the new one. It holds prompts (the template) and labels, and neither rows nor keys.
 */
export interface Alias {
  format: 1;
  /** Names the deployment. */
  pipeline: string;
  task: 'classification' | 'generation';
  /** Number of the decision that it follows from. It never falls. */
  decision: number;
  /** ISO 8601. */
  writtenAt: string;
  /** The version of Tuneloop that has written it. */
  writtenBy?: string;
  /** Where all of these models are called. */
  provider: AliasProvider;
  /** What serves; null for the original prompt. */
  champion: ServedModel | null;
  /** What is tried on a share of the calls, more than 0 and at most 1. */
  canary: (ServedModel & { share: number }) | null;
  /** The original prompt, which answers where no model can. */
  original: {
    /** What production has asked it of; null where the log does not say. */
    model: string | null;
    template: PromptTemplate;
  };
  /** The JSON Schema that answers have to fit; null where there is none. */
  jsonSchema: unknown;
  maxOutputTokens: number | null;
  /** The deployment as it was then, for the case that its workflow is lost. Applications do not read it. */
  state?: unknown;
}

/** As a pipeline file names a provider: by a name that Tuneloop knows, or by its address. */
export type AliasProvider =
  | 'local'
  | 'openai'
  | {
      baseURL: string;
      /** Name of the environment variable that holds the key. */
      apiKeyEnv: string;
      /** How long a new job may be missing from the provider's list of jobs. */
      settling_seconds?: number | undefined;
    };

/** A model with what it has to be asked with. */
export interface ServedModel {
  model: string;
  treatment: Treatment;
  /** That of its training data: prompts are stripped by it. */
  template: PromptTemplate;
  /** What it may answer; null for generation. */
  labels: string[] | null;
  /** From when the provider does not answer for it, ISO 8601; null where it does not say. */
  shutdownDate: string | null;
}

/** Who a call belongs to by its share: what it is measured as, whoever answers in the end. */
export type Arm = 'champion' | 'canary' | 'original';
