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
  /** Money that is held back before the leases are known. */
  fundUsd?: number;
  payments?: LeasePayments;
}

export interface LeasedWorkResult {
  callAs: Record<string, string>;
  failures: Record<string, string>;
  spentUsd: number;
  error: string | null;
}

/** A step that needs leases, as a run does it. */
export async function leasedWork(input: LeasedWorkInput): Promise<LeasedWorkResult> {
  const { definition, leases, capUsd, fundUsd, payments } = input;
  const budget = new RunBudget(capUsd, false);
  const taken = new Leases(definition, budget, payments);
  if (fundUsd !== undefined) {
    const reserved = await budget.reserve([{ what: 'fund', usd: fundUsd }]);
    if (!('refused' in reserved)) taken.fund(reserved);
  }
  const result: LeasedWorkResult = { callAs: {}, failures: {}, spentUsd: 0, error: null };
  try {
    await taken.during(leases, async ({ callAs, failures }) => {
      result.callAs = Object.fromEntries(callAs);
      result.failures = Object.fromEntries(failures);
      await work.executeWithOptions({ summary: 'work' }, [result.callAs]);
    });
  } catch (error) {
    if (CancellationScope.current().consideredCancelled) throw error;
    result.error =
      error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : String(error);
  }
  await taken.settleFund();
  return { ...result, spentUsd: budget.spentUsd };
}
