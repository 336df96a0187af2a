import type { Billing, PromptCache } from '../core/evaluation/cost.ts';
import type { LearningRateRule } from '../core/run/hyperparameters.ts';
import type { LeaseTraits } from '../core/run/lease-plan.ts';

/**
 * Everything that differs between providers and is no code: one constant for each provider, in `profiles/`. It holds no
 * key and does no I/O, so any room may read it.
 */
export interface ProviderProfile {
  /** The name in a pipeline file, such as `openai`. */
  readonly name: string;
  /** One line for the JSON Schema of the pipeline file. */
  readonly description: string;
  /** The day on which its fine-tuning ends for everybody, as `2027-01-06`; null where none is announced. */
  readonly closes: string | null;
  /** Base URL without a trailing slash, such as `https://api.example.com/v1`. */
  readonly address: string;
  /** Domains whose hosts are all this provider's, older and regional ones too. */
  readonly domains: readonly string[];
  /** Further base URLs, by what is asked there, for a provider that trains and serves at several. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Name of the environment variable that holds the key; null where the server needs no key. */
  readonly keyVariable: string | null;
  /** How the key is sent: as a bearer token, or in the header `api-key`. */
  readonly keyHeader: 'authorization' | 'api-key';
  /** The form of the requests; there is one client for each. */
  readonly dialect: Dialect;
  /** The base models that are no LLMs: reports mark the figures of a run that trains one. Null where there are none. */
  readonly wordModels: RegExp | null;
  /** The base models that can be tuned; empty where only the provider's own list says it. */
  readonly models: readonly BaseModel[];
  /** The keys that `provider.options` may have in a pipeline file. */
  readonly options: Readonly<Record<string, OptionRule>>;
  /** The values of the options: those of the pipeline file, and the defaults of the others. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly limits: ProviderLimits;
  readonly ids: ProviderIds;
  /** Whether tokens or machine time are charged, and at which prices. */
  readonly billing: Billing;
  /** Which part of a prompt is charged as cached; null where the provider has no such rule. */
  readonly promptCache: PromptCache | null;
  readonly jobs: JobTraits;
  readonly serving: ServingTraits;
  /** The field that limits the length of an answer. A server that knows only the older name passes over the newer one in silence. */
  readonly lengthField: 'max_completion_tokens' | 'max_tokens';
  /** How answers can be held to a form while a model writes them. */
  readonly constraints: ConstraintTraits;
  /** Whether the provider keeps completions that were made with `store: true`, so that they can be a pipeline's source. */
  readonly storesCompletions: boolean;
}

export type Dialect = 'openai' | 'azure' | 'crusoe' | 'nebius' | 'fireworks' | 'together';

/** A base model that can be tuned. */
export interface BaseModel {
  /** Its name in pipeline files and price lists: the same at all providers that have the model, such as `gpt-oss-20b`. */
  readonly name: string;
  /** The provider's own id. */
  readonly id: string;
  /** What a plan has to warn of, without a full stop. */
  readonly note?: string;
}

/** A key of `provider.options`: what it means, and which values it takes. */
export interface OptionRule {
  readonly description: string;
  /** The requests that it is a part of: the address, a job, a serving lease, or every question to a model. */
  readonly sentWith: 'address' | 'job' | 'lease' | 'completion';
  readonly type: 'string' | 'number' | 'integer' | 'boolean' | 'object';
  readonly oneOf?: readonly (string | number)[];
  /** The lowest and the highest number. */
  readonly range?: readonly [number, number];
  readonly default?: string | number | boolean;
  /** Whether the provider cannot be used without it. */
  readonly required?: true;
  /** What differs from the profile with a value of the option, by that value as text. */
  readonly changes?: Readonly<Record<string, ProfileChanges>>;
}

/** The parts of a profile that an option may change. */
export interface ProfileChanges {
  readonly jobs?: Partial<JobTraits>;
  readonly lease?: Partial<LeaseTraits>;
  /** Another price list, as the name in `billing.priceList`. */
  readonly priceList?: string;
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
  /**
   * How a job of ours is known again. `metadata`: it keeps our key; `suffix`: the key stands at the end of its suffix, and file, model and
   * seed are compared where the suffix is gone; `id`: we choose its id, and a second creation is refused.
   */
  readonly identity: 'metadata' | 'suffix' | 'id';
  /** Whether the list of jobs can be asked for a metadata pair. */
  readonly filtersMetadata: boolean;
  /** The longest suffix, in characters. */
  readonly longestSuffix: number;
  /** How long a new job may be missing from the list of jobs, in milliseconds. */
  readonly settlingMs: number;
  /** Fields that the provider refuses; they are left out of the request. */
  readonly refusedFields: readonly JobField[];
  readonly learningRate: LearningRateRule;
  /** The rank of LoRA adapters that it trains unless told otherwise, and those that it takes; null where it takes none. */
  readonly loraRank: LoraRankRule | null;
  /** Whether a candidate may set the seed of its training. */
  readonly takesSeed: boolean;
  readonly batchSize: BatchSizeRule;
  readonly mostEpochs: number;
  /** Where the figures of single steps come from; `none` means that no job can be stopped early. */
  readonly metrics: 'events' | 'endpoint' | 'file' | 'none';
  /** The models of earlier epochs: callable at once, callable through a serving lease, or none. */
  readonly checkpoints: 'callable' | 'leased' | 'none';
  /** What a cancelled job pays for; `unknown` where no document says it: then its whole reservation counts. */
  readonly cancelledPays: 'trained' | 'nothing' | 'unknown';
}

export interface LoraRankRule {
  readonly default: number;
  /** The lowest and the highest rank. */
  readonly range: readonly [number, number];
  /** Whether it has to be a power of two. */
  readonly powerOfTwo: boolean;
}

export interface BatchSizeRule {
  readonly range: readonly [number, number];
  readonly powerOfTwo: boolean;
}

export interface ServingTraits {
  /**
   * `included`: a tuned model can be called minutes after its job has succeeded. `lease`: something has to be created, waited for and
   * removed before and after. `none`: the provider trains only.
   */
  readonly start: 'included' | 'lease' | 'none';
  /** How leases are taken; null where there are none. */
  readonly lease: LeaseTraits | null;
}

export interface ConstraintTraits {
  /** Labels: by `structured_outputs.choice` as vLLM has it, by a GBNF grammar as Fireworks has it, or not at all. */
  readonly labels: 'choice' | 'grammar' | 'none';
  /** Whether `response_format` of type `json_schema` holds the answers of all models, tuned ones too. */
  readonly jsonSchema: boolean;
}

/** The values of the options that are a part of these requests. */
export function settingsFor(
  { options, settings }: Pick<ProviderProfile, 'options' | 'settings'>,
  sentWith: OptionRule['sentWith'],
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(settings).filter(([name]) => options[name]?.sentWith === sentWith));
}

/** The provider's id of a base model, by its name in a pipeline file. */
export function modelId({ models }: Pick<ProviderProfile, 'models'>, name: string): string {
  return models.find((model) => model.name === name)?.id ?? name;
}

/** The name by which price lists know a model. */
export function modelName({ models }: Pick<ProviderProfile, 'models'>, idOrName: string): string {
  return models.find(({ id }) => id === idOrName)?.name ?? idOrName;
}
