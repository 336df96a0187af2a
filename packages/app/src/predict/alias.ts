import type { PromptTemplate, Treatment } from '../prompt/prompt-template.ts';

/**
 * The facts that an application needs to call a deployment: one file, replaced as a whole, so that a reader gets the old one or the new
 * one. It holds prompts (the template) and labels, and neither rows nor keys.
 */
export interface Alias {
  format: 1;
  /** Names the deployment. */
  pipeline: string;
  task: 'classification' | 'generation';
  /** Number of the decision behind it. It never falls. */
  decision: number;
  /** ISO 8601. */
  writtenAt: string;
  /** The version of Tuneloop that has written it. */
  writtenBy?: string;
  /** The provider of all of these models. */
  provider: AliasProvider;
  /** The serving model; null for the original prompt. */
  champion: ServedModel | null;
  /** The canary and its share of the calls, more than 0 and at most 1. */
  canary: (ServedModel & { share: number }) | null;
  /** The original prompt, which answers if no model can. */
  original: {
    /** The model that production asks with it; null where the log does not say. */
    model: string | null;
    /** The provider of that model, where that is another one than the alias names. */
    provider?: AliasProvider | undefined;
    template: PromptTemplate;
  };
  /** The JSON Schema that answers have to fit; null where there is none. */
  jsonSchema: unknown;
  maxOutputTokens: number | null;
  /** The deployment at that time, in case its workflow is lost. Applications do not read it. */
  state?: unknown;
}

/** As a pipeline file names a provider: by the name of its profile, or with settings. */
export type AliasProvider =
  | AliasProfile
  | {
      profile?: AliasProfile | 'generic' | undefined;
      baseURL?: string | undefined;
      addresses?: Record<string, string> | undefined;
      /** Name of the environment variable that holds the key. */
      apiKeyEnv?: string | undefined;
      /** How long a new job may be missing from the provider's list of jobs. */
      settling_seconds?: number | undefined;
      options?: Record<string, unknown> | undefined;
    };

type AliasProfile = 'local' | 'openai' | 'azure' | 'crusoe' | 'nebius' | 'fireworks' | 'together';

/** A model with the facts that a request to it needs. */
export interface ServedModel {
  model: string;
  /** What to call it by, where a serving lease gives it another name. */
  callAs?: string | undefined;
  /** Its provider, where that is another one than the alias names. */
  provider?: AliasProvider | undefined;
  treatment: Treatment;
  /** The treatment of its training data, by which prompts are stripped. */
  template: PromptTemplate;
  /** The labels that it may answer; null for generation. */
  labels: string[] | null;
  /** Fields that a request for it adds, by which its provider holds the answers to a form. */
  constraint?: Record<string, unknown> | undefined;
  /** The end of the model at its provider, ISO 8601; null where the provider names none. */
  shutdownDate: string | null;
}

/** The arm of a call: the call counts toward it even if a fallback answers. */
export type Arm = 'champion' | 'canary' | 'original';
