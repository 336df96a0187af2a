import type { LeaseRequest } from '../core/run/lease.ts';

/**
 * The port for serving leases: what makes a tuned model callable where that has to be created, paid for and removed. Every call is made
 * once: a failure is thrown as a {@link ProviderError}.
 *
 * An implementation has to keep the rules of `tuneloop/testing` (`src/testing/serving.ts`).
 */
export interface Serving {
  /**
   * Creates the lease and loads its models, or takes over the lease of this name. An interrupted creation is finished by the next call.
   *
   * @throws ProviderError for a lease that the provider refuses
   */
  create(request: LeaseRequest): Promise<Lease>;
  /** The lease as it is now; undefined where there is none (any more). */
  find(request: LeaseRequest): Promise<Lease | undefined>;
  /** The leases of this account whose name begins so, whoever created them. */
  list(prefix: string): Promise<ListedLease[]>;
  /** Ends the lease and its bill. A missing lease is no error. */
  remove(lease: ListedLease): Promise<void>;
}

/** A lease in a list. A provider that lists names only leaves its models out. */
export type ListedLease = Pick<LeaseRequest, 'name' | 'models'>;

export interface Lease {
  state: 'starting' | 'ready' | 'failed';
  /** The status in the provider's words, for people. */
  status: string;
  /** Why it failed, in the provider's words; bounded. */
  failure: string | null;
  /** What to call each model by, in the order of the request; known before it is ready. */
  callAs: string[];
  /** Unix seconds; null where the provider does not say. */
  createdAt: number | null;
  /** USD; null where the provider does not say. */
  usdPerHour: number | null;
}
