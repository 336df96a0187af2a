import { leasePerHour, type Prices } from '../core/evaluation/cost.ts';
import { type Estimate, estimateRun, type FinalEstimate } from '../core/run/estimate.ts';
import type { LeaseTerms } from '../core/run/lease.ts';
import type { Pipeline } from '../core/run/pipeline.ts';
import { isTinySet, planCandidates } from '../core/run/plan.ts';
import type { Plan, PlanInput, PlannedCandidate } from '../core/run/run-plan.ts';
import { usdText } from '../core/text/format.ts';
import { TuneloopError } from '../errors.ts';
import type { Model } from '../providers/inference.ts';
import { modelId, type ProviderIds, type ProviderProfile } from '../providers/profile.ts';
import { misfitsOf } from '../providers/profiles/fit.ts';
import { readPastWinners } from '../stores/past-winners.ts';
import { type Dependencies, loadPipeline } from './support/dependencies.ts';
import { shutdownDateOf } from './support/shutdown-date.ts';

/** A model that will be switched off within this time causes a warning. */
const SHUTDOWN_WARNING_DAYS = 90;
const DAY_MS = 86_400_000;

/**
 * Lays out the sweep, past winners first, and makes sure before any upload or payment that the run can succeed: the provider answers,
 * accepts the key, lets this account fine-tune, and has the models for some time yet; the budget pays for at least one candidate.
 */
export function createPlan(dependencies: Dependencies) {
  return async ({ definition, dataset, champion }: PlanInput): Promise<Plan> => {
    const pipeline = await loadPipeline(dependencies, definition);
    refuseMisfits(pipeline);
    const { training, inference, profile } = dependencies.connectProvider(pipeline.provider);
    const { summary, tokens } = dataset;
    const { baseline, alternatives, judge } = pipeline.evaluation;
    const examples = summary.train + summary.validation + summary.test;
    const past = await readPastWinners(dependencies.home, pipeline.name);
    const candidates = planCandidates(pipeline.candidates, {
      seed: pipeline.split.seed,
      examples,
      learningRate: profile.jobs.learningRate,
      pastWinners: past.winners,
    });
    const baselineModel = baseline === 'recorded' ? null : baseline.live;
    const asked = [
      ...(baselineModel === null ? [] : [baselineModel]),
      ...alternatives,
      ...(judge ? [judge.model] : []),
    ];
    const wanted = [...new Set([...candidates.map(({ baseModel }) => baseModel), ...asked])];
    await training.checkFineTuning();
    const models = await inference.listModels();
    refuseMissingModels(
      wanted.map((model) => modelId(profile, model)),
      models,
      profile.ids,
    );

    const checkpoints = pipeline.candidates.checkpoints ? { validation: summary.validation, examples } : null;
    const { candidates: reserves, ...estimate } = estimateRun({
      prices: dependencies.prices,
      billing: profile.billing,
      candidates,
      tokens: tokens.treated,
      validationRows: summary.validation,
      testRows: summary.test,
      meanOutputTokens: tokens.completion,
      meanPromptTokens: tokens.prompt,
      baselineModel,
      champion,
      alternatives,
      checkpoints,
      judge: judge ? { model: judge.model, budgetUsd: judge.budget_usd ?? null } : null,
    });
    const planned = candidates.map((candidate, index) => ({
      ...candidate,
      reserve: reserves[index] ?? { trainingUsd: null, evaluationUsd: null },
    }));
    const monthly = dependencies.monthlyBudgetUsd !== null && profile.billing.charges === 'tokens';
    refuseUnknownPrices(pipeline, monthly, estimate.unknownPrices);
    const affordable = countAffordable(pipeline.budget_usd ?? null, planned, estimate.final);
    return {
      candidates: planned,
      estimate: { ...estimate, text: estimateText(estimate, pipeline.budget_usd ?? null, affordable, planned.length) },
      reserveFinal: estimate.final,
      localTrainer: !profile.languageModels,
      checkpoints,
      leases: leaseTerms(dependencies.prices, profile, wanted),
      monthly,
      championEndsAt: champion && endNear(shutdownDateOf(champion, models), pipeline, new Date()),
      warnings: [
        ...shutdowns(wanted, models, new Date()),
        ...(past.warning === null ? [] : [past.warning]),
        ...tinySetWarnings(examples, candidates.length),
      ],
    };
  };
}

/** The terms of the leases of these models; null where models are called without. Models that are in no catalogue are called without too. */
function leaseTerms(prices: Prices, profile: ProviderProfile, models: readonly string[]): LeaseTerms | null {
  const { lease: traits } = profile.serving;
  if (!traits) return null;
  const known = models.filter((model) => profile.models.some(({ id, name }) => id === model || name === model));
  return {
    traits,
    perHour: Object.fromEntries(
      known.map((model) => [model, traits.paidByHour ? leasePerHour(prices, profile.billing, model) : 0]),
    ),
  };
}

/** Runs are started by any client, and not from a pipeline file alone. */
function refuseMisfits(pipeline: Pipeline): void {
  const misfits = misfitsOf(pipeline).map(({ path, message }) => `${path.join('.')} ${message}`);
  if (misfits.length > 0) throw new TuneloopError('PIPELINE_INVALID', misfits.join('; '));
}

function refuseMissingModels(wanted: readonly string[], offered: readonly Model[], { tunedModel }: ProviderIds): void {
  const missing = wanted.filter((model) => !offered.some(({ id }) => id === model));
  if (missing.length === 0) return;
  const some = offered.map(({ id }) => id).filter((id) => !tunedModel.test(id));
  throw new TuneloopError(
    'PROVIDER_REFUSED',
    `the provider has no model ${missing.join(', ')}; it offers ${some.slice(0, 20).join(', ')}`,
  );
}

/** Warnings about models that will be switched off. @throws TuneloopError for models that already are. */
function shutdowns(wanted: readonly string[], offered: readonly Model[], now: Date): string[] {
  return offered.flatMap(({ id, shutdownDate }) => {
    if (!shutdownDate || !wanted.includes(id)) return [];
    const day = shutdownDate.toISOString().slice(0, 10);
    if (shutdownDate <= now) {
      throw new TuneloopError(
        'PROVIDER_REFUSED',
        `the provider has switched ${id} off on ${day}: choose another model`,
      );
    }
    const days = Math.ceil((shutdownDate.getTime() - now.getTime()) / DAY_MS);
    return days <= SHUTDOWN_WARNING_DAYS ? [`The provider switches ${id} off on ${day}, in ${days} days.`] : [];
  });
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

function refuseUnknownPrices(
  { budget_usd: budget, evaluation: { judge } }: Pipeline,
  monthly: boolean,
  unknownPrices: readonly string[],
): void {
  const cap =
    budget !== undefined
      ? 'budget_usd'
      : monthly
        ? 'TUNELOOP_MONTHLY_BUDGET_USD'
        : judge?.budget_usd !== undefined && unknownPrices.includes(judge.model)
          ? 'evaluation.judge.budget_usd'
          : null;
  if (unknownPrices.length === 0 || cap === null) return;
  throw new TuneloopError(
    'BUDGET_EXCEEDED',
    `${cap} is set, but the price file has no price for ${unknownPrices.join(', ')}: add one with TUNELOOP_PRICES`,
  );
}

/** The number of candidates, in their order, that the budget pays for. @throws TuneloopError if it pays for none. */
function countAffordable(
  budget: number | null,
  candidates: readonly PlannedCandidate[],
  { testUsd, baselineUsd, championUsd, alternativesUsd, judgeUsd }: FinalEstimate,
): number {
  if (budget === null) return candidates.length;
  let left = [testUsd, baselineUsd, championUsd, judgeUsd, ...alternativesUsd].reduce<number>(
    (rest, usd) => rest - (usd ?? 0),
    budget,
  );
  let count = 0;
  for (const { reserve } of candidates) {
    const usd = (reserve.trainingUsd ?? 0) + (reserve.evaluationUsd ?? 0);
    if (usd > left) continue;
    left -= usd;
    count += 1;
  }
  if (count > 0) return count;
  throw new TuneloopError(
    'BUDGET_EXCEEDED',
    `budget_usd is ${usdText(budget)}, which does not pay for a single candidate with its evaluation: raise it, or take fewer rows or epochs`,
  );
}

function estimateText(
  { trainingUsd, evaluationUsd, totalUsd, machineUsdPerHour, unknownPrices }: Omit<Estimate, 'candidates'>,
  budget: number | null,
  affordable: number,
  candidates: number,
): string {
  if (machineUsdPerHour !== null)
    return `Estimate: machine time at ${usdText(machineUsdPerHour)} an hour (local trainer)`;
  if (totalUsd === null || trainingUsd === null || evaluationUsd === null) {
    return `Estimate: no price known for ${unknownPrices.join(', ')}`;
  }
  const sum = `Estimate: ${usdText(trainingUsd)} training + ${usdText(evaluationUsd)} evaluation = ${usdText(totalUsd)}`;
  if (budget === null || affordable === candidates) return sum;
  return `${sum}; budget_usd of ${usdText(budget)} pays for about ${affordable} of ${candidates} candidates`;
}
