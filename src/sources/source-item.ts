import type { RowIssue } from '../core/dataset/issue.ts';
import { parseLogRow } from './log-row.ts';
import type { RowOptions } from './rows/row-options.ts';
import type { Place, SourceItem } from './source.ts';

/** The item for a value in the shape of a log row, with the issues that were found while reading it. */
export function itemOf(
  value: unknown,
  place: Place,
  found: readonly RowIssue[] = [],
  options: RowOptions = {},
): SourceItem {
  const parsed = parseLogRow(value, place, options);
  if ('refused' in parsed) {
    const { refused: issue, detail } = parsed;
    return { kind: 'refused', issue, place, ...(detail === undefined ? {} : { detail }) };
  }
  const issues = found.length === 0 ? parsed.issues : [...found, ...parsed.issues];
  const noted = { issues, ...(parsed.details ? { details: parsed.details } : {}) };
  return 'row' in parsed
    ? { kind: 'row', row: parsed.row, ...noted }
    : { kind: 'actual', actual: parsed.actual, ...noted };
}
