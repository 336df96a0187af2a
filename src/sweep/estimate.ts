import { costPer1k, type Prices, tariffOf, trainingCost } from '../evaluation/cost.ts';
import type { Candidate } from './plan.ts';

/** What a run is expected to cost, in USD; null where a price is unknown. */
export interface Estimate {
  trainingUsd: number | null;
  evaluationUsd: number | null;
  totalUsd: number | null;
  /** What an hour of the machine costs, where that is all there is to pay: with the local trainer. */
  machineUsdPerHour: number | null;
  /** Base models and the live baseline that the price file does not know. */
  unknownPrices: string[];
}

export interface EstimateInput {
  prices: Prices;
  local: boolean;
  candidates: readonly Candidate[];
  /** Tokens of the training file, once through. */
  trainTokens: number;
  /** Rows that every candidate answers. */
  validationRows: number;
  /** Rows that only the winner and the baseline answer. */
  testRows: number;
  /** Mean tokens of one example. */
  meanInputTokens: number;
  meanOutputTokens: number;
  /** The live baseline and the mean tokens of its whole prompt. */
  baseline?: { model: string; meanPromptTokens: number };
}

/**
 * Training tokens x epochs x price, and the requests of the evaluation at the price of each model. For the local trainer
 * the cost is machine time, which is not known before; it is far below one cent and is estimated as 0.
 */
export function estimateRun(input: EstimateInput): Estimate {
  if (input.local) {
    const machineUsdPerHour = input.prices.local.machine_usd_per_hour;
    return { trainingUsd: 0, evaluationUsd: 0, totalUsd: 0, machineUsdPerHour, unknownPrices: [] };
  }
  const unknownPrices = new Set<string>();
  const known = (model: string, usd: number | null) => {
    if (usd === null) unknownPrices.add(model);
    return usd ?? 0;
  };
  const usage = { promptTokens: input.meanInputTokens, completionTokens: input.meanOutputTokens };
  let trainingUsd = 0;
  let evaluationUsd = 0;
  let dearest = 0;
  for (const { baseModel, hyperparameters } of input.candidates) {
    const tariff = tariffOf(input.prices, { local: false }, baseModel, true);
    trainingUsd += known(baseModel, trainingCost(tariff, input.trainTokens * hyperparameters.epochs, 0));
    const perRow = known(baseModel, costPer1k(tariff, usage, 0)) / 1000;
    evaluationUsd += perRow * input.validationRows;
    dearest = Math.max(dearest, perRow);
  }
  // Which candidate wins is not known yet: the dearest is assumed.
  evaluationUsd += dearest * input.testRows;
  if (input.baseline) {
    const tariff = tariffOf(input.prices, { local: false }, input.baseline.model, false);
    const prompt = { ...usage, promptTokens: input.baseline.meanPromptTokens };
    evaluationUsd += (known(input.baseline.model, costPer1k(tariff, prompt, 0)) / 1000) * input.testRows;
  }
  if (unknownPrices.size > 0) {
    return {
      trainingUsd: null,
      evaluationUsd: null,
      totalUsd: null,
      machineUsdPerHour: null,
      unknownPrices: [...unknownPrices],
    };
  }
  return {
    trainingUsd,
    evaluationUsd,
    totalUsd: trainingUsd + evaluationUsd,
    machineUsdPerHour: null,
    unknownPrices: [],
  };
}
