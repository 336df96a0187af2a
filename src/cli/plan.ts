import type { EndedPlan, PlannedRun } from '../client/plans.ts';
import { readPipelineFile } from '../config/pipeline-file.ts';
import { type CheckpointRows, mostCheckpoints } from '../core/run/checkpoints.ts';
import { fewestEpochs, keptAfter, plannedEpochs } from '../core/run/early-stop.ts';
import { rateText } from '../core/run/hyperparameters.ts';
import type { Pipeline } from '../core/run/pipeline.ts';
import type { PlannedCandidate } from '../core/run/run-plan.ts';
import type { StepProgress } from '../core/run/step-progress.ts';
import { plainLine, usdText } from '../core/text/format.ts';
import { EXIT } from './exit-codes.ts';
import { printResult, say } from './output.ts';
import { alignColumns } from './run-table.ts';
import { withTuneloop } from './session.ts';

/** `plan FILE`: the candidates of a run before it starts, and its highest cost. Nothing is uploaded or paid. */
export function plan(file: string, { json }: { json?: boolean }): Promise<number> {
  return withTuneloop(async ({ runs }) => {
    const pipeline = await readPipelineFile(file);
    const onProgress = everyFewSeconds(({ step, rows, of }) =>
      say(`${step}: ${rows}${of === null ? '' : ` of ${of}`} rows`),
    );
    const ended = await untilInterrupted((signal) => runs.plan(file, { signal, onProgress }));
    printResult(json, ended, () => (ended.status === 'completed' ? planText(pipeline, ended) : failureText(ended)));
    if (ended.status === 'completed') return EXIT.ok;
    return ended.status === 'cancelled' ? EXIT.cancelled : EXIT.runFailed;
  });
}

const PROGRESS_MS = 2000;

/** A plan of a short log says nothing before its result. */
function everyFewSeconds(show: (progress: StepProgress) => void): (progress: StepProgress) => void {
  let next = Date.now() + PROGRESS_MS;
  return (progress) => {
    if (Date.now() < next) return;
    next = Date.now() + PROGRESS_MS;
    show(progress);
  };
}

/** Ctrl-C ends the plan. */
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
  { dataset, plan: { candidates, estimate, checkpoints, warnings }, provider }: PlannedRun,
): string {
  const { alternatives, judge } = pipeline.evaluation;
  const lines = [
    `${estimate.text}.`,
    ...moneyLines(provider),
    earlyStopText(pipeline, candidates, provider),
    pipeline.candidates.checkpoints && !checkpoints
      ? 'Checkpoints: the provider keeps none, so the model at the end of each job is evaluated.'
      : checkpointText(candidates, checkpoints),
    ...(alternatives.length > 0 ? [`With the original prompt, on the judging rows: ${alternatives.join(', ')}.`] : []),
    ...(judge ? [`Answers are judged by ${judge.model}.`] : []),
    ...provider.notes,
    ...[...dataset.warnings, ...warnings].map((warning) => `Warning: ${warning}`),
    'Nothing was uploaded or paid.',
  ];
  return [plainLine(`${dataset.text}.`), '', candidateTable(candidates), '', ...lines.map(plainLine)].join('\n');
}

function moneyLines({ name, notAsked, estimates, prices }: PlannedRun['provider']): string[] {
  const origin = prices ? [`Prices of ${prices.date}: ${prices.source}.`] : [];
  if (notAsked !== null) return [...origin, `${name} was not asked for its models and its own estimate: ${notAsked}.`];
  if (!estimates.candidates) return [...origin, `No estimate by ${name} itself: ${estimates.reason}.`];
  const usd = estimates.candidates.reduce((sum, candidate) => sum + candidate.usd, 0);
  const jobs = estimates.candidates.length;
  return [
    ...origin,
    `${name} itself estimates ${usdText(usd)} for the training of ${jobs} ${jobs === 1 ? 'job' : 'jobs'}.`,
  ];
}

function candidateTable(candidates: readonly PlannedCandidate[]): string {
  const reserved = (usd: number | null | undefined) => (usd === null ? 'unknown' : usdText(usd ?? 0));
  const ranked = candidates.some(({ hyperparameters }) => hyperparameters.loraRank !== undefined);
  const seeded = candidates.some(({ hyperparameters }) => hyperparameters.seed !== undefined);
  const leased = candidates.some(({ reserve }) => reserve.leasesUsd !== 0 && reserve.leasesUsd !== undefined);
  const optional = (shown: boolean, cell: string) => (shown ? [cell] : []);
  return alignColumns([
    [
      'candidate',
      'learning rate x',
      'epochs',
      'batch size',
      ...optional(ranked, 'LoRA rank'),
      ...optional(seeded, 'seed'),
      'treatment',
      'training',
      'evaluation',
      ...optional(leased, 'serving'),
      '',
    ],
    ...candidates.map(({ id, hyperparameters, treatment, reserve, pastWinner, half }) => [
      plainLine(id),
      rateText(hyperparameters),
      `${hyperparameters.epochs}`,
      `${hyperparameters.batchSize ?? 'auto'}`,
      ...optional(ranked, `${hyperparameters.loraRank ?? 'default'}`),
      ...optional(seeded, `${hyperparameters.seed ?? 'any'}`),
      treatment,
      reserved(reserve.trainingUsd),
      reserved(reserve.evaluationUsd),
      ...optional(leased, reserved(reserve.leasesUsd)),
      half ? 'half of the rows' : pastWinner ? 'has won before' : '',
    ]),
  ]);
}

function earlyStopText(
  { task, candidates: { early_stop: wanted } }: Pipeline,
  candidates: readonly PlannedCandidate[],
  { reportsFigures }: PlannedRun['provider'],
): string {
  const planned = plannedEpochs(candidates);
  if (!wanted || !reportsFigures) return `Early stop: off; ${planned} epochs.`;
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
