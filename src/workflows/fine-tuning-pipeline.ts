import { isCancellation, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../activities/create-activities.ts';
import { DEPLOYMENT, LOCAL_STEP, PREFLIGHT } from '../contract/activity-options.ts';
import type { FineTuningPipelineInput } from '../contract/messages.ts';
import type { RunResult } from '../core/run/run-result.ts';
import { Evaluations } from './steps/evaluation.ts';
import { asCancellation } from './steps/failure-reason.ts';
import { reserveFinalTest } from './steps/final-reservations.ts';
import { testWinner } from './steps/final-test.ts';
import { LeaseHold } from './steps/lease-hold.ts';
import { Leases } from './steps/leases.ts';
import { Pause } from './steps/pause.ts';
import { deployableModel, originalModel, propose } from './steps/proposal.ts';
import { RunBudget } from './steps/run-budget.ts';
import { reportRun, showVerdict } from './steps/run-report.ts';
import { RunStatus } from './steps/run-status.ts';
import { trainCandidates } from './steps/training.ts';
import { uploadTrainingFiles } from './steps/training-files.ts';
import { evaluateContenders, outcomesOf } from './steps/validation.ts';
import { chooseWinner } from './steps/winner.ts';

const { loadPipeline, collect, prepare } = proxyActivities<Activities>(LOCAL_STEP);
const { plan } = proxyActivities<Activities>(PREFLIGHT);
const { readDeployment } = proxyActivities<Activities>(DEPLOYMENT);

/** The whole run: from the production log to a winner, a verdict and a report. */
export async function fineTuningPipeline(input: FineTuningPipelineInput): Promise<RunResult> {
  const held: { budget?: RunBudget } = {};
  try {
    return await run(input, held);
  } catch (error) {
    const end = asCancellation(error);
    if (!isCancellation(end)) await held.budget?.release();
    throw end;
  }
}

/** @param held gets the run's budget once there is one, so that a failing run can give back its reservations. */
async function run({ definition }: FineTuningPipelineInput, held: { budget?: RunBudget }): Promise<RunResult> {
  const runId = workflowInfo().workflowId;
  const status = new RunStatus();
  const pause = new Pause((reason) => status.setPaused(reason));

  status.enter('collect');
  const pipeline = await loadPipeline.executeWithOptions({ summary: 'the pipeline of this run' }, [{ definition }]);
  const snapshot = await pause.around(() =>
    collect.executeWithOptions({ summary: 'read the production log' }, [{ definition }]),
  );
  status.enter('prepare');
  const dataset = await pause.around(() =>
    prepare.executeWithOptions({ summary: `strip, clean, split ${snapshot.rows} rows` }, [{ definition, snapshot }]),
  );
  const { manifest, template, examples } = dataset;
  const datasetVersion = dataset.summary.version;
  status.progress.dataset = dataset.text;

  status.enter('plan');
  const { champion } = await readDeployment.executeWithOptions({ summary: 'read the deployment' }, [{ definition }]);
  const planned = await pause.around(() =>
    plan.executeWithOptions({ summary: 'candidates and their cost' }, [{ definition, dataset, champion }]),
  );
  status.setPlan(planned);
  const budget = new RunBudget(pipeline.budget_usd ?? null, planned.monthly);
  held.budget = budget;
  // Reserve the final test first, so that a run that pays for training can also pay for its evaluation.
  const reserved = await reserveFinalTest(budget, pipeline.evaluation, planned.reserveFinal);
  const { judge } = pipeline.evaluation;
  const evaluations = new Evaluations({
    definition,
    template,
    manifest,
    budget,
    pause,
    leases: new Leases(definition, budget),
    terms: planned.leases ?? null,
    concurrency: pipeline.evaluation.concurrency,
    judge: judge ? { reservation: reserved.judge, capUsd: judge.budget_usd ?? null } : null,
  });

  status.enter('upload');
  const { candidates } = planned;
  const files = await uploadTrainingFiles(definition, dataset.files, candidates, pause);
  status.enter('train');
  const update: RunStatus['updateCandidate'] = (id, change) => status.updateCandidate(id, change);
  const job = { definition, runId, datasetVersion };
  const hold = new LeaseHold(budget, {
    leases: planned.leases ?? null,
    concurrency: pipeline.evaluation.concurrency,
    checkpoints: planned.checkpoints,
    validationRows: examples.validation.rows,
  });
  const training = await trainCandidates({ job, files, budget, hold, pause, update }, candidates, pipeline);
  status.enter('evaluate');
  const outcomes = outcomesOf(planned, training);
  await evaluateContenders(evaluations, status, examples.validation, outcomes, training);
  status.enter('select');
  const contenders = outcomes.flatMap((outcome) => outcome.contenders);
  const { selection, winner, chosenAmong } = await chooseWinner(definition, contenders, status);
  status.enter('test');
  const tested = await testWinner(
    { definition, pipeline, dataset, evaluations, budget, reserved, champion, chosenAmong },
    winner,
  );
  await evaluations.settleJudge();

  status.enter('report');
  const parts = { runId, pipeline, dataset, plan: planned, spentUsd: budget.spentUsd, outcomes, selection, tested };
  const { summary, reportPath } = await reportRun(definition, parts, winner, pause);
  status.enter('propose');
  const { promotion } = summary;
  const deployable = winner && deployableModel(winner, summary, { definition, dataset, plan: planned });
  const decision = await propose({
    definition,
    datasetVersion,
    manifest,
    why: promotion.why,
    originalModel: originalModel(pipeline, summary),
    winner: promotion.promote ? deployable : null,
    against: champion?.model ?? null,
  });
  showVerdict(status, { summary, reportPath }, decision);
  status.enter('done');
  return { ...summary, reportPath, decision, deployable };
}
