/** The part of a client of chat completions that a call needs. The client of the `openai` package fits. */
export interface ChatClient {
  chat: {
    completions: {
      create(request: ChatCompletionRequest, options: ChatRequestOptions): PromiseLike<ChatCompletion>;
    };
  };
}

export interface ChatCompletionRequest {
  model: string;
  messages: { role: string; content?: unknown }[];
  temperature?: number | null;
  max_completion_tokens?: number | null;
}

export interface ChatRequestOptions {
  signal?: AbortSignal | null;
  /** Milliseconds. */
  timeout?: number;
  maxRetries?: number;
}

/** Every part may be missing, because some servers leave out parts that the protocol promises. */
export interface ChatCompletion {
  id?: string;
  model?: string;
  choices?: {
    message?: { content?: string | null; refusal?: string | null };
    finish_reason?: string | null;
  }[];
  usage?: { prompt_tokens: number; completion_tokens: number } | null;
}
