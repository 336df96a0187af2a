import path from 'node:path';
import { z } from 'zod';
import { readEnvironment } from '../config/environment.ts';
import { TuneloopError } from '../errors.ts';
import { compareRuns, type RunComparison, type WinnerScores } from '../report/compare-runs.ts';
import { plainLine } from '../report/format.ts';
import { readLines } from '../storage/lines.ts';
import { runFolder } from '../storage/run-folder.ts';
import { EXIT } from './exit-codes.ts';
import { printResult } from './output.ts';
import { readReport } from './report.ts';
import { alignColumns } from './run-table.ts';

/** `compare RUN RUN`: what the second run has found that the first had not. Needs the runs' folders, and no server. */
export async function compare(first: string, second: string, { json }: { json?: boolean }): Promise<number> {
  const [before, after] = [await readRun(first), await readRun(second)];
  const comparison = compareRuns(before.report, after.report, { first: before.scores, second: after.scores });
  printResult(json, comparison, () => textOf(comparison));
  return EXIT.ok;
}

async function readRun(id: string) {
  const folder = runFolder(readEnvironment().home, id);
  return { report: await readReport(id, folder), scores: await readScores(path.join(folder, 'scores.jsonl')) };
}

const scoreLine = z.object({ id: z.string(), winner: z.number().nullable() });

/** Scores of the winner. Rows whose id is not theirs alone cannot be told apart, and are left out. */
async function readScores(file: string): Promise<WinnerScores> {
  const scores = new Map<string, number>();
  const seen = new Set<string>();
  let line = 0;
  try {
    for await (const bytes of readLines(file)) {
      line += 1;
      const { id, winner } = scoreLine.parse(JSON.parse(bytes.toString('utf8')));
      if (seen.has(id)) scores.delete(id);
      else if (winner !== null) scores.set(id, winner);
      seen.add(id);
    }
  } catch (error) {
    const isRead = error instanceof SyntaxError || error instanceof z.ZodError;
    const what = isRead ? `line ${line} is no score of a row` : `it cannot be read (${error})`;
    throw new TuneloopError('REPORT_UNREADABLE', `${file}: ${what}: restore the file, or make a new run`);
  }
  return scores;
}

function textOf({ runs, changes, figures }: RunComparison): string {
  const rows = figures.map(({ name, first, second }) => [name, first, second].map(plainLine));
  return [...changes.map(plainLine), '', alignColumns([['', ...runs.map(plainLine)], ...rows])].join('\n');
}
