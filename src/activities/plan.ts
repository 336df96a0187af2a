import { createHash } from 'node:crypto';
import type { Pipeline } from '../config/pipeline.ts';
import { TuneloopError } from '../errors.ts';
import { usdText } from '../report/format.ts';
import type { ArtifactRef } from '../storage/artifact-store.ts';
import { type Estimate, estimateRun } from '../sweep/estimate.ts';
import { type Candidate, planCandidates } from '../sweep/plan.ts';
import { currentWorkflowId, type Dependencies, loadPipeline } from './dependencies.ts';
import type { Dataset } from './prepare.ts';

export interface PlannedCandidate extends Candidate {
  /** Finds the candidate's job at the provider again, whatever happened to the process that created it. */
  key: string;
  /** From the same hash, so that jobs can be told apart on servers that keep no metadata. */
  seed: number;
}

export interface Plan {
  candidates: PlannedCandidate[];
  estimate: Estimate & { text: string };
}

/** Lays out the sweep, asks the provider whether it can serve it, and refuses what is over the budget. */
export function createPlan(dependencies: Dependencies) {
  return async ({ definition, dataset }: { definition: ArtifactRef; dataset: Dataset }): Promise<Plan> => {
    const pipeline = await loadPipeline(dependencies, definition);
    const provider = dependencies.connectProvider(pipeline.provider);
    const candidates = planCandidates(pipeline.candidates);
    const { baseline } = pipeline.evaluation;
    const live = baseline === 'recorded' ? [] : [baseline.live];
    refuseMissingModels([...candidates.map(({ baseModel }) => baseModel), ...live], await provider.listModels());

    const { summary, tokens } = dataset;
    const estimate = estimateRun({
      prices: dependencies.prices,
      local: provider.local,
      candidates,
      trainTokens: tokens.train,
      validationRows: summary.validation,
      testRows: summary.test,
      meanInputTokens: tokens.input,
      meanOutputTokens: tokens.completion,
      ...(baseline === 'recorded' ? {} : { baseline: { model: baseline.live, meanPromptTokens: tokens.prompt } }),
    });
    refuseOverBudget(pipeline, estimate);
    const runId = currentWorkflowId();
    return {
      candidates: candidates.map((candidate) => ({ ...candidate, ...identify(candidate, runId, summary.version) })),
      estimate: { ...estimate, text: estimateText(estimate) },
    };
  };
}

/**
 * Key and seed of a candidate's job: a hash over everything that makes it this job and no other. Neither the attempt nor
 * Temporal's run id is in it, because the job outlives both.
 */
export function identify(candidate: Candidate, runId: string, datasetVersion: string): { key: string; seed: number } {
  const { id, baseModel, hyperparameters } = candidate;
  const { learningRateMultiplier, epochs, batchSize = null } = hyperparameters;
  const parts = [runId, id, datasetVersion, baseModel, learningRateMultiplier, epochs, batchSize];
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest();
  // The protocol's seeds are 0 to 2^31 - 1.
  return { key: hash.toString('hex'), seed: hash.readUInt32BE(0) >>> 1 };
}

function refuseMissingModels(wanted: readonly string[], offered: readonly string[]): void {
  const missing = [...new Set(wanted)].filter((model) => !offered.includes(model));
  if (missing.length === 0) return;
  const some = offered.filter((model) => !model.startsWith('ft:')).slice(0, 20);
  throw new TuneloopError(
    'PROVIDER_REFUSED',
    `the provider has no model ${missing.join(', ')}; it offers ${some.join(', ')}`,
  );
}

function refuseOverBudget({ budget_usd: budget }: Pipeline, { totalUsd, unknownPrices }: Estimate): void {
  if (budget === undefined) return;
  if (totalUsd === null) {
    throw new TuneloopError(
      'BUDGET_EXCEEDED',
      `budget_usd is set, but the price file has no price for ${unknownPrices.join(', ')}: add one with TUNELOOP_PRICES`,
    );
  }
  if (totalUsd > budget) {
    throw new TuneloopError(
      'BUDGET_EXCEEDED',
      `the run is estimated at ${usdText(totalUsd)} and budget_usd is ${usdText(budget)}: take fewer candidates or epochs, or raise it`,
    );
  }
}

function estimateText({ trainingUsd, evaluationUsd, totalUsd, machineUsdPerHour, unknownPrices }: Estimate): string {
  if (machineUsdPerHour !== null)
    return `Estimate: machine time at ${usdText(machineUsdPerHour)} an hour (local trainer)`;
  if (totalUsd === null || trainingUsd === null || evaluationUsd === null) {
    return `Estimate: no price known for ${unknownPrices.join(', ')}`;
  }
  return `Estimate: ${usdText(trainingUsd)} training + ${usdText(evaluationUsd)} evaluation = ${usdText(totalUsd)}`;
}
