import { plainLine } from '../core/text/format.ts';
import type { RunComparison } from '../report/compare-runs.ts';
import { EXIT } from './exit-codes.ts';
import { printResult } from './output.ts';
import { alignColumns } from './run-table.ts';
import { withTuneloop } from './session.ts';

/** `compare RUN RUN`: the differences of the second run's findings from the first's. Needs the runs' folders, and no server. */
export function compare(first: string, second: string, { json }: { json?: boolean }): Promise<number> {
  return withTuneloop(async ({ runs }) => {
    const comparison = await runs.compare(first, second);
    printResult(json, comparison, () => textOf(comparison));
    return EXIT.ok;
  });
}

function textOf({ runs, changes, figures }: RunComparison): string {
  const rows = figures.map(({ name, first, second }) => [name, first, second].map(plainLine));
  return [...changes.map(plainLine), '', alignColumns([['', ...runs.map(plainLine)], ...rows])].join('\n');
}
