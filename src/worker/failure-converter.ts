import { DefaultFailureConverter, type ProtoFailure } from '@temporalio/common';
import { redactMessage } from '../core/text/redaction.ts';

/**
 * The form of errors in a history, whether an activity, a workflow or the SDK raised them. Messages are bounded and hold no credentials,
 * and stacks stay behind, for the failure and each of its causes.
 *
 * The SDK loads this file by its path, in clients, in workers and inside workflows: it may import nothing of Node.
 */
class PlainFailureConverter extends DefaultFailureConverter {
  override errorToFailure(...parameters: Parameters<DefaultFailureConverter['errorToFailure']>): ProtoFailure {
    return plain(super.errorToFailure(...parameters));
  }
}

/** A copy, because a failure that came out of a history is passed on as the same object. */
function plain(failure: ProtoFailure): ProtoFailure {
  return {
    ...failure,
    message: redactMessage(failure.message ?? ''),
    stackTrace: '',
    ...(failure.cause ? { cause: plain(failure.cause) } : {}),
  };
}

/** The name by which the SDK looks for it. */
export const failureConverter = new PlainFailureConverter();
