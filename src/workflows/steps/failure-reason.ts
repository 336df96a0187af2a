import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  ChildWorkflowFailure,
  isCancellation,
} from '@temporalio/workflow';

/** The cause of a failure, without the workflows and activities that it passed through. */
export function innermost(error: unknown): unknown {
  let cause = error;
  while ((cause instanceof ActivityFailure || cause instanceof ChildWorkflowFailure) && cause.cause)
    cause = cause.cause;
  return cause;
}

/** The innermost failure as people read it: its code, where it has one, and its message. */
export function reasonOf(error: unknown): string {
  const cause = innermost(error);
  if (cause instanceof ApplicationFailure && cause.type) return `${cause.type}: ${cause.message}`;
  return cause instanceof Error ? cause.message : String(cause);
}

/**
 * Whether a step ended because of a cancellation. Not every such failure says so: a step whose worker dies while it is being
 * cancelled is not tried again, and ends with a timeout.
 */
export function wasCancelled(error: unknown): boolean {
  return isCancellation(error) || CancellationScope.current().consideredCancelled;
}

/** The error that a workflow ends with: a cancellation where the workflow was cancelled, else the error itself. */
export function asCancellation(error: unknown): unknown {
  return wasCancelled(error) && !isCancellation(error) ? new CancelledFailure('cancelled') : error;
}
