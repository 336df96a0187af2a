import type { VerdictName } from '../data/rows/issue.ts';
import { parseLogRow } from './log-row.ts';
import type { Place, SourceItem } from './source.ts';

/** The item that a value in the shape of a log row becomes, with the verdicts that reading the value has found before. */
export function itemOf(value: unknown, place: Place, found: readonly VerdictName[] = []): SourceItem {
  const parsed = parseLogRow(value, place);
  if ('refused' in parsed) {
    const { refused: verdict, detail } = parsed;
    return { kind: 'refused', verdict, place, ...(detail === undefined ? {} : { detail }) };
  }
  const verdicts = found.length === 0 ? parsed.verdicts : [...found, ...parsed.verdicts];
  return 'row' in parsed
    ? { kind: 'row', row: parsed.row, verdicts }
    : { kind: 'actual', actual: parsed.actual, verdicts };
}
