import {
  ApplicationFailure,
  CancellationScope,
  defineQuery,
  executeChild,
  isCancellation,
  proxyActivities,
  rootCause,
  setCurrentDetails,
  setHandler,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { JobOutcome } from '../activities/await-job.ts';
import type { Activities } from '../activities/create-activities.ts';
import type { PlannedCandidate } from '../activities/plan.ts';
import { selectWinner } from '../evaluation/selection.ts';
import type { RunResult } from '../report/run-result.ts';
import { type CandidateOutcome, contendersOf, summarizeRun, verdictOf } from '../report/summarize-run.ts';
import type { ArtifactRef } from '../storage/artifact-store.ts';
import { EVALUATION, LOCAL_STEP, PREFLIGHT, UPLOAD } from './activity-options.ts';
import { fineTuningJob } from './fine-tuning-job.ts';
import { jobWorkflowId } from './ids.ts';
import { type CandidateProgress, type RunProgress, renderProgress, type Stage } from './progress.ts';
import { BEST_SCORE, STAGE, WINNER } from './search-attributes.ts';

export interface FineTuningPipelineInput {
  /**
   * The checked pipeline, as stored by the client. A reference and not the text, so that starting a workflow is not
   * enough to name a path or an address.
   */
  definition: ArtifactRef;
}

export const progressQuery = defineQuery<RunProgress>('progress');

const { loadPipeline, collect, prepare, writeReport } = proxyActivities<Activities>(LOCAL_STEP);
const { plan } = proxyActivities<Activities>(PREFLIGHT);
const { uploadFile } = proxyActivities<Activities>(UPLOAD);
const { evaluateModel, evaluateRecorded } = proxyActivities<Activities>(EVALUATION);

/** The whole run: from the production log to a winner and a report. */
export async function fineTuningPipeline({ definition }: FineTuningPipelineInput): Promise<RunResult> {
  const runId = workflowInfo().workflowId;
  const progress: RunProgress = {
    stage: 'collect',
    dataset: null,
    estimate: null,
    candidates: [],
    winner: null,
    verdict: null,
  };
  setHandler(progressQuery, () => progress, { description: 'The stage of this run and of each of its candidates' });
  const show = () => setCurrentDetails(renderProgress(progress));
  const enter = (stage: Stage) => {
    progress.stage = stage;
    upsertSearchAttributes([{ key: STAGE, value: stage }]);
    show();
  };
  const update = (id: string, change: Partial<CandidateProgress>) => {
    progress.candidates = progress.candidates.map((candidate) =>
      candidate.id === id ? { ...candidate, ...change } : candidate,
    );
    show();
  };

  enter('collect');
  const pipeline = await loadPipeline.executeWithOptions({ summary: 'the pipeline of this run' }, [{ definition }]);
  const snapshot = await collect.executeWithOptions({ summary: 'read the production log' }, [{ definition }]);

  enter('prepare');
  const dataset = await prepare.executeWithOptions({ summary: `strip, clean, split ${snapshot.rows.rows} rows` }, [
    { definition, snapshot },
  ]);
  const { validation, test } = dataset.examples;
  progress.dataset = dataset.text;

  enter('plan');
  const { candidates, estimate } = await plan.executeWithOptions({ summary: 'candidates and their cost' }, [
    { definition, dataset },
  ]);
  progress.estimate = estimate.text;
  progress.candidates = candidates.map(({ id }) => ({
    id,
    stage: 'waiting',
    score: null,
    costPer1kUsd: null,
    p95Ms: null,
    note: null,
  }));

  enter('upload');
  const [trainingFile, validationFile] = await Promise.all([
    uploadFile.executeWithOptions({ summary: 'training file' }, [
      { definition, role: 'train', file: dataset.files.train },
    ]),
    uploadFile.executeWithOptions({ summary: 'validation file' }, [
      { definition, role: 'validation', file: dataset.files.validation },
    ]),
  ]);

  const train = async (candidate: PlannedCandidate): Promise<CandidateOutcome> => {
    update(candidate.id, { stage: 'training' });
    const job = await runJob(candidate);
    update(candidate.id, job.state === 'succeeded' ? { stage: 'trained' } : { stage: job.state, note: job.reason });
    return { candidate, job, evaluation: null, evaluationFailure: null };
  };
  const runJob = async (candidate: PlannedCandidate): Promise<JobOutcome> => {
    try {
      return await executeChild(fineTuningJob, {
        workflowId: jobWorkflowId(runId, candidate.id),
        args: [{ definition, candidate, trainingFile, validationFile }],
        staticSummary: candidate.id,
        staticDetails: `Trains ${candidate.baseModel} for the run ${runId}`,
        cancellationType: 'WAIT_CANCELLATION_COMPLETED',
        // Where this run is terminated, its jobs must not go on to cost money.
        parentClosePolicy: 'REQUEST_CANCEL',
      });
    } catch (error) {
      // A single job that a person cancelled is a lost candidate, and not the end of the run.
      if (CancellationScope.current().consideredCancelled) throw error;
      const state = isCancellation(error) ? 'cancelled' : 'failed';
      return { state, jobId: null, reason: rootCause(error) ?? 'the job failed' };
    }
  };

  enter('train');
  // All settled, so that a cancelled run ends only when each of its jobs has been cancelled.
  const settled = await Promise.allSettled(candidates.map(train));
  const outcomes = settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
  refuseIfAllFailed(
    'no candidate survived its training',
    outcomes.map(({ job }) => (job.state === 'succeeded' ? null : job.reason)),
  );

  const tuned = ({ baseModel }: PlannedCandidate, model: string) => ({ kind: 'tuned', model, baseModel }) as const;

  enter('evaluate');
  // One after another, so that every candidate meets the same load and their latencies can be compared.
  for (const outcome of outcomes) {
    const { candidate, job } = outcome;
    if (job.state !== 'succeeded') continue;
    update(candidate.id, { stage: 'evaluating' });
    try {
      outcome.evaluation = await evaluateModel.executeWithOptions(
        { summary: `${candidate.id} on ${validation.rows} validation rows` },
        [
          {
            definition,
            name: `${candidate.id}-validation`,
            subject: tuned(candidate, job.model),
            examples: validation,
          },
        ],
      );
      const { score, costPer1kUsd, p95Ms } = outcome.evaluation;
      update(candidate.id, { stage: 'evaluated', score, costPer1kUsd, p95Ms });
    } catch (error) {
      if (isCancellation(error)) throw error;
      outcome.evaluationFailure = rootCause(error) ?? 'the evaluation failed';
      update(candidate.id, { stage: 'failed', note: outcome.evaluationFailure });
    }
  }
  refuseIfAllFailed(
    'no candidate survived its evaluation',
    outcomes.map(({ evaluation, evaluationFailure }) =>
      evaluation ? null : (evaluationFailure ?? 'its training failed'),
    ),
  );

  enter('select');
  const selection = selectWinner(contendersOf(outcomes), pipeline.selection);
  const winner = outcomes.find(({ candidate }) => candidate.id === selection.winner);
  progress.winner = selection.winner;
  for (const [id, note] of Object.entries(selection.rejected)) update(id, { note });
  if (winner?.evaluation) {
    upsertSearchAttributes([
      { key: WINNER, value: winner.candidate.id },
      { key: BEST_SCORE, value: winner.evaluation.score },
    ]);
  }
  // Winner and baseline meet on the test rows, which chose nothing; without any, the baseline is put to validation.
  const judged = test.rows > 0 ? test : validation;
  const winnerOnTest =
    winner?.job.state === 'succeeded' && test.rows > 0
      ? await evaluateModel.executeWithOptions({ summary: `winner on ${test.rows} test rows` }, [
          { definition, name: 'winner-test', subject: tuned(winner.candidate, winner.job.model), examples: test },
        ])
      : null;
  const baseline =
    pipeline.evaluation.baseline === 'recorded'
      ? await evaluateRecorded.executeWithOptions({ summary: 'baseline as the log has it' }, [
          { definition, examples: judged, otherwise: validation },
        ])
      : await evaluateModel.executeWithOptions({ summary: `baseline on ${judged.rows} rows, original prompt` }, [
          {
            definition,
            name: 'baseline',
            subject: { kind: 'prompted', model: pipeline.evaluation.baseline.live, template: dataset.template },
            examples: judged,
          },
        ]);

  enter('report');
  const summary = summarizeRun({ runId, pipeline, dataset, estimate, outcomes, selection, winnerOnTest, baseline });
  const { reportPath } = await writeReport.executeWithOptions({ summary: 'report.json and report.md' }, [summary]);
  const result: RunResult = { ...summary, reportPath };
  progress.verdict = verdictOf(result);
  upsertMemo({ result: { winner: result.winner, test: result.test, savingPercent: result.savingPercent, reportPath } });
  enter('done');
  return result;
}

/** Ends the run if there is nothing left to go on with. `failures` holds null for each candidate that is still in. */
function refuseIfAllFailed(what: string, failures: readonly (string | null)[]): void {
  if (failures.includes(null)) return;
  const reasons = [...new Set(failures)].join('; ').slice(0, 1000);
  throw ApplicationFailure.nonRetryable(`${what}: ${reasons}`, 'ALL_CANDIDATES_FAILED');
}
