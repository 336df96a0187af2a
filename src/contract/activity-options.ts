import type { ActivityOptions } from '@temporalio/workflow';

/**
 * All timeouts and retries, by the kind of call. Attempts are bounded everywhere, and the cancellation type is always set: without it, a
 * cancelled workflow would not wait for the activity to stop.
 */

/**
 * Reading and computing on our own disk: repeatable at will. Errors of the data are not retried; the attempts are for workers that die,
 * because a machine that loses its workers often should not lose a run.
 */
export const LOCAL_STEP: ActivityOptions = {
  startToCloseTimeout: '30 minutes',
  // Longer than elsewhere, because computing may keep a worker from sending heartbeats.
  heartbeatTimeout: '30 seconds',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds', maximumAttempts: 20 },
};

/** After this time without a heartbeat an activity counts as lost with its worker, and is retried elsewhere. */
const LOST_AFTER = '15 seconds';

/** The first question to a provider: short, so that an unreachable address is reported within seconds. */
export const PREFLIGHT: ActivityOptions = {
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: LOST_AFTER,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: {
    initialInterval: '500 milliseconds',
    backoffCoefficient: 1.5,
    maximumInterval: '3 seconds',
    maximumAttempts: 10,
  },
};

/** Uploads: each attempt looks the file up by name first, so that it finds the file of a lost attempt. */
export const UPLOAD: ActivityOptions = {
  startToCloseTimeout: '20 minutes',
  heartbeatTimeout: LOST_AFTER,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 20 },
};

/** Paid creation. Each attempt looks for the job first; its time covers two requests, lists, and the settling time. */
export const BILLABLE: ActivityOptions = {
  startToCloseTimeout: '20 minutes',
  heartbeatTimeout: LOST_AFTER,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '2 seconds', backoffCoefficient: 2, maximumInterval: '2 minutes', maximumAttempts: 20 },
};

/**
 * Waiting for a job: each attempt asks once and fails while the job is pending. The delay comes with the failure
 * (`nextRetryDelay`), and no event is written in between. There is no heartbeat timeout, because
 * nothing runs between attempts; the short time for one question takes its place.
 */
export const POLL: ActivityOptions = {
  startToCloseTimeout: '15 seconds',
  // Beyond the longest deadlines that a pipeline can set, each of a week.
  scheduleToCloseTimeout: '30 days',
  cancellationType: 'TRY_CANCEL',
  retry: { initialInterval: '5 seconds', backoffCoefficient: 1, maximumAttempts: 100_000 },
};

/** Cancelling at the provider: retried for a day, because a job that is not cancelled costs money. */
export const CANCEL: ActivityOptions = {
  startToCloseTimeout: '20 minutes',
  heartbeatTimeout: LOST_AFTER,
  cancellationType: 'ABANDON',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 1440 },
};

/** The month's budget: if it cannot be asked, nothing is paid. A cancellation waits for it, so that no reservation is lost. */
export const BUDGET: ActivityOptions = {
  startToCloseTimeout: '15 seconds',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds', maximumAttempts: 120 },
};

/** Looking for orphaned jobs; the schedule repeats it anyway. */
export const SWEEP: ActivityOptions = {
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: LOST_AFTER,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '5 seconds', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 5 },
};

/** Evaluation keeps every scored row, so that an attempt continues where the one before it stopped. */
export const EVALUATION: ActivityOptions = {
  startToCloseTimeout: '12 hours',
  heartbeatTimeout: LOST_AFTER,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 50 },
};

/** Messages to people: tried for about an hour; a reminder of a waiting approval follows later anyway. */
export const NOTIFY: ActivityOptions = {
  startToCloseTimeout: '1 minute',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '2 seconds', backoffCoefficient: 2, maximumInterval: '10 minutes', maximumAttempts: 12 },
};

/** The deployment of a pipeline, and its alias: each step is short and repeatable. */
export const DEPLOYMENT: ActivityOptions = {
  startToCloseTimeout: '1 minute',
  heartbeatTimeout: LOST_AFTER,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds', maximumAttempts: 20 },
};
