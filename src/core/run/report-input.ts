import type { ArtifactRef } from './artifact-ref.ts';
import type { Candidate } from './plan.ts';
import type { RunFindings } from './run-result.ts';

export interface WriteReportInput {
  definition: ArtifactRef;
  /** All but what only this activity knows. */
  summary: Omit<RunFindings, 'reportPath'>;
  manifest: ArtifactRef;
  /** The rows that judged, and what winner and baseline have answered to them. */
  judged: { examples: ArtifactRef; winner: ArtifactRef | null; baseline: ArtifactRef | null };
  /** The jobs whose losses are shown. */
  jobs: { candidate: string; jobId: string; plannedEpochs: number; stoppedAfterEpoch: number | null }[];
  /** What won, for the plans of later runs. */
  winner: Candidate | null;
}
