import type { ArtifactRef } from './artifact-ref.ts';
import type { LeaseRequest } from './lease.ts';

/** The progress of a deployment's workflow, besides the decisions themselves. */
export interface DeploymentProgress {
  /** Number of the newest decision that applications know. */
  written: number;
  /** Number of the newest decision that people were told of. */
  told: number;
  /** Number of the newest proposal that people were reminded of. */
  reminded: number;
  canary: CanaryLooks | null;
  /** The serving leases that exist, or may exist; missing in histories of earlier versions. */
  leases?: KeptLease[];
  /** The number of leases that were named so far. */
  leasesNamed?: number;
}

/** A serving lease that is kept while its model serves. */
export interface KeptLease {
  request: LeaseRequest;
  definition: ArtifactRef;
  monthly: boolean;
  /** What to call the model by; null until the provider has said it. */
  callAs: string | null;
  /** Whether it has answered. */
  ready: boolean;
  usdPerHour: number | null;
  /** Until when its cost is booked, in milliseconds since 1970. */
  bookedUntil: number;
  /** The number of times that its cost was booked. */
  bookings: number;
  /** Since when no model of the deployment needs it; null while one does. */
  unusedSince: number | null;
}

/** The findings of the looks at one stage of a canary so far. */
export interface CanaryLooks {
  decision: number;
  looks: number;
  /** When the next look is due, in milliseconds since 1970. */
  nextAt: number;
  /** The findings in words. */
  text: string;
}
