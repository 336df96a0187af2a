import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ListedPrice, Prices } from '../../src/core/evaluation/cost.ts';
import type { ProviderProfile } from '../../src/providers/profile.ts';
import type { HostJobState } from './jobs.ts';

/** For a model that no list has. Round figures, so that sums are easy to check by hand. */
const UNLISTED: ListedPrice = { training: 1, serving_per_hour: 6 };

const MACHINE_HOUR = 5.5;

/** The host's prices, read by no code of the product, so that what is booked is checked against a second calculation. */
export class Tariff {
  readonly #models: Readonly<Record<string, ListedPrice>>;
  readonly #profile: ProviderProfile;

  /** @param prices by the names of base models; those of `src/config/prices.json` by default */
  constructor(profile: ProviderProfile, prices?: Readonly<Record<string, ListedPrice>>) {
    this.#profile = profile;
    this.#models = prices ?? listed(profile);
  }

  of(baseName: string): ListedPrice {
    return this.#models[baseName] ?? UNLISTED;
  }

  /** The charge for a job that has ended. @param tokens trained, all epochs together */
  training(baseName: string, state: HostJobState, tokens: number): number {
    const { training, minimum_per_job: minimum = 0 } = this.of(baseName);
    if (state === 'failed') return 0;
    if (state === 'cancelled' && this.#profile.jobs.cancelledPays === 'nothing') return 0;
    if (tokens === 0) return 0;
    return Math.max(minimum, (tokens / 1e6) * (training ?? 0));
  }

  /** Of a machine of one's own, where the list has the price of tokens. */
  machineHour(baseName: string): number {
    return this.of(baseName).serving_per_hour ?? MACHINE_HOUR;
  }

  perHour(baseName: string): number {
    return this.of(baseName).serving_per_hour ?? 0;
  }

  tokens(baseName: string, tuned: boolean, prompt: number, completion: number): number {
    const price = this.of(baseName)[tuned ? 'tuned' : 'base'];
    return price ? (prompt * price.input + completion * price.output) / 1e6 : 0;
  }
}

function listed({ billing }: ProviderProfile): Readonly<Record<string, ListedPrice>> {
  const path = join(import.meta.dirname, '../../src/config/prices.json');
  const prices = JSON.parse(readFileSync(path, 'utf8')) as Prices;
  const list = billing.charges === 'tokens' ? billing.priceList : null;
  return list === null ? prices.models : (prices.lists?.[list]?.models ?? {});
}
