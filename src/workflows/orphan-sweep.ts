import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { Activities } from '../activities/create-activities.ts';
import { SWEEP } from '../contract/activity-options.ts';
import type { SweepResult } from '../core/run/sweep-result.ts';

const { sweepOrphans } = proxyActivities<Activities>(SWEEP);

/**
 * Cancels jobs at the provider that no open workflow waits for. A run that is cancelled or fails cancels its own; one that
 * is terminated cannot.
 */
export async function orphanSweep(): Promise<SweepResult> {
  const result = await sweepOrphans.executeWithOptions({ summary: 'look for orphaned jobs' }, []);
  setCurrentDetails(
    `${result.pending} jobs are pending; ${result.cancelled.length} had no workflow and were cancelled; ` +
      `${result.removed.length} serving leases had none and were removed`,
  );
  return result;
}
