import type { ActivityOptions } from '@temporalio/workflow';

/**
 * All timeouts and retries, by what a call does. Attempts are bounded everywhere, and the cancellation type is always
 * set: left unset, a cancelled workflow would not wait for the activity to have stopped.
 */

/**
 * Reading and computing on our own disk: repeatable at will. What is wrong with the data is not retried at all; attempts
 * are for workers that die, and a machine on which they do so often should not lose a run.
 */
export const LOCAL_STEP: ActivityOptions = {
  startToCloseTimeout: '30 minutes',
  // Longer than elsewhere: computing may keep a worker from giving signs of life.
  heartbeatTimeout: '30 seconds',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds', maximumAttempts: 20 },
};

/** After this time without a sign of life an activity counts as lost with its worker, and is tried again elsewhere. */
const LOST_AFTER = '15 seconds';

/** The first question to a provider: short, so that an address where nobody answers is reported within seconds. */
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

/** Uploads: looked up by name first, so that a repeated one finds what the lost one left. */
export const UPLOAD: ActivityOptions = {
  startToCloseTimeout: '20 minutes',
  heartbeatTimeout: LOST_AFTER,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 20 },
};

/** Paid creation. Each attempt looks for the job first; the time is for two requests, lists, and the settling time. */
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

/** Cancelling at the provider: retried for a day, because what is not cancelled is paid. */
export const CANCEL: ActivityOptions = {
  startToCloseTimeout: '20 minutes',
  heartbeatTimeout: LOST_AFTER,
  cancellationType: 'ABANDON',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 1440 },
};

/** The month's budget: where it cannot be asked, nothing is paid. Cancelling waits, so that no reservation is lost. */
export const BUDGET: ActivityOptions = {
  startToCloseTimeout: '15 seconds',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds', maximumAttempts: 120 },
};

/** Looking for jobs that nobody waits for; the schedule comes again by itself. */
export const SWEEP: ActivityOptions = {
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: LOST_AFTER,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '5 seconds', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 5 },
};

/** Evaluation keeps every scored row, so that an attempt goes on where the one before it stopped. */
export const EVALUATION: ActivityOptions = {
  startToCloseTimeout: '12 hours',
  heartbeatTimeout: LOST_AFTER,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 50 },
};

/** Messages to people: tried for about an hour; whoever waits for approval is reminded later anyway. */
export const NOTIFY: ActivityOptions = {
  startToCloseTimeout: '1 minute',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '2 seconds', backoffCoefficient: 2, maximumInterval: '10 minutes', maximumAttempts: 12 },
};

/** The deployment of a pipeline, and its alias: each step is short, and may be done again. */
export const DEPLOYMENT: ActivityOptions = {
  startToCloseTimeout: '1 minute',
  heartbeatTimeout: LOST_AFTER,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds', maximumAttempts: 20 },
};
