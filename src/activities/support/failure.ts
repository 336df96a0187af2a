import { ApplicationFailure, CancelledFailure, TemporalFailure } from '@temporalio/common';
import { redactMessage } from '../../core/text/redaction.ts';
import { type ErrorCode, TuneloopError } from '../../errors.ts';
import { ProviderError } from '../../providers/provider-error.ts';

/** Codes of our own errors that another attempt may not meet. */
const MAY_PASS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'DATASET_CHANGED',
  'SOURCE_UNREACHABLE',
  'ANALYZER_UNREACHABLE',
]);

/**
 * The form of an error in a workflow's history. The message is bounded and holds no credentials, and it has neither the cause nor the
 * stack, because they may hold requests and rows. Errors that the SDK or a workflow raised do not pass this function and meet the same
 * rules in `worker/failure-converter.ts`.
 */
export function toFailure(error: unknown): TemporalFailure {
  if (error instanceof TemporalFailure) return error;
  if (error instanceof ProviderError) {
    return ApplicationFailure.create({
      message: redactMessage(error.message),
      type: error.code,
      nonRetryable: !error.retryable,
      ...(error.retryAfterMs === undefined ? {} : { nextRetryDelay: error.retryAfterMs }),
    });
  }
  if (error instanceof TuneloopError) {
    return ApplicationFailure.create({
      message: redactMessage(error.message),
      type: error.code,
      nonRetryable: !MAY_PASS.has(error.code),
    });
  }
  if (error instanceof Error && error.name === 'AbortError') return new CancelledFailure('cancelled');
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  if (isDiskFull(error)) {
    // Not retried, because an evaluation would pay each time for rows that it cannot keep. A person has to act first.
    return ApplicationFailure.nonRetryable(redactMessage(`free some space in TUNELOOP_HOME (${text})`), 'DISK_FULL');
  }
  return ApplicationFailure.create({ message: redactMessage(text), type: 'INTERNAL' });
}

/** No space, or the quota of this user is used up. */
function isDiskFull(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    (error.code === 'ENOSPC' || error.code === 'EDQUOT')
  );
}
