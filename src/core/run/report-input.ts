import type { ArtifactRef } from './artifact-ref.ts';
import type { Candidate } from './plan.ts';
import type { RunFindings } from './run-result.ts';

export interface WriteReportInput {
  definition: ArtifactRef;
  /** The parts of a report, except those that only this activity knows. */
  summary: Omit<RunFindings, 'reportPath'>;
  manifest: ArtifactRef;
  /** The judging rows, and the answers of winner and baseline to them. */
  judged: { examples: ArtifactRef; winner: ArtifactRef | null; baseline: ArtifactRef | null };
  /** The jobs whose losses the report shows. */
  jobs: { candidate: string; jobId: string; plannedEpochs: number; stoppedAfterEpoch: number | null }[];
  /** The settings of the winner, for the plans of later runs. */
  winner: Candidate | null;
}
