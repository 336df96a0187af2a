import type { CountedMessage } from './tokens.ts';

/** Hyperparameters with every `auto` decided. The last four are for LLMs alone. */
export interface Hyperparameters {
  readonly n_epochs: number;
  readonly batch_size: number;
  /** Times the base rate of the engine. */
  readonly learning_rate_multiplier: number;
  readonly lora_rank?: number;
  readonly lora_alpha?: number;
  /** Number of layers that are trained, counted from the last one. */
  readonly lora_layers?: number;
  /** Tokens a row may have, prompt and answer together. */
  readonly max_length?: number;
}

/** Hyperparameters as asked for: a number, or `auto` until the files are read. */
export type RequestedHyperparameters = { readonly [K in keyof Hyperparameters]: Hyperparameters[K] | 'auto' };

/** Losses in nats, accuracies from 0 to 1. Named as in the events of a job. */
export interface Metrics {
  readonly step: number;
  readonly total_steps: number;
  readonly train_loss: number;
  readonly train_mean_token_accuracy: number;
  readonly valid_loss?: number;
  readonly valid_mean_token_accuracy?: number;
  readonly full_valid_loss?: number;
  readonly full_valid_mean_token_accuracy?: number;
}

/** Whether a step is the last one of its run. */
export function isLast({ step, total_steps }: Metrics): boolean {
  return step >= total_steps;
}

/** A training or validation file that a job names. */
export interface NamedFile {
  readonly path: string;
  readonly role: 'training' | 'validation';
}

/** The result of reading a file. */
export type Validation =
  | { readonly kind: 'valid'; readonly examples: number; readonly tokens: number }
  | { readonly kind: 'invalid'; readonly code: string; readonly message: string };

/** One training. */
export interface TrainingTask {
  /** The id of its job. */
  readonly id: string;
  readonly base: string;
  readonly hyperparameters: Hyperparameters;
  readonly seed: number;
  readonly trainingPath: string;
  readonly validationPath: string | null;
  /** Where the model's files go. */
  readonly modelDir: string;
}

/** The reports of a training. Each epoch ends with a checkpoint, whose model can be called. */
export type TrainingNews =
  | { readonly kind: 'metrics'; readonly metrics: Metrics }
  | { readonly kind: 'checkpoint'; readonly metrics: Metrics }
  /** Continues from this step, which an earlier process has reached. */
  | { readonly kind: 'resumed'; readonly step: number }
  | { readonly kind: 'finished' };

/** What a training tells its job. */
export interface TrainingListener {
  onNews(news: TrainingNews): void;
  /** It broke off; `code` is that of the failed job. */
  onFailure(code: string, message: string): void;
  /** It has given its processor and its memory back, finished or not. */
  onExit(): void;
}

/** A training that computes its first epoch. */
export interface Training {
  /** Computes one more epoch. Called after a checkpoint that is not the last one. */
  nextEpoch(): void;
  /** Breaks off; resolves when nothing of it is running any more. */
  stop(): Promise<void>;
}

/** What an answer is held to. */
export type Constraint =
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  | { readonly kind: 'json_schema'; readonly schema: Readonly<Record<string, unknown>> }
  | { readonly kind: 'json' };

/** How an answer is to be made. */
export interface AnswerRequest {
  readonly messages: readonly CountedMessage[];
  /** Infinity = as many tokens as the model can write. */
  readonly mostTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number | undefined;
  /** The answer ends before any of these texts. */
  readonly stop: readonly string[];
  readonly constraint: Constraint | undefined;
  /** Alternatives to report for each token, 0 to 20; undefined = no log probabilities. */
  readonly topLogprobs: number | undefined;
}

/** A token with its log probability in nats, as in OpenAI's chat completions. */
export interface TokenLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
  readonly top_logprobs: readonly Omit<TokenLogprob, 'top_logprobs'>[];
}

/** The next piece of an answer. */
export interface AnswerPart {
  readonly text: string;
  readonly logprobs?: readonly TokenLogprob[];
}

/** How an answer ended, and its tokens. */
export interface AnswerEnd {
  readonly finishReason: 'stop' | 'length';
  readonly promptTokens: number;
  /** Of the prompt: read before and kept. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
}

/** A model that can be called. */
export interface CallableModel {
  /** @throws ApiError where the request asks for something that the model cannot do */
  answer(request: AnswerRequest, signal: AbortSignal): AsyncGenerator<AnswerPart, AnswerEnd, void>;
}

/** The model of a step of a training. */
export interface TunedModelPlace {
  readonly modelDir: string;
  readonly step: number;
}

/** What trains a family of base models, and answers for them and for their tuned models. */
export interface Engine {
  /** Names of the base models that can be trained and called now. */
  baseModels(): readonly string[];
  /** Trainings that compute at a time; the others wait for their turn, an epoch each. */
  readonly slots: number;
  /**
   * Decides every `auto`.
   *
   * @throws ApiError 400 that names what the engine does not know
   */
  decide(requested: RequestedHyperparameters, examples: number): Hyperparameters;
  /** Reads a well-formed file for what only the engine knows, such as rows that are too long; undefined = nothing to add. */
  validate(file: NamedFile, base: string, hyperparameters: RequestedHyperparameters): Promise<Validation | undefined>;
  /** Starts a training, or resumes one that an earlier process has left in its folder. */
  train(task: TrainingTask, listener: TrainingListener): Training;
  /** Makes a base model (`tuned` is null) or a tuned one callable. */
  publish(base: string, tuned: TunedModelPlace | null): CallableModel;
  /** Takes a tuned model out of memory and removes its files. */
  unpublish(base: string, tuned: TunedModelPlace): Promise<void>;
  /** Stops all that runs for it. */
  close(): Promise<void>;
}

/** The engines of a trainer: the base model's name chooses. */
export class Engines {
  readonly #engines: readonly Engine[];

  constructor(engines: readonly Engine[]) {
    this.#engines = engines;
  }

  baseModels(): string[] {
    return this.#engines.flatMap((engine) => engine.baseModels());
  }

  /** Undefined for a model that no engine has, or not any more. */
  find(base: string): Engine | undefined {
    return this.#engines.find((engine) => engine.baseModels().includes(base));
  }

  async close(): Promise<void> {
    await Promise.all(this.#engines.map((engine) => engine.close()));
  }
}
