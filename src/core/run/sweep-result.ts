/** The result of a search for orphaned jobs and serving leases. */
export interface SweepResult {
  /** Our pending jobs at all providers. */
  pending: number;
  /** Pending jobs that no open workflow waited for, and that were cancelled. */
  cancelled: { jobId: string; workflowId: string }[];
  /** Names of serving leases that no open workflow needed, and that were removed. */
  removed: string[];
  /** Providers that could not be asked, with the reason. */
  failed: string[];
}
