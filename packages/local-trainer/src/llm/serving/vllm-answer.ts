import { ApiError } from '@tuneloop/app/internal/shared/api-error';
import { isRecord } from '@tuneloop/app/internal/shared/json-body';
import type { AnswerEnd, AnswerPart, AnswerRequest, Constraint, TokenLogprob } from '../../engine.ts';
import type { VllmProcess } from './vllm-process.ts';

/**
 * An answer of vLLM. The request is written anew from the fields that are known, so that nothing else of vLLM's API can be
 * reached through it.
 */
export async function* answerOf(
  server: VllmProcess,
  model: string,
  request: AnswerRequest,
  signal: AbortSignal,
): AsyncGenerator<AnswerPart, AnswerEnd, void> {
  const response = await server.post('/v1/chat/completions', bodyOf(model, request), signal);
  if (!response.ok || response.body === null) throw refusal(response.status, await response.text());
  let finishReason: AnswerEnd['finishReason'] | undefined;
  let usage: Readonly<Record<string, unknown>> | undefined;
  for await (const chunk of events(server, response.body, signal)) {
    if (chunk.error !== undefined) throw refusal(500, JSON.stringify(chunk));
    if (isRecord(chunk.usage)) usage = chunk.usage;
    const choice: unknown = Array.isArray(chunk.choices) ? chunk.choices[0] : undefined;
    if (!isRecord(choice)) continue;
    const part = partOf(choice);
    if (part !== undefined) yield part;
    if (typeof choice.finish_reason === 'string') finishReason = choice.finish_reason === 'length' ? 'length' : 'stop';
  }
  if (finishReason === undefined || usage === undefined)
    throw await server.unreachable(new Error('the answer has no end'));
  const details = isRecord(usage.prompt_tokens_details) ? usage.prompt_tokens_details : {};
  return {
    finishReason,
    promptTokens: Number(usage.prompt_tokens),
    cachedTokens: Number(details.cached_tokens ?? 0),
    completionTokens: Number(usage.completion_tokens),
  };
}

function bodyOf(model: string, request: AnswerRequest) {
  const { temperature, topP, seed, stop, topLogprobs, mostTokens, constraint } = request;
  return {
    model,
    messages: request.messages.map(({ role, content }) => ({ role, content })),
    temperature,
    top_p: topP,
    stream: true,
    stream_options: { include_usage: true },
    ...(seed !== undefined && { seed }),
    ...(stop.length > 0 && { stop }),
    ...(Number.isFinite(mostTokens) && { max_completion_tokens: mostTokens }),
    ...(topLogprobs !== undefined && { logprobs: true, top_logprobs: topLogprobs }),
    ...(constraint && { structured_outputs: structured(constraint) }),
  };
}

function structured(constraint: Constraint) {
  if (constraint.kind === 'choice') return { choice: constraint.choices };
  return constraint.kind === 'json' ? { json_object: true } : { json: constraint.schema };
}

function partOf(choice: Readonly<Record<string, unknown>>): AnswerPart | undefined {
  const text = isRecord(choice.delta) && typeof choice.delta.content === 'string' ? choice.delta.content : '';
  const logprobs = isRecord(choice.logprobs) && Array.isArray(choice.logprobs.content) ? choice.logprobs.content : [];
  if (text === '' && logprobs.length === 0) return undefined;
  return logprobs.length > 0 ? { text, logprobs: logprobs as TokenLogprob[] } : { text };
}

/** The events of a stream, up to its end or `[DONE]`. */
async function* events(
  server: VllmProcess,
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Readonly<Record<string, unknown>>, void, void> {
  let rest = '';
  const decoder = new TextDecoder();
  try {
    for await (const bytes of body) {
      rest += decoder.decode(bytes, { stream: true });
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const data = line.startsWith('data:') ? line.slice(5).trim() : '';
        if (data === '[DONE]') return;
        if (data !== '') yield JSON.parse(data);
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    throw await server.unreachable(error);
  }
}

/** An error of vLLM in OpenAI's form. Its own codes are numbers. */
function refusal(status: number, text: string): ApiError {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  const error = isRecord(body) && isRecord(body.error) ? body.error : body;
  const message = isRecord(error) && typeof error.message === 'string' ? error.message : text.slice(0, 300);
  const param = isRecord(error) && typeof error.param === 'string' ? error.param : null;
  if (status === 400 && /maximum context length/i.test(message)) {
    return new ApiError(400, message, { param: 'messages', code: 'context_length_exceeded' });
  }
  if (status === 401 || status === 403 || status === 404) {
    return new ApiError(500, `vLLM refused the request of this server (${status}): ${message}`);
  }
  return new ApiError(status, message, {
    param,
    code: isRecord(error) && typeof error.code === 'string' ? error.code : null,
  });
}
