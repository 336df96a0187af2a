/** The result of a search for orphaned jobs. */
export interface SweepResult {
  /** Our pending jobs at all providers. */
  pending: number;
  /** Pending jobs that no open workflow waited for, and that were cancelled. */
  cancelled: { jobId: string; workflowId: string }[];
  /** Providers that could not be asked, with the reason. */
  failed: string[];
}
