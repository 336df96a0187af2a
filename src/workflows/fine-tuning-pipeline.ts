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
import type { ProposeWinnerInput } from '../activities/deployment.ts';
import type { Dataset } from '../activities/prepare.ts';
import type { SelectWinnerInput } from '../activities/select-winner.ts';
import type { WriteReportInput } from '../activities/write-report.ts';
import type { Pipeline } from '../config/pipeline.ts';
import { DEPLOYMENT, EVALUATION, LOCAL_STEP, PREFLIGHT } from '../contract/activity-options.ts';
import { BEST_SCORE, STAGE, VERDICT, WINNER } from '../contract/search-attributes.ts';
import type { DeployedModel } from '../core/deployment/deployed-model.ts';
import type { Comparison } from '../core/evaluation/comparison.ts';
import { checkpointsToEvaluate } from '../core/run/checkpoints.ts';
import { type CandidateOutcome, type Contending, contendingModels } from '../core/run/contenders.ts';
import type { Candidate } from '../core/run/plan.ts';
import { type CandidateProgress, type RunProgress, renderProgress, type Stage } from '../core/run/progress.ts';
import type { RunResult } from '../core/run/run-result.ts';
import { summarizeRun } from '../core/run/summarize-run.ts';
import type { ArtifactRef } from '../stores/artifact-store.ts';
import { EarlyStop } from './steps/early-stop.ts';
import { Evaluations, tuned } from './steps/evaluation.ts';
import { endOf, wasCancelled } from './steps/failure-reason.ts';
import { testWinner } from './steps/final-test.ts';
import { Pause } from './steps/pause.ts';
import { RunBudget } from './steps/run-budget.ts';
import { type Training, trainCandidate } from './steps/train-candidate.ts';
import { uploadTrainingFiles } from './steps/training-files.ts';

export interface FineTuningPipelineInput {
  /**
   * The checked pipeline, as stored by the client. A reference and not the text, so that starting a workflow is not
   * enough to name a path or an address.
   */
  definition: ArtifactRef;
}

export const progressQuery = defineQuery<RunProgress>('progress');

const { loadPipeline, collect, prepare, selectWinner, compareModels } = proxyActivities<Activities>(LOCAL_STEP);
const { plan } = proxyActivities<Activities>(PREFLIGHT);
const { writeReport } = proxyActivities<Activities>(EVALUATION);
const { readDeployment, proposeWinner } = proxyActivities<Activities>(DEPLOYMENT);

/** The whole run: from the production log to a winner, a verdict and a report. */
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
  progress.dataset = dataset.text;

  enter('plan');
  const { champion } = await readDeployment.executeWithOptions({ summary: 'what serves now' }, [{ definition }]);
  const planned = await pause.around(() =>
    plan.executeWithOptions({ summary: 'candidates and their cost' }, [{ definition, dataset, champion }]),
  );
  const { candidates, estimate, reserveFinal } = planned;
  progress.estimate = estimate.text;
  const budget = new RunBudget(pipeline.budget_usd ?? null, planned.monthly);
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
  const { alternatives, judge } = pipeline.evaluation;
  const reserved = await budget.reserve([
    { what: 'winner on the test rows', usd: reserveFinal.testUsd },
    { what: 'baseline', usd: reserveFinal.baselineUsd },
    { what: 'champion', usd: reserveFinal.championUsd },
    { what: 'judge', usd: reserveFinal.judgeUsd },
  ] as const);
  if ('refused' in reserved) throw ApplicationFailure.nonRetryable(reserved.refused, 'BUDGET_EXCEEDED');
  const [forWinner, forBaseline, forChampion, forJudge] = reserved;
  const forAlternatives = await budget.reserve(
    alternatives.map((model, place) => ({ what: model, usd: reserveFinal.alternativesUsd[place] ?? null })),
  );
  if ('refused' in forAlternatives) throw ApplicationFailure.nonRetryable(forAlternatives.refused, 'BUDGET_EXCEEDED');
  if (!judge) await budget.settle(forJudge, 0);
  const evaluations = new Evaluations({
    definition,
    template: dataset.template,
    manifest: dataset.manifest,
    budget,
    pause,
    judge: judge ? { reservation: forJudge, capUsd: judge.budget_usd ?? null } : null,
  });

  enter('upload');
  const files = await uploadTrainingFiles(definition, dataset.files, candidates, pause);

  enter('train');
  const running: Training['running'] = new Map();
  const earlyStop = new EarlyStop(pipeline.candidates.early_stop ? candidates : [], pipeline.task, running);
  const job = { definition, runId, datasetVersion: dataset.summary.version };
  const training = { job, files, running, reportEpochs: pipeline.candidates.early_stop, budget, pause, update };
  // All settled, so that a cancelled run ends only when each of its jobs has been cancelled.
  const settled = await Promise.allSettled(
    candidates.map(async (candidate) => {
      const trained = await trainCandidate(training, candidate);
      await earlyStop.ended(candidate.id, trained.job.state);
      return trained;
    }),
  );
  const trained = settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
  refuseIfAllFailed(
    'no candidate survived its training',
    trained.map(({ job }) => (job.state === 'succeeded' ? null : job.reason)),
  );

  enter('evaluate');
  const outcomes = candidates.map((candidate, place): CandidateOutcome => {
    const job = trained[place]?.job;
    if (!job) throw new Error(`${candidate.id} was not trained`);
    const checkpoints =
      job.state === 'succeeded' && !candidate.half
        ? checkpointsToEvaluate(job.checkpoints, candidate.hyperparameters.epochs, planned.checkpoints)
        : [];
    const contenders = contendingModels(candidate, job, checkpoints);
    if (contenders.length > 0) update(candidate.id, { stage: 'evaluating' });
    return { candidate, job, stop: earlyStop.stops.get(candidate.id) ?? null, contenders };
  });
  const contenders = outcomes.flatMap(({ contenders }) => contenders);
  const evaluated = await evaluations.evaluate(
    { name: 'validation', examples: dataset.examples.validation },
    outcomes.flatMap(({ contenders }, place) => {
      const reservation = trained[place]?.forEvaluation;
      return reservation ? contenders.map((model) => ({ subject: tuned(model.id, model), reservation })) : [];
    }),
  );
  for (const contender of contenders) {
    Object.assign(contender, evaluated.get(contender.id));
    const { candidate, epoch, evaluation, failure } = contender;
    if (epoch !== null) continue;
    if (!evaluation) update(candidate.id, { stage: 'failed', note: failure });
    else {
      const { score, costPer1kUsd, p95Ms } = evaluation;
      update(candidate.id, { stage: 'evaluated', score, costPer1kUsd, p95Ms });
    }
  }
  refuseIfAllFailed(
    'no candidate survived its evaluation',
    contenders.map(({ evaluation, failure }) => (evaluation ? null : (failure ?? 'it was not evaluated'))),
  );

  enter('select');
  const competing = contenders.filter(({ candidate }) => !candidate.half).flatMap(competitor);
  const selection = await selectWinner.executeWithOptions({ summary: `one of ${competing.length} models` }, [
    { definition, contenders: competing },
  ]);
  const winner = contenders.find(({ id }) => id === selection.winner) ?? null;
  progress.winner = selection.winner;
  for (const [id, note] of Object.entries(selection.rejected)) update(id, { note });
  if (winner?.evaluation) {
    upsertSearchAttributes([
      { key: WINNER, value: winner.id },
      { key: BEST_SCORE, value: winner.evaluation.score },
    ]);
  }

  enter('test');
  const tested = await testWinner(
    {
      definition,
      pipeline,
      dataset,
      evaluations,
      budget,
      reserved: { winner: forWinner, baseline: forBaseline, champion: forChampion, alternatives: forAlternatives },
      champion,
      chosenAmong: competing.length,
    },
    winner,
  );
  await evaluations.settleJudge();

  enter('report');
  const summary = summarizeRun({
    runId,
    pipeline,
    dataset,
    plan: planned,
    spentUsd: budget.spentUsd,
    outcomes,
    selection,
    tested,
    half: await compareHalf(definition, contenders),
  });
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

  enter('propose');
  const { recommendation, reason, promotion } = summary;
  const deployable = winner && deployed(winner, summary, { definition, dataset });
  const decision = await propose({
    definition,
    datasetVersion: dataset.summary.version,
    manifest: dataset.manifest,
    originalModel: originalModel(pipeline, summary),
    winner: promotion.promote ? deployable : null,
    against: champion?.model ?? null,
    why: promotion.why,
  });
  progress.verdict = `${recommendation}: ${reason}${decision ? ` Deployment: ${decision.kind}. ${decision.why}` : ''}`;
  upsertSearchAttributes([{ key: VERDICT, value: recommendation }]);
  upsertMemo({
    result: { winner: summary.winner, recommendation, reason, reportPath, decision: decision?.kind ?? null },
  });
  enter('done');
  return { ...summary, reportPath, decision, deployable };
}

/** Null where the deployment cannot be told in all attempts: what the run has found out is in its result all the same. */
async function propose(input: ProposeWinnerInput): Promise<RunResult['decision']> {
  const summary = input.winner ? `propose ${input.winner.model}` : 'keep what serves';
  try {
    const { number, kind, why } = await proposeWinner.executeWithOptions({ summary }, [input]);
    return { number, kind, why };
  } catch (error) {
    if (wasCancelled(error)) throw error;
    return null;
  }
}

/** Whom production asks the original prompt; null where the log names several, or nobody. */
function originalModel({ evaluation }: Pipeline, { baseline }: Pick<RunResult, 'baseline'>): string | null {
  if (evaluation.baseline !== 'recorded') return evaluation.baseline.live;
  return baseline.model?.includes(', ') ? null : baseline.model;
}

function deployed(
  { id, model, candidate: { baseModel, treatment } }: Contending,
  { runId, winnerJudged }: Pick<RunResult, 'runId' | 'winnerJudged'>,
  { definition, dataset }: { definition: ArtifactRef; dataset: Dataset },
): DeployedModel {
  const { score = null, scoreInterval: interval = null } = winnerJudged ?? {};
  return {
    model,
    baseModel,
    treatment,
    run: runId,
    candidate: id,
    definition,
    datasetVersion: dataset.summary.version,
    manifest: dataset.manifest,
    judged: score !== null && interval ? { score, interval } : null,
  };
}

/** What the choice of a winner looks at; nothing of a model that has no score. */
function competitor({ id, evaluation }: Contending): SelectWinnerInput['contenders'] {
  if (!evaluation?.predictions) return [];
  const { predictions, costPer1kUsd, p95Ms, invalid } = evaluation;
  return [{ id, predictions, costPer1kUsd, p95Ms, invalid: invalid ?? 0 }];
}

/** All training rows against half of them, with the same settings; null where one of the two is not there. */
async function compareHalf(definition: ArtifactRef, contenders: readonly Contending[]): Promise<Comparison | null> {
  const half = contenders.find(({ candidate, epoch }) => candidate.half && epoch === null);
  const whole = contenders.find(({ candidate, epoch }) => half && epoch === null && isWhole(candidate, half.candidate));
  const [all, part] = [whole?.evaluation?.predictions, half?.evaluation?.predictions];
  if (!all || !part) return null;
  const [comparison = null] = await compareModels.executeWithOptions({ summary: 'all rows against half of them' }, [
    { definition, winner: all, others: [part], chosenAmong: 1 },
  ]);
  return comparison;
}

function isWhole(candidate: Candidate, half: Candidate): boolean {
  const settings = ({ baseModel, treatment, hyperparameters }: Candidate) =>
    JSON.stringify([baseModel, treatment, hyperparameters]);
  return !candidate.half && settings(candidate) === settings(half);
}

/** What the report shows the losses of. */
function jobShown({ candidate, job, stop }: CandidateOutcome): WriteReportInput['jobs'] {
  if (!job.jobId) return [];
  const stoppedAfterEpoch = job.state === 'stopped' ? (stop?.afterEpoch ?? null) : null;
  const plannedEpochs = candidate.hyperparameters.epochs;
  return [{ candidate: candidate.id, jobId: job.jobId, plannedEpochs, stoppedAfterEpoch }];
}

/** Ends the run if there is nothing left to go on with. `failures` holds null for each candidate that is still in. */
function refuseIfAllFailed(what: string, failures: readonly (string | null)[]): void {
  if (failures.includes(null)) return;
  const reasons = [...new Set(failures)].join('; ').slice(0, 1000);
  throw ApplicationFailure.nonRetryable(`${what}: ${reasons}`, 'ALL_CANDIDATES_FAILED');
}
