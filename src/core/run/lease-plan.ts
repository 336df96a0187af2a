/** How a provider leases the machines that serve tuned models; a part of its profile. */
export interface LeaseTraits {
  /** The most models that one lease serves. With more than one, they are all tuned from the base model of the lease. */
  readonly models: number;
  /** The most leases at the same time in one run. */
  readonly atOnce: number;
  /** The usual time from its creation until it answers, in minutes. */
  readonly coldStartMinutes: number;
  /** After this time without a call the provider stops the bill by itself, in minutes; null where it never does. */
  readonly idleMinutes: number | null;
  /** Whether its hours are charged, rather than its tokens. */
  readonly paidByHour: boolean;
  /** Whether the hours of a lease that is kept for production are charged, where that differs. */
  readonly keptByHour?: boolean;
  /** Whether a base model can be leased too, so that both are judged on the same kind of serving. */
  readonly servesBase: boolean;
}

/** A model that answers rows. */
export interface LeaseSubject {
  model: string;
  /** The model that it was tuned from; the model itself where it is a base model. */
  baseModel: string;
  tuned: boolean;
}

/** A lease that an evaluation creates. */
export interface PlannedLease {
  baseModel: string;
  models: string[];
  /** The time that is held back for it. */
  minutes: number;
  /** The money that is held back for it; null where the price of its hours is unknown. */
  usd: number | null;
}

/** Leases that exist at the same time: they are created, asked and removed together. */
export type LeaseBatch = PlannedLease[];

/** How the rows are asked. */
export interface LeaseLoad {
  /** Rows that every model answers. */
  rows: number;
  /** Requests in flight, over all models of a batch together. */
  concurrency: number;
}

/**
 * The time that a leased machine takes for an answer. A short answer of a model of 8 to 120 billion parameters takes from half a second to
 * two seconds.
 */
const SECONDS_A_ROW = 2;

/** The reservation exceeds the estimate by this factor, because machines may be scarce, so that a start takes longer than usual. */
const LEASE_RESERVE = 1.5;

/**
 * The leases of one evaluation, in the order of the subjects. Each model is leased once. A base model gets no lease where the provider
 * leases tuned models alone; elsewhere it shares a lease with the models that are tuned from it, as far as the lease has room.
 *
 * A lease exists until its whole batch has answered, because the rows of a batch are asked together. Its time is its cold start and the
 * answers of the batch, times {@link LEASE_RESERVE}, in whole minutes.
 *
 * @param pricePerHour the price of an hour by base model, in USD; null where it is unknown
 */
export function planLeases(
  traits: LeaseTraits,
  subjects: readonly LeaseSubject[],
  { rows, concurrency }: LeaseLoad,
  pricePerHour: (baseModel: string) => number | null,
): LeaseBatch[] {
  const leases = inGroupsOf(traits, subjects);
  const batches: (typeof leases)[] = [];
  for (let from = 0; from < leases.length; from += traits.atOnce)
    batches.push(leases.slice(from, from + traits.atOnce));
  return batches.map((batch) => {
    const models = batch.reduce((count, lease) => count + lease.models.length, 0);
    const answering = (rows * models * SECONDS_A_ROW) / concurrency / 60;
    const minutes = Math.ceil(LEASE_RESERVE * (traits.coldStartMinutes + answering));
    return batch.map(({ baseModel, models }) => {
      const perHour = traits.paidByHour ? pricePerHour(baseModel) : 0;
      return { baseModel, models, minutes, usd: perHour === null ? null : (perHour * minutes) / 60 };
    });
  });
}

function inGroupsOf(
  { models: most, servesBase }: LeaseTraits,
  subjects: readonly LeaseSubject[],
): Pick<PlannedLease, 'baseModel' | 'models'>[] {
  const leases: Pick<PlannedLease, 'baseModel' | 'models'>[] = [];
  const leased = new Set<string>();
  for (const { model, baseModel, tuned } of subjects) {
    if (leased.has(model) || !(tuned || servesBase)) continue;
    leased.add(model);
    const open = leases.find((lease) => lease.baseModel === baseModel && lease.models.length < most);
    if (open) open.models.push(model);
    else leases.push({ baseModel, models: [model] });
  }
  return leases;
}

/** What all leases of an evaluation cost, in USD; null where a price is unknown. */
export function leasesUsd(batches: readonly LeaseBatch[]): number | null {
  return batches.flat().reduce<number | null>((sum, { usd }) => (sum === null || usd === null ? null : sum + usd), 0);
}
