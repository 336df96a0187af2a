import pMap from 'p-map';
import { z } from 'zod';
import type { Cursor } from '../core/run/snapshot.ts';
import type { RowFilter } from '../core/run/source-choice.ts';
import { ProviderError } from '../providers/provider-error.ts';
import type { StoredCompletion, StoredLog, StoredPage } from '../providers/stored-log.ts';
import { accepts } from './row-filter.ts';
import type { Reading, Source, SourceItem } from './source.ts';
import { itemOf } from './source-item.ts';

/** Requests for messages in flight. */
const CONCURRENCY = 8;
/** At most this many completions of the last second are told apart. */
const MOST_AT_LAST_SECOND = 1000;

const cursorSchema = z.object({
  type: z.literal('stored-completions'),
  /** The provider's address, because positions in one list mean nothing in another. */
  address: z.string(),
  last: z.object({ createdAt: z.number(), ids: z.array(z.string()).min(1) }).nullable(),
});

type Last = z.output<typeof cursorSchema>['last'];

/**
 * The chat completions that a provider keeps when a call says `store: true`. Each costs a request for its messages, so completions that the
 * filter leaves out are not requested.
 *
 * A reading continues after the last completion. If the provider has deleted that one meanwhile (OpenAI keeps them for 30 days), it begins
 * at the oldest remaining one and passes over those that are not newer: rows that were read before stay.
 */
export class StoredCompletionsSource implements Source {
  readonly #log: StoredLog;
  readonly #filter: RowFilter;

  constructor(log: StoredLog, filter: RowFilter) {
    this.#log = log;
    this.#filter = filter;
  }

  async describe(): Promise<string[]> {
    return [`stored completions of ${this.#log.address}`];
  }

  async read(since: Cursor | null, signal: AbortSignal): Promise<Reading> {
    const { address } = this.#log;
    const cursor = cursorSchema.safeParse(since).data;
    const before = cursor?.address === address ? cursor.last : null;
    const progress = { last: before };
    return {
      anew: since !== null && cursor?.address !== address,
      items: this.#items(before, progress, signal),
      cursor: () => ({ type: 'stored-completions', address, last: progress.last }),
    };
  }

  async *#items(before: Last, progress: { last: Last }, signal: AbortSignal): AsyncGenerator<SourceItem> {
    let line = 0;
    for await (const { completions } of this.#pages(before?.ids.at(-1), signal)) {
      const fresh = completions.filter((completion) => isAfter(completion, before));
      const wanted = fresh.filter((completion) => accepts(this.#filter, filteredBy(completion)));
      const prompts = await pMap(wanted, ({ id }) => this.#log.listMessages(id, signal), {
        concurrency: CONCURRENCY,
        signal,
      });
      for (const [index, completion] of wanted.entries()) {
        line += 1;
        yield itemOf(logRowOf(completion, prompts[index] ?? []), { line });
      }
      for (const completion of fresh) progress.last = moved(progress.last, completion);
    }
  }

  async *#pages(from: string | undefined, signal: AbortSignal): AsyncGenerator<StoredPage> {
    let page = await this.#firstPage(from, signal);
    for (;;) {
      yield page;
      if (!page.more) return;
      page = await this.#page(page.completions.at(-1)?.id, signal);
    }
  }

  async #firstPage(after: string | undefined, signal: AbortSignal): Promise<StoredPage> {
    try {
      return await this.#page(after, signal);
    } catch (error) {
      const isGone = error instanceof ProviderError && (error.status === 400 || error.status === 404);
      if (after === undefined || !isGone) throw error;
      return this.#page(undefined, signal);
    }
  }

  async #page(after: string | undefined, signal: AbortSignal): Promise<StoredPage> {
    const { models, metadata } = this.#filter;
    const model = models?.length === 1 ? models[0] : undefined;
    signal.throwIfAborted();
    try {
      return await this.#log.listCompletions({ after, model, metadata, signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  }
}

function filteredBy({ createdAt, model, metadata }: StoredCompletion) {
  return { timestamp: timestampOf(createdAt), model, metadata };
}

/** In the shape of a log's line. */
function logRowOf({ id, createdAt, model, completion, usage, metadata }: StoredCompletion, messages: unknown[]) {
  return {
    id,
    timestamp: timestampOf(createdAt),
    messages,
    completion,
    model,
    metadata,
    ...(usage ? { usage: { prompt_tokens: usage.promptTokens, completion_tokens: usage.completionTokens } } : {}),
  };
}

function timestampOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

function isAfter({ id, createdAt }: StoredCompletion, last: Last): boolean {
  if (last === null || createdAt > last.createdAt) return true;
  return createdAt === last.createdAt && !last.ids.includes(id);
}

function moved(last: Last, { id, createdAt }: StoredCompletion): Last {
  if (last === null || createdAt !== last.createdAt) return { createdAt, ids: [id] };
  return { createdAt, ids: [...last.ids, id].slice(-MOST_AT_LAST_SECOND) };
}
