/** One message of a prompt, in the form of chat completions. */
export interface Message {
  role: 'system' | 'developer' | 'user' | 'assistant' | 'tool';
  content: string;
}

/** The tokens by which a provider charges a call. */
export interface TokenUsage {
  promptTokens: number;
  completionTokens: number;
  /** Of the prompt tokens those that the provider found in its cache; absent where it did not say. */
  cachedTokens?: number | undefined;
}
