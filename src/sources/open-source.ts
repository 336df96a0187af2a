import { createHash } from 'node:crypto';
import { z } from 'zod';
import { readDatabaseUrl } from '../config/environment.ts';
import type { Cursor } from '../core/run/snapshot.ts';
import type { RowFilter, SourceChoice } from '../core/run/source-choice.ts';
import { TuneloopError } from '../errors.ts';
import type { Provider } from '../providers/provider.ts';
import type { StoredLog } from '../providers/stored-log.ts';
import { csvReader } from './csv.ts';
import { FileSource } from './file-source.ts';
import { jsonlReader } from './jsonl.ts';
import { fromLangfuse } from './langfuse.ts';
import { PostgresSource } from './postgres.ts';
import { accepts } from './row-filter.ts';
import type { Reading, Source, SourceItem } from './source.ts';
import { StoredCompletionsSource } from './stored-completions.ts';

export interface SourceDependencies {
  /** Asked for only where the source lies with the provider. */
  provider(): Pick<Provider, 'profile' | 'storedLog'>;
  env?: NodeJS.ProcessEnv;
}

/**
 * The source that a pipeline names, paths resolved: its rows that pass the filter (but for `min_quality`, since ratings may
 * come later), and then the answers and ratings of the `actuals` files.
 *
 * @throws TuneloopError ENVIRONMENT_INVALID where the address of its database is missing
 */
export function openSource(choice: SourceChoice, dependencies: SourceDependencies): Source {
  const actuals = choice.actuals === undefined ? null : new FileSource(choice.actuals, jsonlReader());
  return new FilteredSource(choice, openRows(choice, dependencies), actuals);
}

function storedLogOf({ profile, storedLog }: Pick<Provider, 'profile' | 'storedLog'>): StoredLog {
  if (storedLog) return storedLog;
  throw new TuneloopError(
    'PIPELINE_INVALID',
    `the provider ${profile.name} keeps no completions: give source another type than stored-completions`,
  );
}

function openRows(choice: SourceChoice, { provider, env }: SourceDependencies): Source {
  switch (choice.type) {
    case 'jsonl':
      return new FileSource(choice.path, jsonlReader());
    case 'csv':
      return new FileSource(choice.path, csvReader(choice.columns));
    case 'langfuse':
      return new FileSource(choice.path, jsonlReader(fromLangfuse));
    case 'postgres': {
      const { query, cursor, columns } = choice;
      return new PostgresSource({ url: readDatabaseUrl(choice.urlEnv, env), query, cursorColumn: cursor, columns });
    }
    case 'stored-completions':
      return new StoredCompletionsSource(storedLogOf(provider()), choice.filter ?? {});
  }
}

const inner = z.looseObject({ type: z.string() });
const cursorSchema = z.object({ type: z.string(), choice: z.string(), rows: inner, actuals: inner.nullable() });

/** A source with its filter and its later answers. Another configuration makes everything be read anew. */
class FilteredSource implements Source {
  readonly #type: string;
  readonly #filter: RowFilter;
  /** Hash of the configuration. */
  readonly #choice: string;
  readonly #rows: Source;
  readonly #actuals: Source | null;

  constructor(choice: SourceChoice, rows: Source, actuals: Source | null) {
    this.#type = choice.type;
    this.#filter = choice.filter ?? {};
    this.#choice = createHash('sha256').update(JSON.stringify(choice)).digest('hex');
    this.#rows = rows;
    this.#actuals = actuals;
  }

  async describe(): Promise<string[]> {
    return [...(await this.#rows.describe()), ...((await this.#actuals?.describe()) ?? [])];
  }

  async read(since: Cursor | null, signal: AbortSignal): Promise<Reading> {
    const cursor = cursorSchema.safeParse(since).data;
    const before = cursor?.choice === this.#choice ? cursor : null;
    let rows = await this.#rows.read(before?.rows ?? null, signal);
    let actuals = (await this.#actuals?.read(before?.actuals ?? null, signal)) ?? null;
    // What was read before is thrown away as a whole.
    if (actuals?.anew && !rows.anew) rows = await this.#rows.read(null, signal);
    if (rows.anew && actuals && !actuals.anew) actuals = (await this.#actuals?.read(null, signal)) ?? null;
    return {
      anew: since !== null && (before === null || rows.anew || actuals?.anew === true),
      items: this.#items(rows, actuals, signal),
      cursor: () => ({
        type: this.#type,
        choice: this.#choice,
        rows: rows.cursor(),
        actuals: actuals?.cursor() ?? null,
      }),
    };
  }

  async *#items(rows: Reading, actuals: Reading | null, signal: AbortSignal): AsyncGenerator<SourceItem> {
    for await (const item of rows.items) {
      signal.throwIfAborted();
      if (item.kind !== 'row' || accepts(this.#filter, item.row)) yield item;
    }
    for await (const item of actuals?.items ?? []) {
      signal.throwIfAborted();
      if (item.kind === 'row') yield* answerOf(item);
      else yield item;
    }
  }
}

/** A log row among later answers is one by its `actual` or its rating; without them it says nothing. */
function* answerOf({ row, issues }: Extract<SourceItem, { kind: 'row' }>): Generator<SourceItem> {
  const { id, actual, actualBy, quality, timestamp } = row;
  if (actual === undefined && quality === undefined) return;
  yield {
    kind: 'actual',
    actual: {
      id,
      ...(actual === undefined ? {} : { actual }),
      ...(quality === undefined ? {} : { quality }),
      ...(actualBy === undefined ? {} : { by: actualBy }),
      ...(timestamp === undefined ? {} : { timestamp }),
    },
    issues,
  };
}
