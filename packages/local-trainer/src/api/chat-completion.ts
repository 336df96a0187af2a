import type { AnswerEnd, AnswerPart, TokenLogprob } from '../engine.ts';
import { newCompletionId } from '../ids.ts';

export type ChatCompletion = ReturnType<typeof chatCompletion>;

/** A completion as the API shows it. */
export function chatCompletion(
  model: string,
  text: string,
  finishReason: AnswerEnd['finishReason'],
  tokens: { readonly prompt: number; readonly cached?: number; readonly completion: number },
  logprobs: readonly TokenLogprob[] | null = null,
) {
  return {
    id: newCompletionId(),
    object: 'chat.completion',
    created: Math.floor(Date.now() / 1000),
    model,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: text, refusal: null, annotations: [] },
        logprobs: shown(logprobs),
        finish_reason: finishReason,
      },
    ],
    usage: usageOf(tokens),
    service_tier: 'default',
    system_fingerprint: 'fp_tuneloop',
  };
}

/** The chunks of a completion that is streamed. */
export class ChatChunks {
  readonly #head: { readonly id: string; readonly created: number; readonly model: string };
  readonly #usage: boolean;

  /** With `usage` a last chunk holds the tokens, and all others hold null in its place. */
  constructor(model: string, usage: boolean) {
    this.#head = { id: newCompletionId(), created: Math.floor(Date.now() / 1000), model };
    this.#usage = usage;
  }

  first(): string {
    return this.#chunk([
      { index: 0, delta: { role: 'assistant', content: '', refusal: null }, logprobs: null, finish_reason: null },
    ]);
  }

  part({ text, logprobs }: AnswerPart): string {
    return this.#chunk([{ index: 0, delta: { content: text }, logprobs: shown(logprobs), finish_reason: null }]);
  }

  end(end: AnswerEnd): string {
    const last = this.#chunk([{ index: 0, delta: {}, logprobs: null, finish_reason: end.finishReason }]);
    const usage = this.#usage ? this.#chunk([], usageOf(tokensOf(end))) : '';
    return `${last}${usage}data: [DONE]\n\n`;
  }

  #chunk(choices: readonly object[], usage: object | null = null): string {
    const chunk = {
      ...this.#head,
      object: 'chat.completion.chunk',
      service_tier: 'default',
      system_fingerprint: 'fp_tuneloop',
      choices,
      ...(this.#usage && { usage }),
    };
    return `data: ${JSON.stringify(chunk)}\n\n`;
  }
}

function shown(logprobs: readonly TokenLogprob[] | null | undefined) {
  return logprobs && logprobs.length > 0 ? { content: logprobs, refusal: null } : null;
}

/** The tokens of an answer, as the API counts them. */
export function tokensOf({ promptTokens, cachedTokens, completionTokens }: AnswerEnd) {
  return { prompt: promptTokens, cached: cachedTokens, completion: completionTokens };
}

function usageOf(tokens: { readonly prompt: number; readonly cached?: number; readonly completion: number }) {
  return {
    prompt_tokens: tokens.prompt,
    completion_tokens: tokens.completion,
    total_tokens: tokens.prompt + tokens.completion,
    prompt_tokens_details: { cached_tokens: tokens.cached ?? 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}
