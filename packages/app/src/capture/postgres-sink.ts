import { TuneloopError } from '../errors.ts';
import type { CapturedCall } from './record.ts';
import { type CapturedActual, type CaptureSink, createSink, type LineWriter, type SinkOptions } from './sink.ts';

export type PostgresOptions = SinkOptions & {
  /** Made if it does not exist. Default `tuneloop_log`. */
  table?: string;
} & (
    | {
        /** postgres://user:password@host/database; needs the package `pg`. */
        url: string;
        pool?: never;
      }
    | {
        /** Instead of an address: a pool of the application, which the application ends. */
        pool: PostgresPool;
        url?: never;
      }
  );

/** The part of a pool of connections that the sink needs; `Pool` of the package `pg` fits. */
export interface PostgresPool {
  connect(): Promise<PostgresConnection>;
}

export interface PostgresConnection {
  query(text: string, values?: unknown[]): Promise<unknown>;
  /** Gives the connection back to its pool; with `true`, as a broken one. */
  release(broken?: boolean): void;
}

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Inserts calls into a table that `source: { type: postgres, query: 'select * from tuneloop_log', cursor: timestamp }` reads. An existing
 * call is left alone, and an answer may come before its call.
 */
export function postgresSink({ url, pool, table = 'tuneloop_log', ...options }: PostgresOptions): CaptureSink {
  return createSink(new PostgresWriter(pool ? givenPool(pool) : () => openPool(url), table), options);
}

interface EndablePool extends PostgresPool {
  end(): Promise<void>;
}

/** @param pool its owner ends it, not the sink. */
function givenPool(pool: PostgresPool): () => Promise<EndablePool> {
  return async () => ({ connect: () => pool.connect(), end: async () => {} });
}

/** @throws TuneloopError PACKAGE_MISSING where `pg` is not installed. */
async function openPool(url: string): Promise<EndablePool> {
  const { default: pg } = await import('pg').catch((error: unknown): never => {
    throw new TuneloopError(
      'PACKAGE_MISSING',
      `postgresSink with a url needs the package pg: npm install pg, or give a pool (${String(error).split('\n', 1)})`,
    );
  });
  // One connection, which keeps the process alive while it is used and no longer.
  const pool = new pg.Pool({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    max: 1,
    allowExitOnIdle: true,
  });
  // Events of a broken connection, which would end the process. A write learns of it by its own error.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

class PostgresWriter implements LineWriter {
  readonly #open: () => Promise<EndablePool>;
  readonly #table: string;
  #pool: EndablePool | undefined;
  #hasTable = false;

  constructor(open: () => Promise<EndablePool>, table: string) {
    this.#open = open;
    this.#table = `"${table.replaceAll('"', '""')}"`;
  }

  async write(calls: readonly CapturedCall[], actuals: readonly CapturedActual[]): Promise<void> {
    this.#pool ??= await this.#open();
    const client = await this.#pool.connect();
    try {
      if (!this.#hasTable) await client.query(this.#createTable());
      this.#hasTable = true;
      await client.query('begin');
      if (calls.length > 0) await client.query(this.#insertCalls(), [JSON.stringify(calls.map(asColumns))]);
      for (const { actual_for, actual, quality, by } of actuals) {
        await client.query(this.#insertActual(), [actual_for, actual ?? null, quality ?? null, by ?? null]);
      }
      await client.query('commit');
      client.release();
    } catch (error) {
      // The connection itself may be broken: the next attempt makes a new one, and looks for the table again.
      this.#hasTable = false;
      client.release(true);
      throw error;
    }
  }

  async close(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    await pool?.end();
  }

  #createTable(): string {
    return `create table if not exists ${this.#table} (
      id text primary key, timestamp timestamptz, messages jsonb, completion text, actual text, actual_by text,
      quality real, model text, prompt_tokens integer, completion_tokens integer, latency_ms real,
      finish_reason text, metadata jsonb)`;
  }

  #insertCalls(): string {
    const columns =
      'id, timestamp, messages, completion, model, prompt_tokens, completion_tokens, latency_ms, finish_reason, metadata';
    const filled = columns
      .split(', ')
      .slice(1)
      .map((column) => `${column} = coalesce(${this.#table}.${column}, excluded.${column})`);
    return `insert into ${this.#table} (${columns})
      select distinct on (id) ${columns} from jsonb_to_recordset($1::jsonb) as calls(id text, timestamp timestamptz, messages jsonb,
        completion text, model text, prompt_tokens integer, completion_tokens integer, latency_ms real,
        finish_reason text, metadata jsonb)
      on conflict (id) do update set ${filled.join(', ')}`;
  }

  #insertActual(): string {
    return `insert into ${this.#table} (id, actual, quality, actual_by) values ($1, $2, $3, $4)
      on conflict (id) do update set actual = coalesce(excluded.actual, ${this.#table}.actual),
        quality = coalesce(excluded.quality, ${this.#table}.quality),
        actual_by = coalesce(excluded.actual_by, ${this.#table}.actual_by)`;
  }
}

/** Texts without NUL, which Postgres cannot hold. */
function asColumns({ usage, refusal, messages, completion, ...call }: CapturedCall): object {
  const columns = { ...call, ...usage, messages, completion: completion ?? refusal ?? null };
  return JSON.parse(JSON.stringify(columns).replaceAll('\\u0000', ''));
}
