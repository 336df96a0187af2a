import { createHash } from 'node:crypto';
import { Socket } from 'node:net';
import pg, { type FieldDef } from 'pg';
import PgCursor from 'pg-cursor';
import { z } from 'zod';
import type { Cursor } from '../core/run/snapshot.ts';
import type { ColumnNames } from '../core/run/source-choice.ts';
import { redactMessage } from '../core/text/redaction.ts';
import { TuneloopError } from '../errors.ts';
import { type Cells, Columns } from './columns.ts';
import type { Reading, Source, SourceItem } from './source.ts';

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`. */
  url: string;
  /** A SELECT of one row a call. */
  query: string;
  /** A column that only grows and is never null. */
  cursorColumn?: string | undefined;
  columns: ColumnNames;
}

const BATCH_ROWS = 1000;
const CONNECT_TIMEOUT_MS = 15_000;
/** At most this many rows with the last value of the cursor column are told apart; with more, all is read anew. */
const MOST_AT_LAST_VALUE = 10_000;

/** Of a source, in characters. */
const LONGEST_NAME = 200;

interface Batch {
  fields: FieldDef[];
  rows: Cells[];
}

const cursorSchema = z.object({
  type: z.literal('postgres'),
  last: z.object({ value: z.string(), rows: z.array(z.string()) }).nullable(),
});

/**
 * The rows of a query, by a cursor on the server, in one read-only transaction: rows that are written meanwhile are for the next reading.
 *
 * With a cursor column a reading continues from the last value; rows that had this value are known by their id, or by all of their cells
 * where they have none. A row that comes later with a lower value is never read. Without a cursor column, each reading is anew.
 */
export class PostgresSource implements Source {
  readonly #options: PostgresOptions;

  constructor(options: PostgresOptions) {
    this.#options = options;
  }

  async describe(): Promise<string[]> {
    const { url, query } = this.#options;
    const { host, port, database } = new pg.Client({ connectionString: url });
    return [redactMessage(`${host}:${port}/${database}: ${query.trim().replace(/\s+/g, ' ')}`, [url], LONGEST_NAME)];
  }

  async read(since: Cursor | null, signal: AbortSignal): Promise<Reading> {
    const before = since === null ? null : (cursorSchema.safeParse(since).data?.last ?? null);
    const position = new Position(this.#options.cursorColumn === undefined ? null : before);
    return {
      anew: since !== null && position.value === null,
      items: this.#items(position, signal),
      cursor: () => ({ type: 'postgres', last: position.last }),
    };
  }

  async *#items(position: Position, signal: AbortSignal): AsyncGenerator<SourceItem> {
    const { cursorColumn, columns: names } = this.#options;
    let columns: Columns | undefined;
    let line = 0;
    for await (const { fields, rows } of this.#batches(position.value, signal)) {
      // The last one is the cursor column as text.
      columns ??= new Columns(
        names,
        fields.slice(0, -1).map(({ name }) => name),
        'the query of the source',
      );
      for (const row of rows) {
        line += 1;
        const value = row.at(-1) ?? null;
        const cells = row.slice(0, -1);
        const identity = hashOf([columns.id(cells) ?? cells]);
        if (cursorColumn !== undefined && !position.move(value, identity)) continue;
        yield columns.item(cells, { line }, identity);
      }
    }
  }

  /** @param from - the value of the cursor column to begin with; null reads everything */
  async *#batches(from: string | null, signal: AbortSignal): AsyncGenerator<Batch> {
    signal.throwIfAborted();
    // Held here, because the client only asks a connection to end, which takes as long as the pending query.
    const socket = new Socket();
    const client = new pg.Client({
      connectionString: this.#options.url,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      application_name: 'tuneloop',
      keepAlive: true,
      stream: () => socket,
    });
    // Only this listener hears of a connection that breaks between two questions; the next question then fails.
    client.on('error', () => {});
    const cut = () => void socket.destroy();
    signal.addEventListener('abort', cut);
    try {
      await client.connect();
      yield* this.#fetched(client, from);
      await client.end();
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof TuneloopError ? error : problemOf(error, client, this.#options.url);
    } finally {
      signal.removeEventListener('abort', cut);
      cut();
    }
  }

  async *#fetched(client: pg.Client, from: string | null): AsyncGenerator<Batch> {
    await watchForLostClient(client);
    await client.query('begin transaction isolation level repeatable read read only');
    await client.query("set local timezone to 'UTC'; set local datestyle to 'ISO, YMD'");
    const { text, values } = this.#statement(from);
    // All cells as texts, because the column and not its type decides what is JSON or a number.
    const types = { getTypeParser: () => String };
    const cursor = client.query(new PgCursor<Cells>(text, values, { rowMode: 'array', types }));
    for (;;) {
      const batch = await nextBatch(cursor);
      yield batch;
      if (batch.rows.length < BATCH_ROWS) return;
    }
  }

  #statement(from: string | null): { text: string; values: string[] } {
    const { query, cursorColumn } = this.#options;
    // On a line of its own, because the query may end in a comment.
    const source = `from (\n${query.trim().replace(/;$/, '')}\n) as source`;
    if (cursorColumn === undefined) return { text: `select source.*, null ${source}`, values: [] };
    const column = `source."${cursorColumn.replaceAll('"', '""')}"`;
    return {
      text: `select source.*, ${column}::text ${source} ${from === null ? '' : `where ${column} >= $1`} order by ${column}`,
      values: from === null ? [] : [from],
    };
  }
}

/** Lets the server end a query whose client is gone; before version 14 it finishes the query. */
async function watchForLostClient(client: pg.Client): Promise<void> {
  const isKnown = "current_setting('server_version_num')::int >= 140000";
  // Not available on every system; nothing else depends on it.
  await client
    .query(`select set_config('client_connection_check_interval', '2s', false) where ${isKnown}`)
    .catch((error: unknown) => {
      if (!(error instanceof pg.DatabaseError)) throw error;
    });
}

function nextBatch(cursor: PgCursor<Cells>): Promise<Batch> {
  return new Promise((resolve, reject) => {
    cursor.read(BATCH_ROWS, (error, rows, result) =>
      error ? reject(error) : resolve({ fields: result.fields, rows }),
    );
  });
}

/**
 * The error without row content and credentials. `SOURCE_UNREACHABLE` is for errors that may pass by themselves: no connection, a server
 * that starts, stops or has no place left (classes 08, 53 and 57P of PostgreSQL's codes).
 */
function problemOf(error: unknown, client: pg.Client, url: string): TuneloopError {
  const clean = (text: string) => redactMessage(text, [url, client.password ?? '']);
  const where = `${client.host}:${client.port}`;
  if (!(error instanceof pg.DatabaseError)) {
    return new TuneloopError(
      'SOURCE_UNREACHABLE',
      clean(`the database at ${where} cannot be reached (${reasonOf(error)})`),
    );
  }
  const { code = '', hint } = error;
  // Errors about data quote it.
  const message = code.startsWith('22') ? error.message.replace(/["«].*$/s, '...') : error.message;
  if (/^(08|53|57P)/.test(code)) {
    return new TuneloopError('SOURCE_UNREACHABLE', clean(`the database at ${where} cannot serve now (${message})`));
  }
  const problem = `the database at ${where} refused source.query: ${message}${hint ? ` (${hint})` : ''}`;
  return new TuneloopError('SOURCE_UNREADABLE', clean(problem));
}

/** A host with several addresses fails with an error for each. */
function reasonOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error);
  if ('errors' in error && Array.isArray(error.errors) && error.errors.length > 0) return reasonOf(error.errors[0]);
  if ('code' in error && typeof error.code === 'string') return error.code;
  return 'message' in error ? String(error.message) : String(error);
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 32);
}

/** The greatest value of the cursor column so far, and the rows that have it. */
class Position {
  readonly #known: ReadonlySet<string>;
  #value: string | null;
  #rows: string[];

  constructor(before: { value: string; rows: string[] } | null) {
    this.#value = before?.value ?? null;
    this.#rows = before?.rows ?? [];
    this.#known = new Set(this.#rows);
  }

  /** Null reads everything. */
  get value(): string | null {
    return this.#value;
  }

  /** The state for the cursor of the source; null where nothing was read, or where too many rows share a value. */
  get last(): { value: string; rows: string[] } | null {
    if (this.#value === null || this.#rows.length > MOST_AT_LAST_VALUE) return null;
    return { value: this.#value, rows: this.#rows };
  }

  /**
   * Advances to a row.
   *
   * @returns whether it is new
   * @throws TuneloopError SOURCE_UNREADABLE where its value is null
   */
  move(value: string | null, row: string): boolean {
    if (value === null) {
      throw new TuneloopError(
        'SOURCE_UNREADABLE',
        'a row has no value in the column of source.cursor, so that later runs could not find it: name a column that has one in every row',
      );
    }
    if (value !== this.#value) {
      this.#value = value;
      this.#rows = [];
    } else if (this.#known.has(row)) {
      return false;
    }
    if (this.#rows.length <= MOST_AT_LAST_VALUE) this.#rows.push(row);
    return true;
  }
}
