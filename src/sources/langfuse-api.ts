import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Cursor } from '../core/run/snapshot.ts';
import { TuneloopError } from '../errors.ts';
import { itemsOfRecord, type RecordOptions } from './containers/record-items.ts';
import type { Reading, Source, SourceItem } from './source.ts';

const PAGE_ROWS = 100;
const MOST_ATTEMPTS = 4;
/** Seconds before the second attempt; each further wait is three times as long. */
const FIRST_WAIT = 0.2;
/** Milliseconds. */
const LONGEST_WAIT = 60_000;
/** Observations arrive late by this much, so that a reading begins this long before the newest one that was seen. */
const OVERLAP_MS = 10 * 60_000;
/** The clock of Langfuse may be ahead of ours. */
const CLOCKS_DIFFER_MS = 24 * 3600_000;
/** Ids that are known from the overlap; older ones are forgotten. */
const MOST_KNOWN = 50_000;

const pageSchema = z.object({
  data: z.array(z.record(z.string(), z.unknown())),
  meta: z.object({ totalItems: z.number(), totalPages: z.number() }),
});

/** How far one list was read: the newest time, and the ids at or after the overlap before it. */
const positionSchema = z.object({ newest: z.string().nullable(), known: z.array(z.string()) });
type Position = z.output<typeof positionSchema>;
const cursorSchema = z.object({
  type: z.literal('langfuse-api'),
  observations: positionSchema,
  scores: positionSchema,
});

interface LangfuseApiOptions {
  /** Without the path of the API. */
  baseURL: string;
  publicKey: string;
  secretKey: string;
  rows: RecordOptions;
}

/** One list of the API, newest first. */
interface List {
  path: string;
  /** The parameters that set the earliest time, and the time before which records lie. */
  from: string;
  to: string;
  /** The field that holds the time. */
  time: string;
  parameters: Record<string, string>;
}

const OBSERVATIONS: List = {
  path: 'api/public/observations',
  from: 'fromStartTime',
  to: 'toStartTime',
  time: 'startTime',
  parameters: { type: 'GENERATION' },
};
const SCORES: List = {
  path: 'api/public/v2/scores',
  from: 'fromTimestamp',
  to: 'toTimestamp',
  time: 'timestamp',
  parameters: {},
};

/** Reads observations and scores through the public API of Langfuse: https://api.reference.langfuse.com. Later readings ask for what is newer. */
export class LangfuseApiSource implements Source {
  readonly #options: LangfuseApiOptions;

  constructor(options: LangfuseApiOptions) {
    this.#options = options;
  }

  async describe(): Promise<string[]> {
    return [`Langfuse at ${new URL(this.#options.baseURL).host}`];
  }

  async read(since: Cursor | null, signal: AbortSignal): Promise<Reading> {
    const before = cursorSchema.safeParse(since).data;
    const observations = positionFrom(before?.observations);
    const scores = positionFrom(before?.scores);
    return {
      anew: since !== null && before === undefined,
      items: this.#items([observations, scores], signal),
      cursor: () => ({
        type: 'langfuse-api',
        observations: observations.now(),
        scores: scores.now(),
      }),
    };
  }

  async *#items([observations, scores]: [Progress, Progress], signal: AbortSignal): AsyncGenerator<SourceItem> {
    let line = 0;
    for (const [list, progress] of [
      [OBSERVATIONS, observations],
      [SCORES, scores],
    ] as const) {
      for await (const record of this.#records(list, progress.from, signal)) {
        line += 1;
        if (!progress.takes(String(record.id), String(record[list.time] ?? ''))) continue;
        yield* itemsOfRecord(record, { line }, [], { ...this.#options.rows, format: 'langfuse' });
      }
    }
  }

  /** Oldest first. Records that come in late move the pages, so that these are read until none was added meanwhile. */
  async *#records(list: List, from: string | null, signal: AbortSignal): AsyncGenerator<Record<string, unknown>> {
    const until = new Date(Date.now() + CLOCKS_DIFFER_MS).toISOString();
    let items = -1;
    for (;;) {
      const { meta } = await this.#page(this.#address(list, from, until, 1), signal);
      if (meta.totalItems === items) return;
      items = meta.totalItems;
      for (let page = meta.totalPages; page >= 1; page -= 1) {
        const { data } = await this.#page(this.#address(list, from, until, page), signal);
        yield* data.toReversed();
      }
    }
  }

  #address(list: List, from: string | null, until: string, page: number): URL {
    const url = new URL(list.path, this.#options.baseURL.replace(/\/?$/, '/'));
    const parameters = { ...list.parameters, page: String(page), limit: String(PAGE_ROWS), [list.to]: until };
    for (const [key, value] of Object.entries(parameters)) url.searchParams.set(key, value);
    if (from !== null) url.searchParams.set(list.from, from);
    return url;
  }

  async #page(url: URL, signal: AbortSignal): Promise<z.output<typeof pageSchema>> {
    const { publicKey, secretKey } = this.#options;
    const authorization = `Basic ${Buffer.from(`${publicKey}:${secretKey}`).toString('base64')}`;
    for (let attempt = 1; ; attempt += 1) {
      signal.throwIfAborted();
      const response = await fetch(url, { headers: { authorization }, signal }).catch((error: unknown) => {
        signal.throwIfAborted();
        return error instanceof Error ? error : new Error('no answer');
      });
      if (!(response instanceof Error) && response.ok) return readPage(await response.json(), url);
      const status = response instanceof Error ? null : response.status;
      const mayPass = status === null || status === 429 || status >= 500;
      if (!mayPass || attempt === MOST_ATTEMPTS) throw unreadable(url, status);
      const asked = response instanceof Error ? null : response.headers.get('retry-after');
      const seconds = asked === null || Number.isNaN(Number(asked)) ? FIRST_WAIT * 3 ** (attempt - 1) : Number(asked);
      await sleep(Math.min(seconds * 1000, LONGEST_WAIT), undefined, { signal });
    }
  }
}

function readPage(body: unknown, url: URL): z.output<typeof pageSchema> {
  const page = pageSchema.safeParse(body);
  if (page.success) return page.data;
  throw new TuneloopError(
    'SOURCE_UNREADABLE',
    `${url.host}${url.pathname} has sent no page of data and meta: is it Langfuse?`,
  );
}

function unreadable(url: URL, status: number | null): TuneloopError {
  const reason =
    status === null
      ? 'cannot be reached'
      : status === 401 || status === 403
        ? `refuses the keys (HTTP ${status}): check the variables of source.publicKeyEnv and source.secretKeyEnv`
        : `has replied with HTTP ${status}`;
  return new TuneloopError('SOURCE_UNREADABLE', `${url.host}${url.pathname} ${reason}`);
}

interface Progress {
  /** The earliest time to ask for; null for everything. */
  from: string | null;
  /** Whether a record is new; it is known from then on. */
  takes(id: string, time: string): boolean;
  now(): Position;
}

function positionFrom(before: Position | undefined): Progress {
  const known = new Set(before?.known);
  const seen = new Map<string, string>();
  let newest = before?.newest ?? null;
  const earlier = newest === null ? null : new Date(Date.parse(newest) - OVERLAP_MS).toISOString();
  return {
    from: earlier,
    takes(id, time) {
      if (seen.has(id)) return false;
      seen.set(id, time);
      const at = Date.parse(time);
      if (!Number.isNaN(at) && (newest === null || at > Date.parse(newest))) newest = new Date(at).toISOString();
      return !known.has(id);
    },
    now() {
      const limit = newest === null ? Number.NEGATIVE_INFINITY : Date.parse(newest) - OVERLAP_MS;
      const recent = [...seen].filter(([, time]) => !(Date.parse(time) < limit)).map(([id]) => id);
      const kept = before?.newest === newest ? [...known, ...recent] : recent;
      return { newest, known: [...new Set(kept)].slice(-MOST_KNOWN) };
    },
  };
}
