import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Cursor } from '../core/run/snapshot.ts';
import type { RowFilter, SourceChoice } from '../core/run/source-choice.ts';
import { TuneloopError } from '../errors.ts';
import { FileSource } from './file-source.ts';
import { jsonlReader } from './jsonl.ts';
import { SOURCE_KINDS } from './kinds/index.ts';
import type { SourceDependencies } from './kinds/kind.ts';
import { accepts } from './row-filter.ts';
import type { Reading, Source, SourceItem } from './source.ts';

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

function openRows(choice: SourceChoice, dependencies: SourceDependencies): Source {
  return kindOf(choice).open(choice, { ...dependencies, filter: choice.filter ?? {} });
}

/** Where a person has to erase a row of a source that is not made of files; null for files, which are searched. */
export function whereToErase(choice: SourceChoice): string | null {
  return kindOf(choice).toErase(choice);
}

function kindOf({ type }: SourceChoice): (typeof SOURCE_KINDS)[number] {
  const kind = SOURCE_KINDS.find((each) => each.type === type);
  if (kind) return kind;
  throw new TuneloopError('PIPELINE_INVALID', `source.type is ${type}, and there is no such source`);
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
    // Everything that was read before is dropped.
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

/** A log row among later answers counts through its `actual` or its rating; without them it means nothing. */
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
