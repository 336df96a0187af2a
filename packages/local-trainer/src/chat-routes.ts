import { invalid } from '@tuneloop/app/internal/shared/api-error';
import { isRecord } from '@tuneloop/app/internal/shared/json-body';
import type { FastifyPluginAsync } from 'fastify';
import { z } from 'zod';
import { chatCompletion } from './chat-completion.ts';
import type { CompletionStore } from './completion-store.ts';
import { type Metadata, metadataSchema } from './metadata.ts';
import type { CallableModel, ModelRegistry } from './models.ts';
import { answerFromPrompt } from './prompted.ts';
import { parseBody } from './request-body.ts';
import { type CountedMessage, chatTokens, truncated } from './tokens.ts';
import { contentText } from './training-file.ts';

const storedFields = z.object({ metadata: metadataSchema });

/** A request for a completion, with the parts that a local model can follow; all other parameters are accepted and ignored. */
interface ChatRequest {
  readonly model: string;
  readonly messages: readonly CountedMessage[];
  /** Tokens the answer may have. */
  readonly mostTokens: number;
  /** Labels to keep the completion under; null where it is not to be kept. */
  readonly storedAs: Metadata | null;
}

/** `POST /v1/chat/completions`. */
export function chatRoutes(models: ModelRegistry, store: CompletionStore): FastifyPluginAsync {
  return async (app) => {
    app.post('/chat/completions', async ({ body }) => {
      const request = parseChatRequest(body);
      const { text, tokens, cut } = truncated(answer(models.load(request.model), request.messages), request.mostTokens);
      const completion = chatCompletion(request.model, text, cut ? 'length' : 'stop', {
        prompt: chatTokens(request.messages),
        completion: tokens,
      });
      if (request.storedAs !== null) store.add(completion, request.storedAs, request.messages);
      return completion;
    });
  };
}

function answer(callable: CallableModel, messages: readonly CountedMessage[]): string {
  if (callable.kind === 'base') return answerFromPrompt(callable.base, messages);
  const asked = messages.findLast(({ role }) => role === 'user') ?? messages[messages.length - 1];
  return callable.model.answer(asked?.content ?? '');
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
    messages: messages.map(parseMessage),
    mostTokens: tokenLimit(request),
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
