import { createHash } from 'node:crypto';
import { z } from 'zod';
import { placeText } from '../core/dataset/issue.ts';
import type { Cursor } from '../core/run/snapshot.ts';
import { onScale, type RatingScale, type RowFilter, type SourceChoice } from '../core/run/source-choice.ts';
import { TuneloopError } from '../errors.ts';
import { jsonlReader } from './containers/jsonl.ts';
import { FileSource } from './file-source.ts';
import { SOURCE_KINDS } from './kinds/index.ts';
import type { SourceDependencies } from './kinds/kind.ts';
import { accepts } from './row-filter.ts';
import type { RowOptions } from './rows/row-options.ts';
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
  const { filter = {}, quality, timestamp_format: format, ignore } = choice;
  const rows: RowOptions = {
    qualityField: quality?.field,
    timestampFormat: typeof format === 'string' ? format : undefined,
    ignore: Array.isArray(ignore) ? ignore : undefined,
  };
  return kindOf(choice).open(choice, { ...dependencies, filter, rows });
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
  readonly #rating: RatingScale;
  /** Hash of the configuration. */
  readonly #choice: string;
  readonly #rows: Source;
  readonly #actuals: Source | null;

  constructor(choice: SourceChoice, rows: Source, actuals: Source | null) {
    this.#type = choice.type;
    this.#filter = choice.filter ?? {};
    this.#rating = choice.quality ?? {};
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
      if (item.kind === 'row' && !accepts(this.#filter, item.row)) continue;
      const rated = withRating(item, this.#rating);
      if (rated) yield rated;
    }
    for await (const item of actuals?.items ?? []) {
      signal.throwIfAborted();
      const rated = withRating(item, this.#rating);
      if (rated?.kind === 'row') yield* answerOf(rated);
      else if (rated) yield rated;
    }
  }
}

/**
 * The item with its rating from 0 to 1; undefined for a score of another name.
 *
 * @throws TuneloopError SOURCE_ROW_INVALID where the rating is not on the scale: the best of one scale is the worst of another
 */
function withRating(item: SourceItem, { field, scale }: RatingScale): SourceItem | undefined {
  if (item.kind === 'refused') return item;
  const rated = item.kind === 'row' ? item.row : item.actual;
  if (rated.quality === undefined) return item;
  const score = item.kind === 'actual' ? SCORE.exec(item.actual.by ?? '')?.[1] : undefined;
  if (field !== undefined && score !== undefined && score !== field) {
    delete rated.quality;
    return item.kind === 'actual' && item.actual.actual === undefined ? undefined : item;
  }
  const quality = onScale(rated.quality, scale);
  if (quality >= 0 && quality <= 1) {
    rated.quality = quality;
    return item;
  }
  const place = item.kind === 'row' ? placeText(item.row) : `the rating of the row ${item.actual.id}`;
  const name = field ?? score ?? 'quality';
  const wanted = scale ? `its scale [${scale.join(', ')}]` : '0 to 1, so that its scale has to be named';
  throw new TuneloopError(
    'SOURCE_ROW_INVALID',
    `${place}: ${name} is outside ${wanted}: write source.quality: { field: ${name}, scale: [worst, best] }, for example scale: [1, 5]`,
  );
}

/** Scores of Langfuse say their name. */
const SCORE = /^langfuse:(.*)$/s;

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
