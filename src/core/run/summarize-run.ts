import { promotionOf } from '../deployment/promotion.ts';
import type { Comparison } from '../evaluation/comparison.ts';
import { savingPercent } from '../evaluation/cost.ts';
import { recommend } from '../evaluation/recommendation.ts';
import type { Selection } from '../evaluation/selection.ts';
import { signedPoints, usdText } from '../text/format.ts';
import type { CandidateOutcome, Contending } from './contenders.ts';
import type { Dataset } from './dataset.ts';
import type { Evaluation } from './evaluation.ts';
import { hourlyCostText } from './hourly-cost.ts';
import type { Pipeline } from './pipeline.ts';
import type { Plan } from './run-plan.ts';
import type {
  AlternativeResult,
  CandidateResult,
  ChampionResult,
  ContenderResult,
  Judged,
  RunFindings,
  Spent,
} from './run-result.ts';

export interface RunParts {
  runId: string;
  pipeline: Pipeline;
  dataset: Dataset;
  plan: Plan;
  spentUsd: number;
  outcomes: readonly CandidateOutcome[];
  selection: Selection;
  tested: TestOutcome;
  /** A candidate against the same one on half of the training rows; null where that was not tried. */
  halfData: Comparison | null;
}

/** The winner and its rivals on the judging rows. */
export interface TestOutcome {
  judgedOn: 'test' | 'validation';
  winner: Measured;
  baseline: Measured;
  /** Null where no row has a score of both. */
  comparison: Comparison | null;
  /** The serving model; null for the original prompt. */
  champion: (Measured & { model: string; comparison: Comparison | null }) | null;
  alternatives: (Measured & { model: string; constrained?: true; comparison: Comparison | null })[];
}

export interface Measured {
  evaluation: Evaluation | null;
  failure: string | null;
}

/** Puts the parts of a run together and makes the recommendation. */
export function summarizeRun(parts: RunParts): Omit<RunFindings, 'reportPath'> {
  const { runId, pipeline, dataset, plan, outcomes, selection, tested } = parts;
  const winner = outcomes.flatMap(({ contenders }) => contenders).find(({ id }) => id === selection.winner);
  const winnerJudged = tested.winner.evaluation && judged(tested.winner.evaluation);
  const baseline = judged(tested.baseline.evaluation ?? NOT_MEASURED);
  const alternatives = tested.alternatives.map((alternative) => ({
    ...opponent(alternative),
    ...(alternative.constrained && { constrained: alternative.constrained }),
  }));
  const champion = tested.champion && opponent(tested.champion);
  const spent = spentOn(parts);
  const { recommendation, reason, breakEvenRequests, breakEvenCachedRequests } = recommend({
    winner: winnerJudged,
    winnerFailure: tested.winner.failure,
    baseline,
    comparison: tested.comparison,
    alternatives,
    spentUsd: spent.usd,
  });
  const hourly =
    winner && winnerJudged ? hourlyCostText(plan.leases?.perHour[winner.candidate.baseModel], baseline) : null;
  // A plan of an earlier version does not say it; at that time only the local trainer had machine time as its price.
  const local = plan.localTrainer ?? plan.estimate.machineUsdPerHour !== null;
  return {
    runId,
    pipeline: pipeline.name,
    task: pipeline.task,
    metric: pipeline.evaluation.metric,
    localTrainer: local,
    dataset: dataset.summary,
    estimate: plan.estimate.text,
    spent,
    candidates: outcomes.map((outcome) => candidateResult(outcome, selection)),
    baseline: { kind: pipeline.evaluation.baseline === 'recorded' ? 'recorded' : 'live', ...baseline },
    winner: selection.winner,
    winnerModel: winner?.model ?? null,
    winnerReason: selection.reason,
    optimism: winner ? selection.optimism : null,
    winnerJudged,
    judgedOn: tested.judgedOn,
    comparison: tested.comparison,
    champion,
    promotion: promotionOf({
      recommendation,
      reason,
      winner: winnerJudged,
      champion: champion && {
        ...champion,
        costPer1kUsd: champion.judged?.costPer1kUsd ?? null,
        endsAt: plan.championEndsAt,
      },
    }),
    alternatives,
    savingPercent: savingPercent(baseline.costPer1kUsd, winnerJudged?.costPer1kUsd ?? null),
    cachedSavingPercent: savingPercent(baseline.cachedCostPer1kUsd, winnerJudged?.costPer1kUsd ?? null),
    // A number of requests pays for nothing where hours are charged.
    breakEvenRequests: hourly === null ? breakEvenRequests : null,
    breakEvenCachedRequests: hourly === null ? breakEvenCachedRequests : null,
    ...(hourly === null ? {} : { hourlyCost: hourly }),
    recommendation,
    reason: [reason, ...(local ? ['Figures of the local trainer, not an LLM.'] : []), ...(hourly ? [hourly] : [])].join(
      ' ',
    ),
    notes: notesOf(parts),
  };
}

function opponent({
  model,
  evaluation,
  failure,
  comparison,
}: NonNullable<TestOutcome['champion']>): ChampionResult & AlternativeResult {
  return { model, judged: evaluation && judged(evaluation), comparison, failure };
}

function candidateResult(
  { candidate, job, stop, contenders }: CandidateOutcome,
  selection: Selection,
): CandidateResult {
  const [final, ...checkpoints] = contenders.map((contender) => contended(contender, selection));
  const lost = { ...NOT_CONTENDED, id: candidate.id, reason: job.state === 'succeeded' ? null : job.reason };
  const trained = job.state === 'succeeded';
  return {
    ...(final ?? lost),
    baseModel: candidate.baseModel,
    hyperparameters: candidate.hyperparameters,
    treatment: candidate.treatment,
    half: candidate.half === true,
    jobId: job.jobId,
    status: job.state,
    trainingUsd: job.state === 'skipped' ? null : job.trainingUsd,
    trainingSeconds: trained ? job.trainingSeconds : null,
    epochs: trained ? candidate.hyperparameters.epochs : (stop?.afterEpoch ?? null),
    checkpoints,
  };
}

function contended({ id, model, evaluation, failure, candidate }: Contending, selection: Selection): ContenderResult {
  return {
    id,
    model,
    validation:
      evaluation && evaluation.score !== null
        ? { score: evaluation.score, n: evaluation.n, interval: evaluation.scoreInterval }
        : null,
    costPer1kUsd: evaluation?.costPer1kUsd ?? null,
    p50Ms: evaluation?.p50Ms ?? null,
    p95Ms: evaluation?.p95Ms ?? null,
    invalid: evaluation?.invalid ?? null,
    onFront: selection.front.includes(id),
    reason: failure ?? (candidate.half ? HALF : (selection.rejected[id] ?? null)),
  };
}

const HALF = 'trained on half of the rows, to see whether more would help';

const NOT_CONTENDED: ContenderResult = {
  id: '',
  model: null,
  validation: null,
  costPer1kUsd: null,
  p50Ms: null,
  p95Ms: null,
  invalid: null,
  onFront: false,
  reason: null,
};

const NOT_MEASURED: Judged = {
  model: null,
  score: null,
  scoreInterval: null,
  n: 0,
  scores: {},
  costPer1kUsd: null,
  cachedCostPer1kUsd: null,
  p50Ms: null,
  p95Ms: null,
  p95Interval: null,
  timed: 0,
  invalid: null,
};

/** An evaluation without the parts that only the run itself needs. */
function judged(evaluation: Judged & Partial<Evaluation>): Judged {
  const { predictions: _, spentUsd: __, cutInThoughts: ___, ...figures } = evaluation;
  return figures;
}

function spentOn({ spentUsd, outcomes }: RunParts): Spent {
  const trainingUsd = outcomes.reduce(
    (sum, { job }) => sum + (job.state === 'skipped' ? 0 : (job.trainingUsd ?? 0)),
    0,
  );
  return {
    usd: spentUsd,
    trainingUsd,
    // Jobs of unknown cost were booked at their reservation, so this can be too much and never too little.
    evaluationUsd: Math.max(0, spentUsd - trainingUsd),
    epochs: {
      trained: outcomes.reduce((sum, outcome) => sum + epochsOf(outcome), 0),
      planned: outcomes.reduce((sum, { candidate }) => sum + candidate.hyperparameters.epochs, 0),
    },
  };
}

function epochsOf({ candidate, job, stop }: CandidateOutcome): number {
  if (job.state === 'succeeded') return candidate.hyperparameters.epochs;
  return job.state === 'stopped' ? (stop?.afterEpoch ?? 0) : 0;
}

function notesOf({ pipeline, plan, dataset, outcomes, tested, halfData }: RunParts): string[] {
  const notes: string[] = [];
  const { machineUsdPerHour } = plan.estimate;
  if (machineUsdPerHour !== null) {
    const price = usdText(machineUsdPerHour);
    const whose = (plan.localTrainer ?? true) ? 'the local trainer, not an LLM' : "your own machine's trainer";
    notes.push(`Candidates come from ${whose}: their cost is machine time at ${price} an hour.`);
  }
  const { winner, baseline, comparison } = tested;
  if (tested.judgedOn === 'validation')
    notes.push('There are no test rows: the winner is judged on the rows that chose it, which flatters it.');
  if (baseline.failure) {
    notes.push(`The baseline could not be measured: ${baseline.failure}.`);
  } else if (baseline.evaluation?.score === null) {
    notes.push('The quality of the recorded baseline is unknown: no judging row of the log has an `actual` answer.');
  } else if (comparison && winner.evaluation && comparison.n < winner.evaluation.n) {
    notes.push(
      `The baseline is scored on the ${comparison.n} judging rows whose right answer the log has; the winner on all ${winner.evaluation.n}.`,
    );
  }
  if (baseline.evaluation?.costPer1kUsd === null)
    notes.push('The cost of the baseline is unknown: no usage in the log, or no price for its model.');
  for (const { model, failure } of tested.alternatives) {
    if (failure) notes.push(`${model} could not be measured: ${failure}.`);
  }
  const stopped = outcomes.filter(({ job }) => job.state === 'stopped').length;
  if (stopped > 0) notes.push(`${stopped} of ${outcomes.length} jobs were stopped early, because they were behind.`);
  const skipped = outcomes.filter(({ job }) => job.state === 'skipped').length;
  if (skipped > 0)
    notes.push(`${skipped} of ${outcomes.length} candidates were not trained: the budget does not pay for them.`);
  const lost = outcomes.filter(({ job }) => job.state === 'failed' || job.state === 'cancelled').length;
  if (lost > 0) notes.push(`${lost} of ${outcomes.length} candidates have no model.`);
  if (winner.failure) notes.push(`The winner could not be judged on the test rows: ${winner.failure}.`);
  notes.push(...cutInThoughtsNotes(outcomes, tested, pipeline));
  if (halfData) notes.push(halfText(halfData, pipeline.evaluation.metric));
  return [...notes, ...plan.warnings, ...dataset.warnings];
}

/** Answers that end before the thoughts do say nothing about a model, only about the limit: the reader has to know which setting it is. */
function cutInThoughtsNotes(
  outcomes: RunParts['outcomes'],
  { judgedOn, winner, baseline, champion, alternatives }: TestOutcome,
  { evaluation: { max_output_tokens: limit } }: Pipeline,
): string[] {
  const contenders = outcomes.flatMap((outcome) => outcome.contenders);
  const counts = [
    ...[baseline, ...alternatives, champion, winner].map((measured) => cutText(measured?.evaluation, judgedOn)),
    ...contenders.map(({ evaluation }) => cutText(evaluation, 'validation')),
  ].flat();
  if (counts.length === 0) return [];
  const at = limit === undefined ? "the provider's limit of tokens" : `the limit of ${limit} tokens`;
  return [
    `Answers were cut off at ${at} inside the thoughts of the model, and count as invalid: ${[...new Set(counts)].join('; ')}. ` +
      'Set a higher `evaluation.max_output_tokens`, or turn thinking off with ' +
      '`provider.options.chat_template_kwargs: {enable_thinking: false}`.',
  ];
}

function cutText(evaluation: Evaluation | null | undefined, rows: string): string[] {
  if (!evaluation?.cutInThoughts) return [];
  return [`${evaluation.cutInThoughts} of ${evaluation.n} on the ${rows} rows by ${evaluation.model}`];
}

function halfText({ verdict, difference, n }: Comparison, metric: string): string {
  const gain = `all training rows give ${signedPoints(difference)} points of ${metric} over half of them, on ${n} validation rows`;
  return verdict === 'better'
    ? `More rows would probably help: ${gain}.`
    : `The rows do not show whether more rows would help: ${gain}.`;
}
