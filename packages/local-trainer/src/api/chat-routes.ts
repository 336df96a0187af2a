import { Readable } from 'node:stream';
import { ApiError, errorBody } from '@tuneloop/app/internal/shared/api-error';
import type { FastifyPluginAsync } from 'fastify';
import type { AnswerEnd, AnswerPart, TokenLogprob } from '../engine.ts';
import type { CompletionStore } from '../stores/completion-store.ts';
import { ChatChunks, type ChatCompletion, chatCompletion, tokensOf } from './chat-completion.ts';
import { type ChatRequest, parseChatRequest } from './chat-request.ts';
import type { ModelRegistry } from './models.ts';

type Answer = AsyncGenerator<AnswerPart, AnswerEnd, void>;

/** `POST /v1/chat/completions`. */
export function chatRoutes(models: ModelRegistry, store: CompletionStore): FastifyPluginAsync {
  return async (app) => {
    app.post('/chat/completions', async ({ body }, reply) => {
      const request = parseChatRequest(body);
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      const answer = models.load(request.model).answer(request.answer, gone.signal);
      const keep = (completion: ChatCompletion) => {
        if (request.storedAs !== null) store.add(completion, request.storedAs, request.answer.messages);
      };
      if (request.stream === undefined) {
        const completion = await whole(request.model, answer);
        keep(completion);
        return completion;
      }
      // The first part is awaited, so that a request that cannot be answered gets an error with its status.
      const first = await answer.next();
      return reply.type('text/event-stream').send(Readable.from(streamed(request, first, answer, keep)));
    });
  };
}

async function whole(model: string, answer: Answer): Promise<ChatCompletion> {
  let text = '';
  const logprobs: TokenLogprob[] = [];
  for (;;) {
    const { value, done } = await answer.next();
    if (done === true) return chatCompletion(model, text, value.finishReason, tokensOf(value), logprobs);
    text += value.text;
    logprobs.push(...(value.logprobs ?? []));
  }
}

async function* streamed(
  { model, stream }: ChatRequest,
  first: IteratorResult<AnswerPart, AnswerEnd>,
  rest: Answer,
  keep: (completion: ChatCompletion) => void,
): AsyncGenerator<string, void, void> {
  const chunks = new ChatChunks(model, stream?.usage === true);
  yield chunks.first();
  let text = '';
  try {
    for (let next = first; ; next = await rest.next()) {
      if (next.done === true) {
        keep(chatCompletion(model, text, next.value.finishReason, tokensOf(next.value)));
        yield chunks.end(next.value);
        return;
      }
      text += next.value.text;
      yield chunks.part(next.value);
    }
  } catch (error) {
    // The status has been sent: the error is the last event, as clients expect it.
    const { message, param, code } =
      error instanceof ApiError ? error : { message: 'The server had an error.', param: null, code: null };
    yield `data: ${JSON.stringify(errorBody(500, message, param, code))}\n\n`;
  } finally {
    await rest.return(undefined as never);
  }
}
