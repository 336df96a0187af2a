import type { LeaseTraits } from './lease-plan.ts';

/** A serving lease as it is asked for. */
export interface LeaseRequest {
  /** Our name: lower-case letters, digits and hyphens, at most 60 of them. */
  name: string;
  /** The base model of its models, as in the pipeline file. */
  baseModel: string;
  /** The models that it serves: ids of tuned models, or the base model itself. */
  models: readonly string[];
  /** Whether it serves production: then it neither ends nor sleeps by itself. */
  kept?: boolean;
}

/** What a run has to know to take leases; null in its plan where models can be called without. */
export interface LeaseTerms {
  traits: LeaseTraits;
  /** USD for an hour of a lease, by base model; null where no price is known. Other models are called without a lease. */
  perHour: Record<string, number | null>;
  /** The same for a lease that is kept for production; missing in plans of earlier versions. */
  keptPerHour?: Record<string, number | null>;
}
