import type { Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import { redactMessage } from '../core/text/redaction.ts';

/** The signals that stop a worker; the SDK listens for the first of them. */
export const SHUTDOWN_SIGNALS: NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];

/** npm passes on the SIGINT of a Ctrl-C that the terminal has sent to the worker as well: the two count as one. */
const SAME_INTERRUPT_MS = 250;

/**
 * The SDK handles the first SIGTERM or SIGINT and lets running activities end. A second one ends this process at once, with code 1: the
 * next worker retries the interrupted activities.
 */
export function exitOnSecondSignal(log: Logger): void {
  let first: { signal: NodeJS.Signals; at: number } | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (first === undefined) {
      first = { signal, at: performance.now() };
      log.info(`${signal}: stopping when the running activities have ended; a second signal does not wait for them`);
    } else if (signal !== 'SIGINT' || first.signal !== 'SIGINT' || performance.now() - first.at > SAME_INTERRUPT_MS) {
      log.fatal(`second signal (${signal}): stopped without waiting for running activities`);
      process.exit(1);
    }
  };
  for (const signal of SHUTDOWN_SIGNALS) process.on(signal, onSignal);
}

/**
 * Runs a worker until it was told to stop and its activities have ended. Where that takes longer than the force time, or
 * the worker fails, this ends the process with code 1: an activity that does not listen would keep it alive.
 */
export async function runUntilStopped(worker: Worker, log: Logger): Promise<void> {
  try {
    await worker.run();
  } catch (error) {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    log.fatal(`ended by force or by a failure, without waiting for running activities (${redactMessage(reason)})`);
    process.exit(1);
  }
}
