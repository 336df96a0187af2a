import type { Treatment } from '@tuneloop/app/internal/prompt/prompt-template';
import type { CountryCode } from 'libphonenumber-js/max';
import type { PiiType } from '../dataset/pii-type.ts';
import type { SourceChoice } from './source-choice.ts';

/** The providers that a pipeline can name, in the order of the documentation. `providers/profiles/` describes each. */
export const PROFILE_NAMES = ['local', 'openai', 'azure', 'crusoe', 'nebius', 'fireworks', 'together'] as const;
export type ProfileName = (typeof PROFILE_NAMES)[number];

/** What a pipeline names: a provider by its profile, alone or with settings. */
export type ProviderChoice = ProfileName | ProviderSettings;

/** A provider with what differs from its profile. Without a profile, the address says whose it is. */
export interface ProviderSettings {
  /** `generic`: a server that speaks OpenAI's protocol and has no profile of its own; it needs `baseURL` and `apiKeyEnv`. */
  profile?: ProfileName | 'generic' | undefined;
  baseURL?: string | undefined;
  /** Address of a trainer of Tuneloop on another machine, such as `https://gpu-box.example.com`. */
  trainer?: string | undefined;
  /** The price of an hour in which a machine of one's own trains or answers; for trainers of Tuneloop. */
  machine_usd_per_hour?: number | undefined;
  /** Further base URLs, by the names that the profile gives them. */
  addresses?: Record<string, string> | undefined;
  /** Name of the environment variable that holds the key. */
  apiKeyEnv?: string | undefined;
  settling_seconds?: number | undefined;
  limits?: ProviderLimitsChoice | undefined;
  /** Keys that the profile knows; see `ProviderProfile.options`. */
  options?: Record<string, unknown> | undefined;
}

export interface ProviderLimitsChoice {
  fewest_examples?: number | undefined;
  largest_file_mb?: number | undefined;
  tokens_per_example?: number | undefined;
}

export type Task = 'classification' | 'generation';

/**
 * A checked pipeline: what a user describes in one file, with its defaults filled in. `config/pipeline.ts` checks it and
 * says what each key means. `source.path` and `split.test.file` are absolute once it was read from a file.
 */
export interface Pipeline {
  $schema?: string | undefined;
  name: string;
  task: Task;
  /** The only labels that count, with other spellings of each. */
  labels?: (string | { name: string; aliases: string[] })[] | undefined;
  /** Whether an answer lists several labels, in any order. */
  multi_label?: boolean | undefined;
  /** The part of an answer that is learnt; all of it where this is absent. */
  target?: { json_field: string } | undefined;
  source: SourceChoice;
  clean: {
    rows: 'lenient' | 'strict';
    instructions: 'auto' | { templates: WrittenTemplate[] };
    /** Which turns of a conversation become rows; first where it is absent. */
    turns?: 'first' | 'last' | 'all' | undefined;
    duplicates: 'near' | 'exact' | 'keep';
    redact: PiiType[];
    phone_region: CountryCode;
    presidio?:
      | {
          url: string;
          language: string;
          entities?: string[] | undefined;
          /** From 0 to 1. */
          min_score: number;
        }
      | undefined;
  };
  split: {
    /** Share of the rows, from 0 to 1. */
    validation: number;
    /** Share of the rows, from 0 to 1, or a file of rows. */
    test: number | { file: string };
    by: 'hash' | 'time';
    group_by?: string | undefined;
    seed: number;
  };
  provider: ProviderChoice;
  /** Absent where the same provider answers the original prompt. */
  original_provider?: ProviderChoice | undefined;
  candidates: {
    models: string[];
    /** Absent where `learning_rate` is given. */
    learning_rate_multiplier?: number | number[] | undefined;
    learning_rate?: number | number[] | undefined;
    epochs: number | number[];
    batch_size?: number | number[] | undefined;
    lora_rank?: number | number[] | undefined;
    seed?: number | number[] | undefined;
    treatment: Treatment | Treatment[];
    jobs?: number | undefined;
    early_stop: boolean;
    checkpoints: boolean;
    half_data: boolean;
  };
  evaluation: {
    /** A name that `config/pipeline.ts` allows for the task. */
    metric: string;
    baseline: 'recorded' | { live: string };
    alternatives: string[];
    constrain?: 'labels' | 'json_schema' | undefined;
    judge?: { model: string; budget_usd?: number | undefined } | undefined;
    scorer?: { module: string; export: string } | undefined;
    json_schema?: string | undefined;
    concurrency: number;
    max_output_tokens?: number | undefined;
  };
  selection: {
    margin: number;
    max_cost_per_1k_usd?: number | undefined;
    max_p95_ms?: number | undefined;
    max_invalid: number;
  };
  labelling?: { model: string; budget_usd?: number | undefined; concurrency: number } | undefined;
  budget_usd?: number | undefined;
  deadlines: {
    validating_minutes: number;
    queued_minutes: number;
    running_minutes: number;
    ready_minutes: number;
    serving_minutes: number;
  };
  promotion: {
    by: 'approval' | 'automatic';
    deadline_hours: number;
    canary: {
      stages: { share: number; min_calls: number }[];
      every_seconds: number;
      max_errors: number;
      max_slowdown: number;
      max_quality_loss: number;
    };
  };
  notify?: { url: string; secretEnv: string } | { command: string[] } | undefined;
  retraining: {
    cron?: string | undefined;
    timezone: string;
    jitter_minutes: number;
    min_new_examples: number;
    min_growth: number;
    shutdown_days: number;
  };
}

/**
 * The provider that answers the original prompt in production: of the log, the baseline, the alternatives, the judge, the teacher and the
 * fallback. A team may fine-tune elsewhere.
 */
export function originalProvider({
  provider,
  original_provider: original,
}: Pick<Pipeline, 'provider' | 'original_provider'>): ProviderChoice {
  return original ?? provider;
}

/** A prompt as it was written, with `{{name}}` where the input stands: one text, or messages. */
type WrittenTemplate = string | { role: 'system' | 'developer' | 'user' | 'assistant' | 'tool'; content: string }[];
