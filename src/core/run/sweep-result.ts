/** What a look for orphaned jobs has found. */
export interface SweepResult {
  /** Jobs of ours that had not ended, at all providers. */
  pending: number;
  /** Those among them that no open workflow waited for, and that were cancelled. */
  cancelled: { jobId: string; workflowId: string }[];
  /** Providers that could not be asked, with the reason. */
  failed: string[];
}
