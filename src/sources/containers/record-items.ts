import type { RowIssue } from '../../core/dataset/issue.ts';
import { shapeRecord } from '../formats/index.ts';
import type { RowOptions } from '../rows/row-options.ts';
import type { Place, SourceItem } from '../source.ts';
import { itemOf } from '../source-item.ts';

/** How the records of files are read. */
export interface RecordOptions extends RowOptions {
  /** The name of a format; found by itself where it is absent. */
  format?: string | undefined;
}

/** The items of one record of a file: none, one, or one for each call that it holds. */
export function* itemsOfRecord(
  record: unknown,
  place: Place,
  found: readonly RowIssue[],
  options: RecordOptions,
): Generator<SourceItem> {
  const { format, rows } = shapeRecord(record, options.format);
  for (const row of rows) {
    const item = itemOf(row, place, found, options);
    yield item.kind === 'row' ? { ...item, format } : item;
  }
}
