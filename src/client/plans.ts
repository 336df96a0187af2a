import { mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import { readAlias } from '@tuneloop/app/internal/predict/alias-reader';
import type { Environment } from '../config/environment.ts';
import { pipelineSchema } from '../config/pipeline.ts';
import { readPrices } from '../config/prices.ts';
import { planId } from '../contract/ids.ts';
import { type PriceList, priceOrigin } from '../core/evaluation/cost.ts';
import type { Dataset } from '../core/run/dataset.ts';
import type { Pipeline } from '../core/run/pipeline.ts';
import type { Plan, PlanInput } from '../core/run/run-plan.ts';
import type { StepProgress } from '../core/run/step-progress.ts';
import { redactMessage } from '../core/text/redaction.ts';
import { TuneloopError } from '../errors.ts';
import { collectLog } from '../planning/collect-log.ts';
import { type LayOutInput, layOutRun, refuseMisfits } from '../planning/lay-out-run.ts';
import { makeVersion } from '../planning/make-version.ts';
import { planNotes } from '../planning/plan-notes.ts';
import type { PlanningStep } from '../planning/planning-step.ts';
import { connectProvider } from '../providers/connect.ts';
import { profileOf } from '../providers/profiles/index.ts';
import { ProviderError } from '../providers/provider-error.ts';
import { duringPlan } from '../stores/plans-in-progress.ts';
import { trainerUrlOf } from '../stores/services-file.ts';
import { stateInAlias } from '../stores/state-in-alias.ts';
import { askForEstimates, askHost, type HostEstimates } from './host-questions.ts';
import { artifactsOf } from './runs.ts';

/** The plan of a run before it starts. */
export interface PlannedRun {
  dataset: Pick<Dataset, 'summary' | 'text' | 'warnings'>;
  plan: Plan;
  provider: {
    /** The name of its profile. */
    name: string;
    /** Why it was not asked for its models; null where it has answered. */
    notAsked: string | null;
    /** Its own estimate of what the jobs cost. */
    estimates: HostEstimates;
    /** Whether it reports figures while it trains, by which a job is stopped early. */
    reportsFigures: boolean;
    /** What it does otherwise than OpenAI, one sentence each. */
    notes: string[];
    /** Where the prices are from; null where none are known, or machine time is charged. */
    prices: Pick<PriceList, 'date' | 'source'> | null;
  };
}

/** A plan, or its failure, as it is printed with `--json`. */
export type EndedPlan =
  | ({ planId: string; status: 'completed' } & PlannedRun)
  | { planId: string; status: 'cancelled' | 'failed'; error: { code: string; message: string } };

export interface PlanOptions {
  /** Cancels the plan. */
  signal?: AbortSignal;
  /** Is told how far the plan is. */
  onProgress?: (progress: StepProgress) => void;
}

/**
 * Plans a run in this process: the log becomes a dataset version, which a later run finds again, and the sweep is laid out. It uploads and
 * pays nothing, and needs neither a server nor a worker nor a key: where the provider answers, its own list of models counts.
 */
export async function makePlan(
  environment: Environment,
  definition: Pipeline,
  { signal = new AbortController().signal, onProgress }: PlanOptions = {},
): Promise<EndedPlan> {
  // As a worker reads it: a dataset version is known again by a hash of some keys in their order.
  const pipeline: Pipeline = pipelineSchema.parse(definition);
  const id = planId(pipeline.name, new Date());
  try {
    refuseMisfits(pipeline);
    const planned = await duringPlan(environment.home, id, (folder) => {
      const step: PlanningStep = {
        artifacts: artifactsOf(environment),
        home: environment.home,
        connectProvider: (choice) => connectProvider(choice, trainerUrlOf(environment)),
        signal,
        onProgress: (name, rows, of) => onProgress?.({ step: name, rows, of }),
      };
      return planWith(environment, pipeline, step, folder);
    });
    return { planId: id, status: 'completed', ...planned };
  } catch (error) {
    if (signal.aborted) return { planId: id, status: 'cancelled', error: CANCELLED };
    if (!(error instanceof ProviderError || error instanceof TuneloopError)) throw error;
    return { planId: id, status: 'failed', error: { code: error.code, message: redactMessage(error.message) } };
  }
}

const CANCELLED = { code: 'CANCELLED', message: 'it was cancelled' };

async function planWith(
  environment: Environment,
  pipeline: Pipeline,
  step: PlanningStep,
  folder: string,
): Promise<PlannedRun> {
  const prices = readPrices(environment.pricesFile);
  const { summary, files, ...dataset } = await versionOf(pipeline, step, folder);
  step.signal.throwIfAborted();
  const champion = await championOf(environment, pipeline);
  const answer = await askHost(() => step.connectProvider(pipeline.provider));
  const profile = answer.asked ? answer.provider.profile : profileOf(pipeline.provider, trainerUrlOf(environment));
  const plan = await layOutRun(pipeline, {
    profile,
    original: await originalOf(pipeline, step, environment),
    offered: answer.asked ? answer.models : null,
    dataset: { summary, files, ...dataset },
    champion,
    home: environment.home,
    prices,
    monthlyBudgetUsd: environment.monthlyBudgetUsd,
  });
  step.signal.throwIfAborted();
  return {
    dataset: { summary, text: dataset.text, warnings: dataset.warnings },
    plan,
    provider: {
      name: profile.name,
      notAsked: answer.asked ? null : answer.reason,
      estimates: answer.asked
        ? await askForEstimates(answer.provider, plan.candidates, files)
        : { candidates: null, reason: answer.reason },
      reportsFigures: profile.jobs.metrics !== 'none',
      notes: planNotes(profile, pipeline),
      prices: priceOrigin(prices, profile.billing),
    },
  };
}

/** The provider of the original prompt, where that is another one. */
async function originalOf(
  { original_provider: choice }: Pipeline,
  { connectProvider: connect }: PlanningStep,
  environment: Environment,
): Promise<LayOutInput['original']> {
  if (choice === undefined) return null;
  const answer = await askHost(() => connect(choice));
  if (answer.asked) return { profile: answer.provider.profile, offered: answer.models };
  return { profile: profileOf(choice, trainerUrlOf(environment)), offered: null };
}

/** The dataset version of the log as it is now. A run may make one at the same time: then the plan builds on it. */
async function versionOf(pipeline: Pipeline, step: PlanningStep, folder: string): Promise<Dataset> {
  const attempt = async () =>
    makeVersion(pipeline, await collectLog(pipeline, step), step, async (work) =>
      work(await mkdtemp(path.join(folder, 'version-'))),
    );
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof TuneloopError && error.code === 'DATASET_CHANGED')) throw error;
    return attempt();
  }
}

/** The serving model, as the alias names it; null for the original prompt. */
async function championOf({ home }: Environment, { name }: Pipeline): Promise<PlanInput['champion']> {
  const alias = await readAlias(home, name);
  return (alias && stateInAlias(alias)?.champion) ?? null;
}
