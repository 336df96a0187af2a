import { proxyActivities, upsertMemo, upsertSearchAttributes } from '@temporalio/workflow';
import type { Activities } from '../../activities/create-activities.ts';
import { EVALUATION } from '../../contract/activity-options.ts';
import { VERDICT } from '../../contract/search-attributes.ts';
import type { ArtifactRef } from '../../core/run/artifact-ref.ts';
import type { CandidateOutcome, Contending } from '../../core/run/contenders.ts';
import type { WriteReportInput } from '../../core/run/report-input.ts';
import type { RunFindings, RunResult } from '../../core/run/run-result.ts';
import { type RunParts, summarizeRun } from '../../core/run/summarize-run.ts';
import { compareHalfData } from './half-data.ts';
import type { Pause } from './pause.ts';
import type { RunStatus } from './run-status.ts';

const { writeReport } = proxyActivities<Activities>(EVALUATION);

export interface RunReport {
  summary: Omit<RunFindings, 'reportPath'>;
  reportPath: string;
}

/** Puts the findings of the run together, and writes the report for people. */
export async function reportRun(
  definition: ArtifactRef,
  parts: Omit<RunParts, 'halfData'>,
  winner: Contending | null,
  pause: Pause,
): Promise<RunReport> {
  const { dataset, outcomes, tested } = parts;
  const contenders = outcomes.flatMap((outcome) => outcome.contenders);
  const summary = summarizeRun({ ...parts, halfData: await compareHalfData(definition, contenders) });
  const { reportPath } = await pause.around(() =>
    writeReport.executeWithOptions({ summary: 'report.html, report.md, report.json' }, [
      {
        definition,
        summary,
        manifest: dataset.manifest,
        judged: {
          examples: dataset.examples[tested.judgedOn],
          winner: tested.winner.evaluation?.predictions ?? null,
          baseline: tested.baseline.evaluation?.predictions ?? null,
        },
        jobs: outcomes.flatMap(jobShown),
        winner: winner?.candidate ?? null,
      },
    ]),
  );
  return { summary, reportPath };
}

/** A job whose losses the report shows; absent where no job was created. */
export function jobShown({ candidate, job, stop }: CandidateOutcome): WriteReportInput['jobs'] {
  if (!job.jobId) return [];
  const stoppedAfterEpoch = job.state === 'stopped' ? (stop?.afterEpoch ?? null) : null;
  const plannedEpochs = candidate.hyperparameters.epochs;
  return [{ candidate: candidate.id, jobId: job.jobId, plannedEpochs, stoppedAfterEpoch }];
}

/** Shows the verdict of a run, and the decision about its deployment, in the Web UI and in lists of runs. */
export function showVerdict(
  status: RunStatus,
  { summary: { winner, recommendation, reason }, reportPath }: RunReport,
  decision: RunResult['decision'],
): void {
  const deployed = decision ? ` Deployment: ${decision.kind}. ${decision.why}` : '';
  status.progress.verdict = `${recommendation}: ${reason}${deployed}`;
  upsertSearchAttributes([{ key: VERDICT, value: recommendation }]);
  upsertMemo({ result: { winner, recommendation, reason, reportPath, decision: decision?.kind ?? null } });
}
