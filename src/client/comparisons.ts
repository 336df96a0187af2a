import path from 'node:path';
import { z } from 'zod';
import type { Environment } from '../config/environment.ts';
import { TuneloopError } from '../errors.ts';
import { compareRuns, type RunComparison, type WinnerScores } from '../report/compare-runs.ts';
import { readLines } from '../stores/lines.ts';
import { runFolder } from '../stores/run-folder.ts';
import { readReport } from './reports.ts';

/**
 * The differences of the second run's findings from the first's. Reads the runs' folders below the home folder, and asks no server.
 *
 * @throws TuneloopError RUN_NOT_FOUND where a report is missing, REPORT_UNREADABLE
 */
export async function compareReports({ home }: Environment, first: string, second: string): Promise<RunComparison> {
  const [before, after] = [await readRun(home, first), await readRun(home, second)];
  return compareRuns(before.report, after.report, { first: before.scores, second: after.scores });
}

async function readRun(home: string, id: string) {
  const folder = runFolder(home, id);
  return { report: await readReport(id, folder), scores: await readScores(path.join(folder, 'scores.jsonl')) };
}

const scoreLine = z.object({ id: z.string(), winner: z.number().nullable() });

/** Scores of the winner. Rows that share an id cannot be told apart, and are left out. */
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
