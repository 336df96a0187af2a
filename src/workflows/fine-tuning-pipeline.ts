import {
  ApplicationFailure,
  defineQuery,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/create-activities.ts';
import type { EvaluateModelInput, Evaluation } from '../activities/evaluate-model.ts';
import type { PlannedCandidate } from '../activities/plan.ts';
import type { Treatment } from '../dataset/instructions/template.ts';
import { selectWinner } from '../evaluation/selection.ts';
import type { RunResult } from '../report/run-result.ts';
import { type CandidateOutcome, contendersOf, summarizeRun, verdictOf } from '../report/summarize-run.ts';
import type { ArtifactRef } from '../storage/artifact-store.ts';
import { EVALUATION, LOCAL_STEP, PREFLIGHT, UPLOAD } from './activity-options.ts';
import { endOf, reasonOf, wasCancelled } from './failure-reason.ts';
import { Pause } from './pause.ts';
import { type CandidateProgress, type RunProgress, renderProgress, type Stage } from './progress.ts';
import { type Reservation, RunBudget } from './run-budget.ts';
import { BEST_SCORE, STAGE, WINNER } from './search-attributes.ts';
import { trainCandidate, type UploadedFiles } from './train-candidate.ts';

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
export async function fineTuningPipeline(input: FineTuningPipelineInput): Promise<RunResult> {
  const held: { budget?: RunBudget } = {};
  try {
    return await run(input, held);
  } catch (error) {
    const end = endOf(error);
    if (!isCancellation(end)) await held.budget?.release();
    throw end;
  }
}

async function run({ definition }: FineTuningPipelineInput, held: { budget?: RunBudget }): Promise<RunResult> {
  const runId = workflowInfo().workflowId;
  const progress: RunProgress = {
    stage: 'collect',
    paused: null,
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
  const pause = new Pause((reason) => {
    progress.paused = reason;
    upsertSearchAttributes([{ key: STAGE, value: reason ? 'paused' : progress.stage }]);
    show();
  });
  const update = (id: string, change: Partial<CandidateProgress>) => {
    progress.candidates = progress.candidates.map((candidate) =>
      candidate.id === id ? { ...candidate, ...change } : candidate,
    );
    show();
  };

  enter('collect');
  const pipeline = await loadPipeline.executeWithOptions({ summary: 'the pipeline of this run' }, [{ definition }]);
  const snapshot = await pause.around(() =>
    collect.executeWithOptions({ summary: 'read the production log' }, [{ definition }]),
  );

  enter('prepare');
  const dataset = await pause.around(() =>
    prepare.executeWithOptions({ summary: `strip, clean, split ${snapshot.rows} rows` }, [{ definition, snapshot }]),
  );
  const { validation, test } = dataset.examples;
  progress.dataset = dataset.text;

  enter('plan');
  const { candidates, estimate, reserveFinal, monthly, warnings } = await pause.around(() =>
    plan.executeWithOptions({ summary: 'candidates and their cost' }, [{ definition, dataset }]),
  );
  progress.estimate = estimate.text;
  const budget = new RunBudget(pipeline.budget_usd ?? null, monthly);
  held.budget = budget;
  progress.candidates = candidates.map(({ id }) => ({
    id,
    stage: 'waiting',
    score: null,
    costPer1kUsd: null,
    p95Ms: null,
    note: null,
  }));

  // First of all what comes last, so that a run that has paid for its jobs can also judge them.
  const reservedFinal = await budget.reserve([
    { what: 'winner on the test rows', usd: reserveFinal.testUsd },
    { what: 'baseline', usd: reserveFinal.baselineUsd },
  ]);
  if ('refused' in reservedFinal) throw ApplicationFailure.nonRetryable(reservedFinal.refused, 'BUDGET_EXCEEDED');
  const [forTest, forBaseline] = reservedFinal;

  enter('upload');
  const upload = (role: 'train' | 'validation', file: ArtifactRef) =>
    pause.around(() => uploadFile.executeWithOptions({ summary: `${role} file` }, [{ definition, role, file }]));
  const files = new Map<Treatment, UploadedFiles>();
  for (const { treatment, train, validation } of dataset.files) {
    const [trainingFile, validationFile] = await Promise.all([
      upload('train', train),
      upload('validation', validation),
    ]);
    files.set(treatment, { trainingFile, validationFile });
  }

  enter('train');
  // All settled, so that a cancelled run ends only when each of its jobs has been cancelled.
  const job = { definition, runId, datasetVersion: dataset.summary.version };
  const training = { job, files, budget, pause, update };
  const settled = await Promise.allSettled(candidates.map((candidate) => trainCandidate(training, candidate)));
  const trained = settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
  refuseIfAllFailed(
    'no candidate survived its training',
    trained.map(({ job }) => (job.state === 'succeeded' ? null : job.reason)),
  );

  const { template } = dataset;
  const tuned = ({ baseModel, treatment }: PlannedCandidate, model: string) =>
    ({ kind: 'tuned', model, baseModel, treatment, template }) as const;
  const evaluate = async (
    summary: string,
    input: Omit<EvaluateModelInput, 'definition' | 'limitUsd'>,
    reservation: Reservation | null,
  ): Promise<Evaluation> => {
    let spentUsd: number | null = null;
    try {
      const limitUsd = reservation ? budget.limitUsd(reservation) : null;
      const evaluation = await pause.around(() =>
        evaluateModel.executeWithOptions({ summary }, [{ definition, ...input, limitUsd }]),
      );
      spentUsd = evaluation.spentUsd;
      return evaluation;
    } finally {
      if (reservation) await budget.settle(reservation, spentUsd);
    }
  };

  enter('evaluate');
  const outcomes: CandidateOutcome[] = [];
  // One after another, so that every candidate meets the same load and their latencies can be compared.
  for (const [index, candidate] of candidates.entries()) {
    const { job, forEvaluation = null } = trained[index] ?? {};
    if (!job) throw new Error(`${candidate.id} was not trained`);
    const outcome: CandidateOutcome = { candidate, job, evaluation: null, evaluationFailure: null };
    outcomes.push(outcome);
    if (job.state !== 'succeeded') continue;
    update(candidate.id, { stage: 'evaluating' });
    try {
      outcome.evaluation = await evaluate(
        `${candidate.id} on ${validation.rows} validation rows`,
        { name: `${candidate.id}-validation`, subject: tuned(candidate, job.model), examples: validation },
        forEvaluation,
      );
      const { score, costPer1kUsd, p95Ms } = outcome.evaluation;
      update(candidate.id, { stage: 'evaluated', score, costPer1kUsd, p95Ms });
    } catch (error) {
      if (wasCancelled(error)) throw error;
      outcome.evaluationFailure = reasonOf(error);
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
  let winnerOnTest: Evaluation | null = null;
  let testFailure: string | null = null;
  if (winner?.job.state === 'succeeded' && test.rows > 0) {
    const subject = tuned(winner.candidate, winner.job.model);
    try {
      const input = { name: 'winner-test', subject, examples: test };
      winnerOnTest = await evaluate(`winner on ${test.rows} test rows`, input, forTest);
    } catch (error) {
      if (wasCancelled(error)) throw error;
      // All that was paid for so far is worth a report.
      testFailure = reasonOf(error);
    }
  } else {
    await budget.settle(forTest, 0);
  }
  const { baseline: kind } = pipeline.evaluation;
  const baseline =
    kind === 'recorded'
      ? await evaluateRecorded.executeWithOptions({ summary: 'baseline as the log has it' }, [
          { definition, examples: judged, otherwise: validation },
        ])
      : await evaluate(
          `baseline on ${judged.rows} rows, original prompt`,
          {
            name: 'baseline',
            subject: { kind: 'prompted', model: kind.live, template },
            examples: judged,
          },
          forBaseline,
        );
  if (kind === 'recorded') await budget.settle(forBaseline, 0);

  enter('report');
  const summary = summarizeRun({
    runId,
    pipeline,
    dataset,
    estimate,
    warnings,
    spentUsd: budget.spentUsd,
    outcomes,
    selection,
    winnerOnTest,
    testFailure,
    baseline,
  });
  const { reportPath } = await pause.around(() =>
    writeReport.executeWithOptions({ summary: 'report.json and report.md' }, [summary]),
  );
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
