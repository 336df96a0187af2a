import { isRecord } from '@tuneloop/app/internal/shared/json-body';

/**
 * A whole completion as the events of a streamed one, for applications that ask for a stream from a server without one.
 *
 * @param includeUsage whether the application has asked for `stream_options.include_usage`
 */
export function asEvents(completion: Readonly<Record<string, unknown>>, includeUsage: boolean): string {
  const { id, created, model, service_tier, system_fingerprint, choices, usage } = completion;
  const head = { id, object: 'chat.completion.chunk', created, model, service_tier, system_fingerprint };
  const rest = includeUsage ? { usage: null } : {};
  const chunks: object[] = [];
  for (const choice of Array.isArray(choices) ? choices.filter(isRecord) : []) {
    const { index, message, logprobs = null, finish_reason } = choice;
    chunks.push(
      { ...head, choices: [{ index, delta: message, logprobs, finish_reason: null }], ...rest },
      { ...head, choices: [{ index, delta: {}, logprobs: null, finish_reason }], ...rest },
    );
  }
  if (includeUsage) chunks.push({ ...head, choices: [], usage });
  return [...chunks.map((chunk) => JSON.stringify(chunk)), '[DONE]'].map((data) => `data: ${data}\n\n`).join('');
}
