import path from 'node:path';
import { Piscina } from 'piscina';
import { TuneloopError } from '../errors.ts';
import type { ScorerPlace, ScorerReply, ScorerRow } from './custom-scorer-thread.ts';

const ROW_TIMEOUT_MS = 60_000;
/** A thread ends after this idle time, because the models whose answers it scores may be slow. */
const IDLE_MS = 10_000;

/**
 * Loads a user's function in a thread of its own. It gets `{input, output, expected}` and gives a score from 0 to 1 or an object that has
 * it as `score`, at once or later; the scorers of the package `autoevals` are of this shape.
 *
 * @param options.concurrency the largest number of rows at a time.
 * @param options.timeoutMs for one row.
 * @throws TuneloopError SCORER_FAILED where there is no such function; and by each row for which it throws, gives no
 * score or takes too long. Its own words are not repeated then: they may hold the row.
 */
export async function openCustomScorer(
  place: ScorerPlace,
  { concurrency, timeoutMs = ROW_TIMEOUT_MS }: { concurrency: number; timeoutMs?: number },
): Promise<(row: ScorerRow, signal: AbortSignal) => Promise<number>> {
  const pool = new Piscina({
    filename: path.join(import.meta.dirname, `custom-scorer-thread${path.extname(import.meta.filename)}`),
    minThreads: 0,
    maxThreads: 1,
    concurrentTasksPerWorker: concurrency,
    idleTimeout: IDLE_MS,
    // The function may have other work while it waits for its next row, such as keeping connections.
    atomics: 'disabled',
  });
  const failure = (reason: string) =>
    new TuneloopError(
      'SCORER_FAILED',
      `evaluation.scorer, ${place.export} of ${place.module}: ${reason}. It must be a function of {input, output, expected} that returns {score}`,
    );
  const inTime = async <Reply>(work: Promise<Reply>, signal?: AbortSignal): Promise<Reply> => {
    const { promise: end, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(failure(`it took more than ${timeoutMs / 1000} s`)), timeoutMs);
    const stop = () => reject(signal?.reason);
    signal?.addEventListener('abort', stop, { once: true });
    try {
      return await Promise.race([work.catch(() => Promise.reject(failure('its thread has ended'))), end]);
    } catch (error) {
      // Only this ends a function that never returns.
      void pool.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    }
  };
  const missing: string | null = await inTime(pool.run(place, { name: 'findScorer' }));
  if (missing !== null) throw failure(missing);
  return async (row, signal) => {
    signal.throwIfAborted();
    const reply: ScorerReply = await inTime(pool.run({ place, row }, { name: 'callScorer' }), signal);
    if ('failure' in reply) throw failure(reply.failure);
    return reply.score;
  };
}
