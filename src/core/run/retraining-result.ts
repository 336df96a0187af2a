import type { RunResult } from './run-result.ts';

/** The result of one look at the data. */
export interface RetrainingResult {
  pipeline: string;
  outcome: 'skipped' | 'trained';
  /** The reason to train, or why there is none. */
  reason: string;
  /** The newest data at the time of the look. */
  datasetVersion: string;
  /** The result of the run; null without a run. */
  run: Pick<RunResult, 'runId' | 'recommendation' | 'reason' | 'promotion' | 'decision' | 'reportPath'> | null;
}
