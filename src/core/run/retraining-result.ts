import type { RunResult } from './run-result.ts';

/** What came of one look at the data. */
export interface RetrainingResult {
  pipeline: string;
  outcome: 'skipped' | 'trained';
  /** Why there was a reason to train, or none. */
  reason: string;
  /** The newest data that was looked at. */
  datasetVersion: string;
  /** What the run has found; null where none was made. */
  run: Pick<RunResult, 'runId' | 'recommendation' | 'reason' | 'promotion' | 'decision' | 'reportPath'> | null;
}
