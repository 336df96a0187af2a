import type OpenAI from 'openai';
import type { StoredCompletion, StoredLog, StoredPage, StoredQuery } from '../stored-log.ts';
import type { OpenAIApi } from './api.ts';

/** Entries of a page, the most that the protocol allows. */
const STORED_PAGE = 100;

/** Stored chat completions by the OpenAI protocol. */
export class OpenAIStoredLog implements StoredLog {
  readonly address: string;
  readonly #api: OpenAIApi;

  constructor(api: OpenAIApi) {
    this.address = api.address;
    this.#api = api;
  }

  listCompletions({ after, model, metadata, signal }: StoredQuery): Promise<StoredPage> {
    return this.#api.call(async () => {
      const page = await this.#api.client.chat.completions.list(
        {
          order: 'asc',
          limit: STORED_PAGE,
          ...(after === undefined ? {} : { after }),
          ...(model === undefined ? {} : { model }),
          ...(metadata === undefined ? {} : { metadata }),
        },
        { signal },
      );
      // An empty page is the last one, whatever the server says, because it names no position to continue from.
      return { completions: page.data.map(toStored), more: page.has_more && page.data.length > 0 };
    });
  }

  listMessages(id: string, signal: AbortSignal): Promise<unknown[]> {
    return this.#api.call(async () => {
      const messages: unknown[] = [];
      const pages = this.#api.client.chat.completions.messages.list(
        id,
        { order: 'asc', limit: STORED_PAGE },
        { signal },
      );
      for await (const { role, content, content_parts: parts } of pages) {
        messages.push({ role, content: content ?? parts ?? null });
      }
      return messages;
    });
  }
}

function toStored(completion: OpenAI.ChatCompletion & { metadata?: Record<string, string> | null }): StoredCompletion {
  const { id, created, model, choices, usage, metadata } = completion;
  const [choice] = choices;
  const isText = choice?.finish_reason === 'stop' && typeof choice.message.content === 'string';
  return {
    id,
    createdAt: created,
    model,
    completion: isText ? choice.message.content : completion,
    usage: usage ? { promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens } : null,
    metadata: metadata ?? {},
  };
}
