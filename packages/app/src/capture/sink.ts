import type { CapturedCall } from './record.ts';

/** A right answer or a rating that came later. */
export interface CapturedActual {
  actual_for: string;
  actual?: string;
  quality?: number;
  by?: string;
  timestamp: string;
}

export interface SinkOptions {
  /** Is told of lines that could not be written; at most once a minute. Default: no report. */
  onError?: (error: unknown, lost: number) => void;
  /** The largest number of waiting lines; further ones are lost and counted. Default 10,000. */
  queue?: number;
}

/** The destination of captured calls. One sink may serve several clients. */
export interface CaptureSink {
  /** Takes a call at once; it is written a moment later. Never throws. */
  record(call: CapturedCall): void;
  /**
   * Records the right answer to a call, or the quality of its answer.
   *
   * @param id of the response, as `completion.id` gives it.
   * @param output the right answer; null where only the quality is known.
   * @param quality 0 (useless) to 1 (right).
   * @param by the author of the judgement, for example `person:ana`.
   */
  recordActual(id: string, output: string | null, quality?: number, by?: string): void;
  /** Announces the record of a call, so that `flush` and `close` wait for it. */
  expect?(record: Promise<void>): void;
  /** Resolves when everything accepted or announced so far is written, or lost. Never rejects. */
  flush(): Promise<void>;
  /** Flushes and gives up files and connections. */
  close(): Promise<void>;
  /** The number of lost lines so far. */
  readonly lost: number;
}

/** Writes lines to their place. Called by one writer at a time. */
export interface LineWriter {
  write(calls: readonly CapturedCall[], actuals: readonly CapturedActual[]): Promise<void>;
  close(): Promise<void>;
}

const QUEUE = 10_000;
const BATCH = 500;
const DELAY_MS = 100;
const TRIES = 3;
const RETRY_MS = 500;
const SILENCE_MS = 60_000;

/**
 * The queue between the application and a place that may be slow, full or gone. No call waits for it. Waiting lines do not keep the process
 * alive; a write in progress does, until it has succeeded or failed.
 */
export function createSink(writer: LineWriter, { onError, queue = QUEUE }: SinkOptions): CaptureSink {
  let calls: CapturedCall[] = [];
  let actuals: CapturedActual[] = [];
  let lost = 0;
  let untold = 0;
  let toldAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  let tries = TRIES;
  const expected = new Set<Promise<void>>();

  const lose = (error: unknown, lines: number) => {
    lost += lines;
    untold += lines;
    if (performance.now() - toldAt < SILENCE_MS) return;
    toldAt = performance.now();
    try {
      onError?.(error, untold);
    } catch {
      // The handler of the application must not harm the application either.
    }
    untold = 0;
  };
  const writeBatch = async () => {
    const [callBatch, actualBatch] = [calls.slice(0, BATCH), actuals.slice(0, BATCH)];
    calls = calls.slice(BATCH);
    actuals = actuals.slice(BATCH);
    for (let attempt = 1; ; attempt += 1) {
      try {
        await writer.write(callBatch, actualBatch);
        tries = TRIES;
        return;
      } catch (error) {
        if (attempt >= tries) {
          lose(error, callBatch.length + actualBatch.length);
          // A place that is gone must not hold up `close` anew with each batch.
          tries = 1;
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS * attempt));
      }
    }
  };
  const drain = async () => {
    while (calls.length + actuals.length > 0) await writeBatch();
  };
  const flush = async () => {
    await Promise.allSettled(expected);
    clearTimeout(timer);
    timer = undefined;
    process.off('beforeExit', flush);
    writing = writing.then(drain);
    await writing;
  };
  const enqueue = (take: () => void) => {
    if (calls.length + actuals.length >= queue) {
      lose(new Error(`the queue of ${queue} lines is full`), 1);
      return;
    }
    take();
    if (timer) return;
    timer = setTimeout(flush, DELAY_MS).unref();
    process.once('beforeExit', flush);
  };

  return {
    record: (call) => enqueue(() => calls.push(call)),
    recordActual: (id, output, quality, by) =>
      enqueue(() =>
        actuals.push({
          actual_for: id,
          ...(output === null ? {} : { actual: output }),
          ...(quality === undefined ? {} : { quality }),
          ...(by === undefined ? {} : { by }),
          timestamp: new Date().toISOString(),
        }),
      ),
    expect(record) {
      expected.add(record);
      const forget = () => void expected.delete(record);
      record.then(forget, forget);
    },
    flush,
    async close() {
      await flush();
      await writer.close().catch((error: unknown) => lose(error, 0));
    },
    get lost() {
      return lost;
    },
  };
}
