import type { RowIssue } from '../core/dataset/issue.ts';
import { parseLogRow } from './log-row.ts';
import type { Place, SourceItem } from './source.ts';

/** The item for a value in the shape of a log row, with the issues that were found while reading it. */
export function itemOf(value: unknown, place: Place, found: readonly RowIssue[] = []): SourceItem {
  const parsed = parseLogRow(value, place);
  if ('refused' in parsed) {
    const { refused: issue, detail } = parsed;
    return { kind: 'refused', issue, place, ...(detail === undefined ? {} : { detail }) };
  }
  const issues = found.length === 0 ? parsed.issues : [...found, ...parsed.issues];
  return 'row' in parsed ? { kind: 'row', row: parsed.row, issues } : { kind: 'actual', actual: parsed.actual, issues };
}
