import path from 'node:path';
import { markdownReport } from '../report/markdown-report.ts';
import type { RunResult } from '../report/run-result.ts';
import { runFolder, writeFileAtomically } from '../storage/run-folder.ts';
import { currentWorkflowId, type Dependencies } from './dependencies.ts';

/** Writes report.json and report.md into the run's folder and returns the path of the one that people read. */
export function createWriteReport({ home }: Dependencies) {
  return async (summary: Omit<RunResult, 'reportPath'>): Promise<{ reportPath: string }> => {
    const folder = runFolder(home, currentWorkflowId());
    const reportPath = path.join(folder, 'report.md');
    const result: RunResult = { ...summary, reportPath };
    await writeFileAtomically(path.join(folder, 'report.json'), `${JSON.stringify(result, null, 2)}\n`);
    await writeFileAtomically(reportPath, markdownReport(result));
    return { reportPath };
  };
}
