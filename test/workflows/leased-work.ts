import { CancellationScope, proxyActivities } from '@temporalio/workflow';
import type { ArtifactRef } from '../../src/core/run/artifact-ref.ts';
import type { PlannedLease } from '../../src/core/run/lease-plan.ts';
import { type LeasePayments, Leases } from '../../src/workflows/steps/leases.ts';
import { RunBudget } from '../../src/workflows/steps/run-budget.ts';

// For the bundle.
export { deployment } from '../../src/workflows/deployment.ts';

const { work } = proxyActivities<{ work(callAs: Record<string, string>): Promise<void> }>({
  startToCloseTimeout: '1 minute',
  cancellationType: 'TRY_CANCEL',
  heartbeatTimeout: '5 seconds',
  retry: { maximumAttempts: 1 },
});

export interface LeasedWorkInput {
  definition: ArtifactRef;
  leases: PlannedLease[];
  capUsd: number | null;
  payments?: LeasePayments;
}

export interface LeasedWorkResult {
  callAs: Record<string, string>;
  failures: Record<string, string>;
  spentUsd: number;
  error: string | null;
}

/** A step that needs leases, as a run does it. */
export async function leasedWork({ definition, leases, capUsd, payments }: LeasedWorkInput): Promise<LeasedWorkResult> {
  const budget = new RunBudget(capUsd, false);
  const result: LeasedWorkResult = { callAs: {}, failures: {}, spentUsd: 0, error: null };
  try {
    await new Leases(definition, budget, payments).during(leases, async ({ callAs, failures }) => {
      result.callAs = Object.fromEntries(callAs);
      result.failures = Object.fromEntries(failures);
      await work.executeWithOptions({ summary: 'work' }, [result.callAs]);
    });
  } catch (error) {
    if (CancellationScope.current().consideredCancelled) throw error;
    result.error =
      error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : String(error);
  }
  return { ...result, spentUsd: budget.spentUsd };
}
