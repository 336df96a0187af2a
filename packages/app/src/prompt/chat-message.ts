/** One message of a prompt, as chat completions know it. */
export interface Message {
  role: 'system' | 'developer' | 'user' | 'assistant' | 'tool';
  content: string;
}

/** What a provider charges a call by, in tokens. */
export interface TokenUsage {
  promptTokens: number;
  completionTokens: number;
}
