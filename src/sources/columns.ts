import type { RowIssue } from '../core/dataset/issue.ts';
import type { ColumnNames } from '../core/run/source-choice.ts';
import { TuneloopError } from '../errors.ts';
import { readJsonLine } from './json-line.ts';
import { readPythonLiteral } from './rows/python-literal.ts';
import { numberOf } from './rows/read-optional.ts';
import type { RowOptions } from './rows/row-options.ts';
import type { Place, SourceItem } from './source.ts';
import { itemOf } from './source-item.ts';

/** A row of a table as texts, in the order of its columns. */
export type Cells = readonly (string | null)[];

type Key = keyof ColumnNames;

const KEYS: readonly Key[] = [
  'id',
  'timestamp',
  'messages',
  'prompt',
  'completion',
  'actual',
  'quality',
  'model',
  'prompt_tokens',
  'completion_tokens',
  'latency_ms',
  'metadata',
];

/** Finds the keys of a log row among the columns of a table, whose cells are texts or null. */
export class Columns {
  readonly #indexes: ReadonlyMap<Key, number>;

  /**
   * @param place - the table, for the error
   * @throws TuneloopError SOURCE_COLUMNS for a missing column that was named, or that every call needs
   */
  constructor(names: ColumnNames, present: readonly string[], place: string) {
    const missing = KEYS.map((key) => names[key]).filter((name) => name !== undefined && !present.includes(name));
    const there = `there are ${present.map((name) => JSON.stringify(name)).join(', ')}`;
    if (missing.length > 0) {
      throw new TuneloopError('SOURCE_COLUMNS', `${place} has no column ${missing.join(', ')}: ${there}`);
    }
    const found = KEYS.map((key): [Key, number] => [key, present.indexOf(names[key] ?? key)]);
    this.#indexes = new Map(found.filter(([, index]) => index !== -1));
    if (!this.#indexes.has('messages') && !this.#indexes.has('prompt')) {
      throw new TuneloopError(
        'SOURCE_COLUMNS',
        `${place} has neither a column messages nor prompt: name it under source.columns; ${there}`,
      );
    }
  }

  /** The id of a row as it is in the table; undefined where it has none. */
  id(cells: Cells): string | undefined {
    return this.#cell(cells, 'id');
  }

  /** The value of a table's row in the shape of a log row; empty cells mean nothing. @param id - for rows that have none */
  item(cells: Cells, place: Place, id?: string, options: RowOptions = {}): SourceItem {
    const value: Record<string, unknown> = id === undefined ? {} : { id };
    const usage: Record<string, unknown> = {};
    const issues: RowIssue[] = [];
    for (const key of this.#indexes.keys()) {
      const cell = this.#cell(cells, key);
      if (cell === undefined) continue;
      if (key === 'messages' || key === 'metadata') {
        const read = readJsonLine(Buffer.from(cell), false);
        const printed = 'refused' in read && read.refused === 'broken-json' ? readPythonLiteral(cell) : undefined;
        if ('refused' in read && printed === undefined) {
          const detail = `the column ${key} has to hold JSON`;
          if (key === 'messages') return { kind: 'refused', issue: read.refused, place, detail };
          // The row goes on without its metadata.
          value[key] = cell;
          continue;
        }
        if ('issues' in read) issues.push(...read.issues);
        value[key] = 'value' in read ? read.value : printed;
      } else if (key === 'prompt_tokens' || key === 'completion_tokens') {
        usage[key] = numberOf(cell) ?? cell;
      } else if (key === 'quality' || key === 'latency_ms') {
        value[key] = numberOf(cell) ?? cell;
      } else {
        value[key] = cell;
      }
    }
    // Half a usage means nothing.
    if (Object.keys(usage).length === 2) value.usage = usage;
    return itemOf(value, place, issues, options);
  }

  #cell(cells: Cells, key: Key): string | undefined {
    const index = this.#indexes.get(key);
    return (index === undefined ? null : cells[index]) || undefined;
  }
}
