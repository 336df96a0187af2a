/** The one place where ids are made. */

/** A run's workflow id: `<pipeline>/<run>`. */
export function runId(pipeline: string, run: string): string {
  return `${pipeline}/${run}`;
}

/** Names a run after its start, to the millisecond: `20261123-081530-042`. */
export function runName(now: Date): string {
  const [date = '', time = ''] = now.toISOString().split('T');
  return `${date.replaceAll('-', '')}-${time.slice(0, 8).replaceAll(':', '')}-${time.slice(9, 12)}`;
}

/** The id of a plan without a run, which no workflow has: `plan/<pipeline>-<time>`. */
export function planId(pipeline: string, now: Date): string {
  return `plan/${pipeline}-${runName(now)}`;
}

/** The workflow id of one candidate's job: `<run id>/<candidate>`. */
export function jobWorkflowId(run: string, candidate: string): string {
  return `${run}/${candidate}`;
}

/** The schedule of a pipeline. */
export function scheduleId(pipeline: string): string {
  return `tuneloop/${pipeline}`;
}

/** The workflow id of a scheduled retraining. Temporal adds the time: `retraining/<pipeline>-<time>`. */
export function retrainingId(pipeline: string): string {
  return `retraining/${pipeline}`;
}

/** The deployment of a pipeline: one workflow for as long as the deployment exists. */
export function deploymentId(pipeline: string): string {
  return `deployment/${pipeline}`;
}

/** The account of a month, by UTC: `budget/2026-11`. */
export function monthlyBudgetId(now: Date): string {
  return `budget/${now.toISOString().slice(0, 7)}`;
}

/** The workflow that looks for orphaned jobs, and its schedule: one for each task queue. */
export const ORPHAN_SWEEP_ID = 'orphan-sweep';

export function orphanSweepScheduleId(taskQueue: string): string {
  return `${ORPHAN_SWEEP_ID}/${taskQueue}`;
}

/** Begins the names of all serving leases of ours at a provider. */
export const LEASE_PREFIX = 'tl-';

/**
 * The name of a serving lease at its provider: `tl-<id of the execution that creates it>-<number>`. The sweep finds out by it whether
 * somebody still needs the lease.
 */
export function leaseName(executionId: string, number: number): string {
  return `${LEASE_PREFIX}${executionId}-${number}`;
}

/** The id of the execution that a lease belongs to; undefined for a name of somebody else. */
export function leaseOwner(name: string): string | undefined {
  return /^tl-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-\d+$/.exec(name)?.[1];
}

/** The labelling of a pipeline's log: one at a time, so that no row is paid twice. */
export function labellingId(pipeline: string): string {
  return `label/${pipeline}`;
}
