import { type EndedPlan, planResult, startPlan } from '../client/plans.ts';
import { readPipelineFile } from '../config/pipeline-file.ts';
import { type CheckpointRows, mostCheckpoints } from '../core/run/checkpoints.ts';
import { fewestEpochs, keptAfter, plannedEpochs } from '../core/run/early-stop.ts';
import type { Pipeline } from '../core/run/pipeline.ts';
import type { PlannedRun } from '../core/run/planned-run.ts';
import type { PlannedCandidate } from '../core/run/run-plan.ts';
import { plainLine, usdText } from '../core/text/format.ts';
import { EXIT } from './exit-codes.ts';
import { printResult, say } from './output.ts';
import { alignColumns } from './run-table.ts';
import { withSession } from './session.ts';

/** `plan FILE`: the candidates of a run before it starts, and its highest cost. Nothing is uploaded or paid. */
export function plan(file: string, { json }: { json?: boolean }): Promise<number> {
  return withSession(async ({ tuneloop, client, environment }) => {
    const pipeline = await readPipelineFile(file);
    const handle = await startPlan(client, environment, pipeline);
    say(`Plan ${handle.workflowId}\nWatch it at ${tuneloop.session.webUi(handle.workflowId)}`);
    if (!(await tuneloop.runs.hasWorker())) {
      say(`No worker waits on task queue ${environment.taskQueue} yet: start one with \`npm run worker\`.`);
    }
    const ended = await untilInterrupted((signal) => planResult(handle, signal));
    printResult(json, ended, () => (ended.status === 'completed' ? planText(pipeline, ended) : failureText(ended)));
    if (ended.status === 'completed') return EXIT.ok;
    return ended.status === 'cancelled' ? EXIT.cancelled : EXIT.runFailed;
  });
}

/** Only this command waits for the plan, so Ctrl-C ends it. */
async function untilInterrupted<Result>(wait: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  process.once('SIGINT', onSignal);
  try {
    return await wait(interrupt.signal);
  } finally {
    process.off('SIGINT', onSignal);
  }
}

function failureText({ error: { code, message } }: Extract<EndedPlan, { error: object }>): string {
  return plainLine(`${code}: ${message}`);
}

/** The plan for the terminal. */
function planText(
  pipeline: Pipeline,
  { dataset, plan: { candidates, estimate, checkpoints, warnings } }: PlannedRun,
): string {
  const { alternatives, judge } = pipeline.evaluation;
  const lines = [
    `${estimate.text}.`,
    earlyStopText(pipeline, candidates),
    checkpointText(candidates, checkpoints),
    ...(alternatives.length > 0 ? [`With the original prompt, on the judging rows: ${alternatives.join(', ')}.`] : []),
    ...(judge ? [`Answers are judged by ${judge.model}.`] : []),
    ...[...dataset.warnings, ...warnings].map((warning) => `Warning: ${warning}`),
    'Nothing was uploaded or paid.',
  ];
  return [plainLine(`${dataset.text}.`), '', candidateTable(candidates), '', ...lines.map(plainLine)].join('\n');
}

function candidateTable(candidates: readonly PlannedCandidate[]): string {
  const reserved = (usd: number | null) => (usd === null ? 'unknown' : usdText(usd));
  return alignColumns([
    ['candidate', 'learning rate x', 'epochs', 'batch size', 'treatment', 'training', 'evaluation', ''],
    ...candidates.map(({ id, hyperparameters, treatment, reserve, pastWinner, half }) => [
      plainLine(id),
      `${hyperparameters.learningRateMultiplier}`,
      `${hyperparameters.epochs}`,
      `${hyperparameters.batchSize ?? 'auto'}`,
      treatment,
      reserved(reserve.trainingUsd),
      reserved(reserve.evaluationUsd),
      half ? 'half of the rows' : pastWinner ? 'has won before' : '',
    ]),
  ]);
}

function earlyStopText(
  { task, candidates: { early_stop: wanted } }: Pipeline,
  candidates: readonly PlannedCandidate[],
): string {
  const planned = plannedEpochs(candidates);
  if (!wanted) return `Early stop: off; ${planned} epochs.`;
  const fewest = fewestEpochs(candidates);
  if (fewest === planned) return `Early stop: too few candidates to stop one; ${planned} epochs.`;
  const competing = candidates.filter(({ half }) => !half).length;
  const figure = task === 'classification' ? 'accuracy' : 'loss';
  return (
    `Early stop: by validation ${figure}, ${keptAfter(1, competing)} of ${competing} are kept after epoch 1, with the best of each ` +
    `model, and ${keptAfter(2, competing)} after epoch 2; ${fewest} to ${planned} epochs.`
  );
}

function checkpointText(candidates: readonly PlannedCandidate[], rows: CheckpointRows | null): string {
  if (!rows) return 'Checkpoints: off.';
  const most = Math.max(0, ...candidates.map(({ hyperparameters }) => mostCheckpoints(hyperparameters.epochs, rows)));
  if (most === 0) return 'Checkpoints: none are evaluated.';
  const which = `up to ${most} of each job ${most === 1 ? 'is' : 'are'} evaluated too, from epoch 2 on`;
  return `Checkpoints: with ${rows.validation} validation rows ${which}.`;
}
