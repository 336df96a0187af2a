import { usdText } from '../text/format.ts';

/**
 * What a reader has to know beside the cost per call of a model that is served by the hour: a leased machine costs the same without calls.
 *
 * @param usdPerHour the price of the lease: 0 or undefined where calls are charged, null where no price is known
 * @param baseline what a call costs now; null for unknown costs
 * @returns one or two sentences; null where calls are charged
 */
export function hourlyCostText(
  usdPerHour: number | null | undefined,
  { costPer1kUsd, cachedCostPer1kUsd }: { costPer1kUsd: number | null; cachedCostPer1kUsd: number | null },
): string | null {
  if (usdPerHour === 0 || usdPerHour === undefined) return null;
  const price = usdPerHour === null ? 'an unknown price per hour' : `${usdText(usdPerHour)} an hour`;
  const lease = `The winner is served by a leased machine for ${price}, with or without calls; its cost per call counts working time alone.`;
  const before = cachedCostPer1kUsd ?? costPer1kUsd;
  if (usdPerHour === null || before === null || before === 0) return lease;
  const calls = Math.ceil((usdPerHour / before) * 1000);
  return `${lease} Below ${calls.toLocaleString('en')} calls an hour it costs more than the baseline.`;
}
