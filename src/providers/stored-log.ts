/**
 * The port for completions that a provider has kept (`store: true`). Every call is made once: a failure is thrown as a
 * {@link ProviderError}.
 *
 * An implementation has to keep the rules of `tuneloop/testing` (`src/testing/stored-log.ts`).
 */
export interface StoredLog {
  /** The address of the completions, for people and for cursors; no credentials. */
  readonly address: string;
  /**
   * A page of the completions of this account, oldest first.
   *
   * @throws ProviderError with status 400 or 404 where `after` names no completion (any more)
   */
  listCompletions(query: StoredQuery): Promise<StoredPage>;
  /** The messages that a stored completion has answered, in their order and without the answer. */
  listMessages(id: string, signal: AbortSignal): Promise<unknown[]>;
}

export interface StoredQuery {
  /** Id of the completion before the page; undefined begins with the oldest. */
  after: string | undefined;
  model?: string | undefined;
  /** Pairs that the completion was stored with. A server may not know this filter, nor the one by model. */
  metadata?: Record<string, string> | undefined;
  signal: AbortSignal;
}

export interface StoredPage {
  completions: StoredCompletion[];
  /** Whether more completions follow. */
  more: boolean;
}

export interface StoredCompletion {
  id: string;
  /** Unix seconds. */
  createdAt: number;
  model: string;
  /** Text, or the whole response if it is cut off, a refusal, or a call of a tool. */
  completion: unknown;
  usage: { promptTokens: number; completionTokens: number } | null;
  metadata: Record<string, string>;
}
