import type { TokenUsage } from '@tuneloop/app/internal/prompt/chat-message';

/** Prices as the price file has them: USD per 1M tokens, and USD per hour of the machine for the local trainer. */
export interface Prices {
  date: string;
  source: string;
  local: { machine_usd_per_hour: number };
  models: Record<string, ModelPrice>;
  /** Price lists of single providers, by the name that their profile gives in `billing.priceList`. */
  lists?: Record<string, PriceList> | undefined;
}

/** The prices of one provider. */
export interface PriceList {
  date: string;
  source: string;
  models: Record<string, ListedPrice>;
}

export interface ListedPrice {
  /** USD per 1M tokens, times epochs; absent where no source gives it. */
  training?: number | undefined;
  /** The least that a job costs, in USD. */
  minimum_per_job?: number | undefined;
  /** An hour of a serving lease, in USD; absent where its tokens are charged. */
  serving_per_hour?: number | undefined;
  /** Absent where the model is served by the hour alone; null where its tokens are charged and no source gives the price. */
  tuned?: TokenPrice | null | undefined;
  base?: TokenPrice | null | undefined;
}

/** USD per 1M tokens. */
export interface TokenPrice {
  input: number;
  cached?: number | undefined;
  output: number;
}

/** What a provider charges for; a part of its profile. */
export type Billing =
  /** By the model's row in a price list; null for the list `models`. */
  | {
      readonly charges: 'tokens';
      readonly priceList: string | null;
      /** The list's name of a model, by the provider's id of it, where they differ. */
      readonly names?: Readonly<Record<string, string>>;
    }
  /** The time that a machine of one's own works. */
  | { readonly charges: 'machine-time'; readonly usdPerHour?: number };

export interface ModelPrice {
  training: number;
  tuned: TokenPrice;
  base: TokenPrice;
}

/** The tariff of training: tokens at a model's price, or time on a machine of one's own. */
export type TrainingTariff =
  | { kind: 'tokens'; per1M: number; minimumUsd: number }
  | { kind: 'machine'; usdPerHour: number }
  | { kind: 'unknown' };

/** The tariff of serving: tokens at a model's price, or time on a machine of one's own or on a leased one. */
export type Tariff =
  | {
      kind: 'tokens';
      inputPer1M: number;
      /** Input tokens that the provider finds in its cache of prefixes; null where they have no price of their own. */
      cachedInputPer1M: number | null;
      outputPer1M: number;
    }
  | { kind: 'machine'; usdPerHour: number }
  | { kind: 'unknown' };

/**
 * The tariff of asking a model. A model that is served by the hour costs the time that the leased machine works on a request.
 *
 * @param baseModel the model that was tuned, or is called as it is.
 */
export function tariffOf(prices: Prices, billing: Billing, baseModel: string, tuned: boolean): Tariff {
  if (billing.charges === 'machine-time') return { kind: 'machine', usdPerHour: machinePerHour(prices, billing) };
  const price = listedPrice(prices, billing, baseModel);
  const tokens = tuned ? price?.tuned : price?.base;
  if (tokens) {
    const { input, cached = null, output } = tokens;
    return { kind: 'tokens', inputPer1M: input, cachedInputPer1M: cached, outputPer1M: output };
  }
  if (tokens === null) return { kind: 'unknown' };
  const usdPerHour = price?.serving_per_hour;
  return usdPerHour === undefined ? { kind: 'unknown' } : { kind: 'machine', usdPerHour };
}

/** The price of an hour of a machine of one's own, in USD: that of the pipeline, else that of the price list. */
export function machinePerHour(
  { local }: Prices,
  { usdPerHour }: Extract<Billing, { charges: 'machine-time' }>,
): number {
  return usdPerHour ?? local.machine_usd_per_hour;
}

/** The tariff of training a model. */
export function trainingTariffOf(prices: Prices, billing: Billing, baseModel: string): TrainingTariff {
  if (billing.charges === 'machine-time') return { kind: 'machine', usdPerHour: machinePerHour(prices, billing) };
  const price = listedPrice(prices, billing, baseModel);
  if (price?.training === undefined) return { kind: 'unknown' };
  return { kind: 'tokens', per1M: price.training, minimumUsd: price.minimum_per_job ?? 0 };
}

/**
 * The price of an hour of a serving lease for a model, in USD: 0 where its tokens are charged instead, null where no price is known.
 */
export function leasePerHour(prices: Prices, billing: Billing, baseModel: string): number | null {
  if (billing.charges === 'machine-time') return 0;
  const price = listedPrice(prices, billing, baseModel);
  return price ? (price.serving_per_hour ?? (price.tuned ? 0 : null)) : null;
}

/** Where the prices of a provider are from; null where none are known, or machine time is charged. */
export function priceOrigin(prices: Prices, billing: Billing): Pick<PriceList, 'date' | 'source'> | null {
  if (billing.charges === 'machine-time') return null;
  const list = billing.priceList === null ? prices : prices.lists?.[billing.priceList];
  return list ? { date: list.date, source: list.source } : null;
}

/** Dated names (`gpt-4o-2024-08-06`) are charged as the model they start with. */
export function listedPrice(
  prices: Prices,
  { priceList, names }: Extract<Billing, { charges: 'tokens' }>,
  model: string,
): ListedPrice | undefined {
  const list: Record<string, ListedPrice> | undefined =
    priceList === null ? prices.models : prices.lists?.[priceList]?.models;
  return list?.[(names?.[model] ?? model).replace(/-\d{4}-\d{2}-\d{2}$/, '')];
}

/**
 * Mean cost of 1,000 requests in USD; null where no price is known.
 *
 * @param serverMs typical time that the server works on one request, in milliseconds, which the machine tariff charges.
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

/** How a provider charges a prefix of a prompt that it has seen a moment ago; a part of its profile. */
export interface PromptCache {
  /** The shortest prefix that is charged as cached, in tokens. */
  readonly fewestTokens: number;
  /** Longer prefixes are cached in steps of this many tokens. */
  readonly stepTokens: number;
}

/**
 * The tokens of a prompt that are charged as cached, if its prefix was sent a moment ago: the longest known prefix, in whole steps.
 *
 * @param prefixTokens the number of tokens at its beginning that the prompt shares with others.
 * @param cache the provider's rule; null where it caches nothing
 */
export function cachedTokens(promptTokens: number, prefixTokens: number, cache: PromptCache | null): number {
  const shared = Math.min(promptTokens, prefixTokens);
  return cache === null || shared < cache.fewestTokens ? 0 : shared - (shared % cache.stepTokens);
}

/** As {@link costPer1k}, if the provider finds this many tokens of the mean prompt in its cache; null where no price for that is known. */
export function cachedCostPer1k(tariff: Tariff, meanUsage: TokenUsage, meanCachedTokens: number): number | null {
  if (tariff.kind !== 'tokens' || tariff.cachedInputPer1M === null) return null;
  const { inputPer1M, cachedInputPer1M, outputPer1M } = tariff;
  const { promptTokens, completionTokens } = meanUsage;
  const input = (promptTokens - meanCachedTokens) * inputPer1M + meanCachedTokens * cachedInputPer1M;
  return (input + completionTokens * outputPer1M) / 1000;
}

/** Cost of one training job in USD, or null where no price is known. `trainedTokens` counts every epoch. */
export function trainingCost(tariff: TrainingTariff, trainedTokens: number, seconds: number): number | null {
  switch (tariff.kind) {
    case 'tokens':
      return Math.max(tariff.minimumUsd, (trainedTokens / 1e6) * tariff.per1M);
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
