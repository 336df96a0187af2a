import type { TokenUsage } from '../dataset/row.ts';

/** Prices as the price file has them: USD per 1M tokens, and USD per hour of the machine for the local trainer. */
export interface Prices {
  date: string;
  source: string;
  local: { machine_usd_per_hour: number };
  models: Record<string, ModelPrice>;
}

export interface ModelPrice {
  training: number;
  tuned: { input: number; cached?: number; output: number };
  base: { input: number; output: number };
}

/** What serving is paid by: tokens at a model's price, or time on one's own machine. */
export type Tariff =
  | { kind: 'tokens'; inputPer1M: number; outputPer1M: number; trainingPer1M: number }
  | { kind: 'machine'; usdPerHour: number }
  | { kind: 'unknown' };

/**
 * The tariff of a model. Dated names (`gpt-4o-2024-08-06`) are charged as the model they start with.
 *
 * @param baseModel the model that was tuned, or is called as it is.
 */
export function tariffOf(prices: Prices, provider: { local: boolean }, baseModel: string, tuned: boolean): Tariff {
  if (provider.local) return { kind: 'machine', usdPerHour: prices.local.machine_usd_per_hour };
  const price = prices.models[baseModel.replace(/-\d{4}-\d{2}-\d{2}$/, '')];
  if (!price) return { kind: 'unknown' };
  const { input, output } = tuned ? price.tuned : price.base;
  return { kind: 'tokens', inputPer1M: input, outputPer1M: output, trainingPer1M: price.training };
}

/**
 * Mean cost of 1,000 requests in USD, or null where no price is known.
 *
 * @param serverMs typical time the server worked on one request, in milliseconds; charged by the machine tariff.
 */
export function costPer1k(tariff: Tariff, meanUsage: TokenUsage, serverMs: number): number | null {
  switch (tariff.kind) {
    case 'tokens':
      return (meanUsage.promptTokens * tariff.inputPer1M + meanUsage.completionTokens * tariff.outputPer1M) / 1000;
    case 'machine':
      return (serverMs / 3_600_000) * tariff.usdPerHour * 1000;
    case 'unknown':
      return null;
  }
}

/** Cost of one training job in USD, or null where no price is known. `trainedTokens` counts every epoch. */
export function trainingCost(tariff: Tariff, trainedTokens: number, seconds: number): number | null {
  switch (tariff.kind) {
    case 'tokens':
      return (trainedTokens / 1e6) * tariff.trainingPer1M;
    case 'machine':
      return (seconds / 3600) * tariff.usdPerHour;
    case 'unknown':
      return null;
  }
}

/** How much cheaper `cost` is than `baseline`, in percent; null where either is unknown. */
export function savingPercent(baseline: number | null, cost: number | null): number | null {
  if (baseline === null || cost === null || baseline === 0) return null;
  return (1 - cost / baseline) * 100;
}
