import type { Message } from '@tuneloop/app/internal/prompt/chat-message';
import type { Completion } from '../core/evaluation/completion.ts';
import type { Constraint } from '../core/evaluation/constraint.ts';

/**
 * The port for asking models. Every call is made once: a failure is thrown as a {@link ProviderError}, whose `retryable` says
 * whether the same call may succeed later.
 *
 * An implementation has to keep the rules of `tuneloop/testing` (`src/testing/inference.ts`).
 */
export interface Inference {
  /** The address of the models, for people and as a part of the key of a stored answer; no credentials. */
  readonly address: string;
  /** Fields of every question, from `provider.options`; a part of the key of a stored answer. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** All models that can be called or tuned, with the day on which the provider switches each off. */
  listModels(): Promise<Model[]>;
  /**
   * Asks a model for one answer, without randomness.
   *
   * @throws ProviderError with status 404 where there is no such model, or where it cannot be called yet
   */
  complete(request: CompletionRequest): Promise<Completion>;
}

export interface Model {
  id: string;
  /** The day on which the provider will switch it off, if it says so. */
  shutdownDate: Date | null;
}

export interface CompletionRequest {
  model: string;
  /** What to call the model by, where a serving lease gives it another name. */
  callAs?: string | undefined;
  messages: readonly Message[];
  maxOutputTokens?: number | undefined;
  /** One that the provider's profile has; a part of the key of a stored answer. */
  constraint?: Constraint | undefined;
  signal?: AbortSignal | undefined;
}
