import { newCompletionId } from '../ids.ts';

export type ChatCompletion = ReturnType<typeof chatCompletion>;

/** A completion as the API shows it. */
export function chatCompletion(
  model: string,
  text: string,
  finishReason: 'stop' | 'length',
  tokens: { readonly prompt: number; readonly cached?: number; readonly completion: number },
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
        logprobs: null,
        finish_reason: finishReason,
      },
    ],
    usage: {
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
    },
    service_tier: 'default',
    system_fingerprint: 'fp_tuneloop',
  };
}
