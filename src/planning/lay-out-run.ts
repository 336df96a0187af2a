import type { Prices } from '../core/evaluation/cost.ts';
import { askedAlternatives } from '../core/run/alternatives.ts';
import { estimateRun } from '../core/run/estimate.ts';
import type { Pipeline } from '../core/run/pipeline.ts';
import { isTinySet, planCandidates } from '../core/run/plan.ts';
import type { Plan, PlanInput } from '../core/run/run-plan.ts';
import { TuneloopError } from '../errors.ts';
import type { Model } from '../providers/inference.ts';
import { modelId, type ProviderProfile } from '../providers/profile.ts';
import { misfitsOf } from '../providers/profiles/fit.ts';
import { readPastWinners } from '../stores/past-winners.ts';
import { checkModels } from './offered-models.ts';
import { countAffordable, estimateText, leaseTerms, refuseUnknownPrices } from './plan-money.ts';
import { shutdownDateOf } from './shutdown-date.ts';

const DAY_MS = 86_400_000;

export interface LayOutInput extends Pick<PlanInput, 'dataset' | 'champion'> {
  profile: ProviderProfile;
  /** The provider that answers the original prompt, with its own list of models; null where that is the same one. */
  original: { profile: ProviderProfile; offered: readonly Model[] | null } | null;
  /** The provider's own list of models; null where it could not be asked. */
  offered: readonly Model[] | null;
  /** TUNELOOP_HOME. */
  home: string;
  prices: Prices;
  monthlyBudgetUsd: number | null;
}

/**
 * Lays out the sweep, past winners first, and makes sure before any upload or payment that the run can succeed: the provider has the models
 * for some time yet, and the budget pays for at least one candidate. It asks nobody.
 *
 * @throws TuneloopError PROVIDER_REFUSED, BUDGET_EXCEEDED
 */
export async function layOutRun(
  pipeline: Pipeline,
  { profile, original, offered, dataset, champion, home, prices, monthlyBudgetUsd }: LayOutInput,
): Promise<Plan> {
  const { summary, tokens } = dataset;
  const { baseline, alternatives, judge, concurrency } = pipeline.evaluation;
  const examples = summary.train + summary.validation + summary.test;
  const past = await readPastWinners(home, pipeline.name);
  const candidates = planCandidates(pipeline.candidates, {
    seed: pipeline.split.seed,
    examples,
    learningRate: profile.jobs.learningRate,
    pastWinners: past.winners,
  });
  const baselineModel = baseline === 'recorded' ? null : baseline.live;
  const asked = [...(baselineModel === null ? [] : [baselineModel]), ...alternatives, ...(judge ? [judge.model] : [])];
  const baseModels = candidates.map(({ baseModel }) => baseModel);
  const modelWarnings = original
    ? [
        ...checkModels({ candidates: baseModels, asked: [] }, offered, profile),
        ...checkModels({ candidates: [], asked }, original.offered, original.profile),
      ]
    : checkModels({ candidates: baseModels, asked }, offered, profile);
  const checkpoints =
    pipeline.candidates.checkpoints && profile.jobs.checkpoints !== 'none'
      ? { validation: summary.validation, examples }
      : null;
  const leases = leaseTerms(
    prices,
    profile,
    [...new Set([...baseModels, ...(original ? [] : asked)])],
    original === null,
  );
  const { candidates: reserves, ...estimate } = estimateRun({
    prices,
    billing: profile.billing,
    originalBilling: (original?.profile ?? profile).billing,
    candidates,
    tokens: tokens.treated,
    validationRows: summary.validation,
    testRows: summary.test,
    meanOutputTokens: tokens.completion,
    meanPromptTokens: tokens.prompt,
    baselineModel,
    champion,
    alternatives: askedAlternatives(pipeline.evaluation).map(({ model }) => model),
    checkpoints,
    judge: judge ? { model: judge.model, budgetUsd: judge.budget_usd ?? null } : null,
    leases,
    concurrency,
  });
  const planned = candidates.map((candidate, index) => ({
    ...candidate,
    reserve: reserves[index] ?? { trainingUsd: null, evaluationUsd: null },
  }));
  const monthly = monthlyBudgetUsd !== null && profile.billing.charges === 'tokens';
  refuseUnknownPrices(pipeline, monthly, estimate.unknownPrices);
  const affordable = countAffordable(pipeline.budget_usd ?? null, planned, estimate.final, {
    leases,
    concurrency,
    checkpoints,
    validationRows: summary.validation,
  });
  const endOf = ({ model, baseModel }: { model: string; baseModel: string }, models: readonly Model[]) =>
    shutdownDateOf({ model, baseModel: modelId(profile, baseModel) }, models);
  return {
    candidates: planned,
    estimate: { ...estimate, text: estimateText(estimate, pipeline.budget_usd ?? null, affordable, planned.length) },
    reserveFinal: estimate.final,
    localTrainer: candidates.some(({ baseModel }) => profile.wordModels?.test(baseModel) === true),
    checkpoints,
    leases,
    monthly,
    championEndsAt: champion && offered && endNear(endOf(champion, offered), pipeline, new Date()),
    warnings: [
      ...modelWarnings,
      ...(past.warning === null ? [] : [past.warning]),
      ...tinySetWarnings(examples, candidates.length),
    ],
  };
}

/** Runs are started by any client, and not from a pipeline file alone. @throws TuneloopError PIPELINE_INVALID */
export function refuseMisfits(pipeline: Pipeline): void {
  const misfits = misfitsOf(pipeline).map(({ path, message }) => `${path.join('.')} ${message}`);
  if (misfits.length > 0) throw new TuneloopError('PIPELINE_INVALID', misfits.join('; '));
}

function endNear(end: Date | null, { retraining }: Pick<Pipeline, 'retraining'>, now: Date): string | null {
  const isNear = end !== null && end.getTime() - now.getTime() <= retraining.shutdown_days * DAY_MS;
  return isNear ? end.toISOString() : null;
}

function tinySetWarnings(examples: number, candidates: number): string[] {
  if (!isTinySet(examples)) return [];
  const few = `${candidates} ${candidates === 1 ? 'job is' : 'jobs are'} tried`;
  return [
    `${examples} examples are too few to rank candidates: ${few}, checkpoints are left out, and an open verdict is likely.`,
  ];
}
