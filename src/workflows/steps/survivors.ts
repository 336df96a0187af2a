import { ApplicationFailure } from '@temporalio/workflow';

/**
 * Ends the run if no candidate is left.
 *
 * @param failures null for each candidate that is still in, else the reason why it is out
 * @throws ApplicationFailure ALL_CANDIDATES_FAILED with the distinct reasons, at most 1,000 characters of them
 */
export function refuseIfAllFailed(what: string, failures: readonly (string | null)[]): void {
  if (failures.includes(null)) return;
  const reasons = [...new Set(failures)].join('; ').slice(0, 1000);
  throw ApplicationFailure.nonRetryable(`${what}: ${reasons}`, 'ALL_CANDIDATES_FAILED');
}
