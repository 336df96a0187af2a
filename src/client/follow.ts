import { setTimeout as delay } from 'node:timers/promises';
import { type Client, ServiceError } from '@temporalio/client';

const LOOK_EVERY_MS = 400;
/** A restarted server answers within seconds; one that is silent for longer is gone. */
const SILENCE_LIMIT_MS = 60_000;
const QUERY_TIMEOUT_MS = 3000;

/**
 * Looks at a workflow again and again until it has ended. A server that does not answer for a minute ends the waiting.
 *
 * @param look resolves to whether the workflow has ended
 * @param signal ends the following with its reason; the workflow itself continues
 * @throws as `look`, and the reason of the signal
 */
export async function followUntilEnded(look: () => Promise<boolean>, signal?: AbortSignal): Promise<void> {
  let answered = Date.now();
  for (;;) {
    signal?.throwIfAborted();
    try {
      const ended = await look();
      answered = Date.now();
      if (ended) return;
    } catch (error) {
      if (!(error instanceof ServiceError) || Date.now() - answered > SILENCE_LIMIT_MS) throw error;
    }
    await delay(LOOK_EVERY_MS, undefined, signal ? { signal } : {});
  }
}

/** The answer of a query; undefined while no worker can answer. */
export async function askIfAnswered<T>(client: Client, query: () => Promise<T>): Promise<T | undefined> {
  try {
    return await client.withDeadline(Date.now() + QUERY_TIMEOUT_MS, query);
  } catch {
    return undefined;
  }
}
