import type { JobOutcome } from '../activities/await-job.ts';
import type { Evaluation } from '../activities/evaluate-model.ts';
import type { Plan, PlannedCandidate } from '../activities/plan.ts';
import type { Dataset } from '../activities/prepare.ts';
import type { Pipeline } from '../config/pipeline.ts';
import { savingPercent } from '../evaluation/cost.ts';
import type { Contender, Selection } from '../evaluation/selection.ts';
import { percentText, savingText, usdText } from './format.ts';
import type { BaselineResult, CandidateResult, Judged, RunResult } from './run-result.ts';

/** A candidate with what became of its job. */
export interface CandidateOutcome {
  candidate: PlannedCandidate;
  job: JobOutcome;
  /** On the validation rows; null until it was made, and for candidates without a model. */
  evaluation: Evaluation | null;
  /** Why a trained candidate could not be evaluated. */
  evaluationFailure: string | null;
}

export interface RunParts {
  runId: string;
  pipeline: Pipeline;
  dataset: Dataset;
  estimate: Plan['estimate'];
  /** Of the plan, about models and their provider. */
  warnings: readonly string[];
  spentUsd: number;
  outcomes: readonly CandidateOutcome[];
  selection: Selection;
  /** Null where there are no test rows or no winner. */
  winnerOnTest: Evaluation | null;
  /** Why the winner has no evaluation on the test rows although there are some. */
  testFailure: string | null;
  /** On the test rows, or where there are none on the validation rows. */
  baseline: Evaluation;
}

/** The candidates that the winner is chosen from. */
export function contendersOf(outcomes: readonly CandidateOutcome[]): Contender[] {
  return outcomes.flatMap(({ candidate, evaluation }) =>
    evaluation && evaluation.score !== null
      ? [
          {
            id: candidate.id,
            score: evaluation.score,
            costPer1kUsd: evaluation.costPer1kUsd,
            p95Ms: evaluation.p95Ms ?? 0,
            invalid: evaluation.invalid ?? 0,
          },
        ]
      : [],
  );
}

/** Puts the parts of a run together. */
export function summarizeRun(parts: RunParts): Omit<RunResult, 'reportPath'> {
  const { runId, pipeline, dataset, estimate, outcomes, selection, winnerOnTest, baseline } = parts;
  const winner = outcomes.find(({ candidate }) => candidate.id === selection.winner);
  const winnerJudged = winnerOnTest ?? winner?.evaluation ?? null;
  return {
    runId,
    pipeline: pipeline.name,
    task: pipeline.task,
    metric: pipeline.evaluation.metric,
    localTrainer: pipeline.provider === 'local',
    dataset: dataset.summary,
    estimate: estimate.text,
    spentUsd: parts.spentUsd,
    candidates: outcomes.map((outcome) => candidateResult(outcome, selection)),
    baseline: baselineResult(pipeline, baseline),
    winner: selection.winner,
    winnerModel: winner?.job.state === 'succeeded' ? winner.job.model : null,
    test: winnerOnTest && {
      winner: winnerOnTest.score,
      baseline: baseline.score,
      n: winnerOnTest.n,
    },
    winnerJudged: winnerJudged && judged(winnerJudged),
    savingPercent: savingPercent(baseline.costPer1kUsd, winnerJudged?.costPer1kUsd ?? null),
    notes: notesOf(parts),
  };
}

/** The outcome of a run in one sentence. */
export function verdictOf({
  winner,
  test,
  metric,
  savingPercent: saving,
  localTrainer,
}: Omit<RunResult, 'reportPath'>): string {
  if (winner === null) return 'No candidate passed the limits of the pipeline.';
  const parts = [`${winner} won`];
  if (test && test.winner !== null) {
    const against = test.baseline === null ? '' : ` against ${percentText(test.baseline)} of the baseline`;
    parts.push(` with ${metric} ${percentText(test.winner)}${against} on ${test.n} test rows`);
  }
  if (saving !== null) parts.push(`, ${savingText(saving)}`);
  return `${parts.join('')}${localTrainer ? ' (local trainer, not an LLM)' : ''}.`;
}

function candidateResult(
  { candidate, job, evaluation, evaluationFailure }: CandidateOutcome,
  selection: Selection,
): CandidateResult {
  const trained = job.state === 'succeeded';
  return {
    id: candidate.id,
    baseModel: candidate.baseModel,
    hyperparameters: candidate.hyperparameters,
    jobId: job.jobId,
    model: trained ? job.model : null,
    status: job.state,
    reason: trained ? (evaluationFailure ?? selection.rejected[candidate.id] ?? null) : job.reason,
    validation: evaluation && evaluation.score !== null ? { score: evaluation.score, n: evaluation.n } : null,
    costPer1kUsd: evaluation?.costPer1kUsd ?? null,
    p50Ms: evaluation?.p50Ms ?? null,
    p95Ms: evaluation?.p95Ms ?? null,
    trainingUsd: job.state === 'skipped' ? null : job.trainingUsd,
    trainingSeconds: trained ? job.trainingSeconds : null,
  };
}

function baselineResult({ evaluation: { baseline } }: Pipeline, evaluation: Evaluation): BaselineResult {
  return { kind: baseline === 'recorded' ? 'recorded' : 'live', ...judged(evaluation) };
}

/** An evaluation without what only the run itself needs. */
function judged({ model, score, n, costPer1kUsd, p50Ms, p95Ms, invalid }: Evaluation): Judged {
  return { model, score, n, costPer1kUsd, p50Ms, p95Ms, invalid };
}

function notesOf({ estimate, warnings, dataset, winnerOnTest, testFailure, baseline, outcomes }: RunParts): string[] {
  const notes: string[] = [];
  if (estimate.machineUsdPerHour !== null) {
    const price = usdText(estimate.machineUsdPerHour);
    notes.push(`Candidates come from the local trainer, not an LLM: their cost is machine time at ${price} an hour.`);
  }
  if (dataset.summary.test === 0)
    notes.push('There are no test rows: the winner is judged on the rows that chose it, which flatters it.');
  if (baseline.score === null) {
    notes.push('The quality of the recorded baseline is unknown: no judging row of the log has an `actual` answer.');
  } else if (winnerOnTest && baseline.n < winnerOnTest.n) {
    notes.push(
      `The baseline is scored on the ${baseline.n} judging rows whose right answer the log has; the winner on all ${winnerOnTest.n}.`,
    );
  }
  if (baseline.costPer1kUsd === null)
    notes.push('The cost of the baseline is unknown: no usage in the log, or no price for its model.');
  const skipped = outcomes.filter(({ job }) => job.state === 'skipped').length;
  if (skipped > 0)
    notes.push(`${skipped} of ${outcomes.length} candidates were not trained: the budget does not pay for them.`);
  const lost = outcomes.filter(({ job }) => job.state === 'failed' || job.state === 'cancelled').length;
  if (lost > 0) notes.push(`${lost} of ${outcomes.length} candidates have no model.`);
  if (testFailure) notes.push(`The winner could not be judged on the test rows: ${testFailure}.`);
  return [...notes, ...warnings, ...dataset.warnings];
}
