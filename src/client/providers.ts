import {
  type ListedPrice,
  leasePerHour,
  listedPrice,
  type PriceList,
  type Prices,
  priceOrigin,
  type TokenPrice,
} from '../core/evaluation/cost.ts';
import type { LeaseTraits } from '../core/run/lease-plan.ts';
import type { ProviderChoice } from '../core/run/pipeline.ts';
import { TuneloopError } from '../errors.ts';
import type { JobTraits, OptionRule, ProviderProfile } from '../providers/profile.ts';
import { PROFILES, profileOf } from '../providers/profiles/index.ts';

/** A base model with its prices in USD; null where no source gives one. */
export interface DescribedModel {
  /** Its name in pipeline files. */
  name: string;
  /** The provider's own id. */
  id: string;
  /** What is to be known about it. */
  note: string | null;
  trainingPer1M: number | null;
  /** The least that a job costs; 0 where there is no such rule. */
  minimumPerJob: number;
  /** An hour of a serving lease; 0 where its tokens are charged alone. */
  servingPerHour: number | null;
  /** Tokens of the tuned model and of the base model; null where they are not charged. */
  tuned: TokenPrice | 'unknown' | null;
  base: TokenPrice | 'unknown' | null;
}

/** What a value of an option changes. */
export interface DescribedVariant {
  option: string;
  values: string[];
  lease: LeaseTraits | null;
  prices: Pick<PriceList, 'date' | 'source'> | null;
  models: DescribedModel[];
}

/** A provider as its profile and the price file describe it. Nothing was asked. */
export interface ProviderDescription {
  name: string;
  description: string;
  address: string;
  /** The environment variable that holds the key; null where none is needed. */
  keyVariable: string | null;
  /** The day on which its fine-tuning ends; null where none is announced. */
  closes: string | null;
  /** Where the prices are from; null where none are known, or machine time is charged. */
  prices: Pick<PriceList, 'date' | 'source'> | null;
  /** The base models of its catalogue, or those that the price file has; its own list is asked when a run starts. */
  models: DescribedModel[];
  jobs: Pick<
    JobTraits,
    'learningRate' | 'loraRank' | 'takesSeed' | 'batchSize' | 'mostEpochs' | 'metrics' | 'checkpoints' | 'cancelledPays'
  >;
  serving: ProviderProfile['serving'];
  /** The keys of `provider.options`. */
  options: ({ name: string } & Omit<OptionRule, 'changes'>)[];
  /** What differs with values of its options. */
  variants: DescribedVariant[];
  storesCompletions: boolean;
}

/** The providers that a pipeline can name. It needs no key, no server and no network. */
export function describeProviders(prices: Prices): ProviderDescription[] {
  const choices: ProviderChoice[] = [...(Object.keys(PROFILES) as (keyof typeof PROFILES)[]), { profile: 'generic' }];
  return choices.map((choice) => describe(choice, prices));
}

/** @throws TuneloopError USAGE where there is no such provider */
export function providerNamed(all: readonly ProviderDescription[], name: string): ProviderDescription {
  const found = all.find((provider) => provider.name === name);
  if (found) return found;
  throw new TuneloopError('USAGE', `there is no provider ${name}; there are ${all.map((one) => one.name).join(', ')}`);
}

function describe(choice: ProviderChoice, prices: Prices): ProviderDescription {
  const profile = profileOf(choice);
  const { name, description, address, keyVariable, closes, serving, storesCompletions, jobs } = profile;
  const { learningRate, loraRank, takesSeed, batchSize, mostEpochs, metrics, checkpoints, cancelledPays } = jobs;
  return {
    name,
    description,
    address,
    keyVariable,
    closes,
    prices: priceOrigin(prices, profile.billing),
    models: modelsOf(profile, prices),
    jobs: { learningRate, loraRank, takesSeed, batchSize, mostEpochs, metrics, checkpoints, cancelledPays },
    serving,
    options: Object.entries(profile.options).map(([key, { changes: _, ...rule }]) => ({ name: key, ...rule })),
    variants: variantsOf(profile, prices),
    storesCompletions,
  };
}

function modelsOf({ models, billing, serving }: ProviderProfile, prices: Prices): DescribedModel[] {
  if (billing.charges === 'machine-time') return [];
  const known =
    models.length > 0 || billing.priceList !== null
      ? models
      : Object.keys(prices.models).map((name) => ({ name, id: name, note: undefined }));
  return known.map(({ name, id, note }) => {
    const price = listedPrice(prices, billing, name);
    return {
      name,
      id,
      note: note ?? null,
      trainingPer1M: price?.training ?? null,
      minimumPerJob: price?.minimum_per_job ?? 0,
      servingPerHour: serving.lease?.paidByHour === false ? 0 : leasePerHour(prices, billing, name),
      tuned: tokenPrice(price, price?.tuned),
      base: tokenPrice(price, price?.base),
    };
  });
}

/** By the hour alone are charged models whose row has the hour and leaves tokens out. */
function tokenPrice(row: ListedPrice | undefined, price: TokenPrice | null | undefined): DescribedModel['tuned'] {
  return price ?? (price === undefined && row?.serving_per_hour !== undefined ? null : 'unknown');
}

/** Values of options by which leases or prices differ from those of the profile; values with the same effect stand together. */
function variantsOf({ name, options }: ProviderProfile, prices: Prices): DescribedVariant[] {
  return Object.entries(options).flatMap(([option, { changes = {} }]) => {
    const byEffect = new Map<string, DescribedVariant>();
    for (const [value, change] of Object.entries(changes)) {
      if (change.lease === undefined && change.priceList === undefined) continue;
      const profile = profileOf({ profile: name as keyof typeof PROFILES, options: { [option]: value } });
      const effect = {
        lease: profile.serving.lease,
        prices: priceOrigin(prices, profile.billing),
        models: modelsOf(profile, prices),
      };
      const key = JSON.stringify(effect);
      const known = byEffect.get(key);
      if (known) known.values.push(value);
      else byEffect.set(key, { option, values: [value], ...effect });
    }
    return [...byEffect.values()];
  });
}
