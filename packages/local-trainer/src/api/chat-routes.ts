import { invalid } from '@tuneloop/app/internal/shared/api-error';
import { isRecord } from '@tuneloop/app/internal/shared/json-body';
import type { FastifyPluginAsync } from 'fastify';
import { z } from 'zod';
import type { AnswerEnd, AnswerRequest, CallableModel } from '../engine.ts';
import { contentText } from '../jobs/training-file.ts';
import type { CompletionStore } from '../stores/completion-store.ts';
import type { CountedMessage } from '../tokens.ts';
import { chatCompletion } from './chat-completion.ts';
import { type Metadata, metadataSchema } from './metadata.ts';
import type { ModelRegistry } from './models.ts';
import { parseBody } from './request-body.ts';

const storedFields = z.object({ metadata: metadataSchema });

/** A request for a completion, with the parts that a local model can follow; all other parameters are accepted and ignored. */
interface ChatRequest {
  readonly model: string;
  readonly answer: AnswerRequest;
  /** Labels to keep the completion under; null where it is not to be kept. */
  readonly storedAs: Metadata | null;
}

/** `POST /v1/chat/completions`. */
export function chatRoutes(models: ModelRegistry, store: CompletionStore): FastifyPluginAsync {
  return async (app) => {
    app.post('/chat/completions', async ({ body }, reply) => {
      const request = parseChatRequest(body);
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      const { text, end } = await whole(models.load(request.model), request.answer, gone.signal);
      const completion = chatCompletion(request.model, text, end.finishReason, {
        prompt: end.promptTokens,
        cached: end.cachedTokens,
        completion: end.completionTokens,
      });
      if (request.storedAs !== null) store.add(completion, request.storedAs, request.answer.messages);
      return completion;
    });
  };
}

async function whole(
  model: CallableModel,
  request: AnswerRequest,
  signal: AbortSignal,
): Promise<{ text: string; end: AnswerEnd }> {
  const parts = model.answer(request, signal);
  let text = '';
  for (;;) {
    const { value, done } = await parts.next();
    if (done === true) return { text, end: value };
    text += value.text;
  }
}

function parseChatRequest(body: unknown): ChatRequest {
  const request = isRecord(body) ? body : {};
  const { model, messages, stream, n, store, metadata } = request;
  if (typeof model !== 'string' || model === '') throw invalid('model', 'you must provide a model parameter');
  if (!Array.isArray(messages) || messages.length === 0) {
    throw invalid('messages', "Invalid 'messages': expected a list that is not empty.", 'invalid_value');
  }
  if (stream === true) {
    throw invalid(
      'stream',
      'This server does not stream yet: send the request with stream: false.',
      'unsupported_value',
    );
  }
  if (n !== undefined && n !== null && n !== 1) {
    throw invalid('n', 'This server gives one choice: leave n out or set it to 1.', 'unsupported_value');
  }
  return {
    model,
    answer: {
      messages: messages.map(parseMessage),
      mostTokens: tokenLimit(request),
      temperature: 1,
      topP: 1,
      seed: undefined,
      stop: [],
      constraint: undefined,
      topLogprobs: undefined,
    },
    storedAs: store === true ? (parseBody(storedFields, { metadata }).metadata ?? {}) : null,
  };
}

function parseMessage(message: unknown, at: number): CountedMessage {
  if (!isRecord(message) || typeof message.role !== 'string') {
    throw invalid(
      `messages[${at}].role`,
      `Invalid 'messages[${at}]': expected an object with a role.`,
      'invalid_value',
    );
  }
  const content = message.content === null || message.content === undefined ? '' : contentText(message.content);
  if (content === undefined) {
    throw invalid(
      `messages[${at}].content`,
      `Invalid 'messages[${at}].content': expected a string or parts of type text.`,
      'invalid_value',
    );
  }
  return { role: message.role, content };
}

function tokenLimit(request: Readonly<Record<string, unknown>>): number {
  for (const param of ['max_completion_tokens', 'max_tokens']) {
    const limit = request[param];
    if (limit === undefined || limit === null) continue;
    if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 1) {
      throw invalid(param, `Invalid '${param}': expected an integer from 1.`, 'invalid_value');
    }
    return limit;
  }
  return Number.POSITIVE_INFINITY;
}
