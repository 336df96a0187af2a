import type { OpenAI } from 'openai';
import { type CapturedCall, type Exchange, recordOf } from './record.ts';
import type { CaptureSink } from './sink.ts';

export interface CaptureOptions {
  sink: CaptureSink;
  /** Share of the calls that are recorded, 0 to 1, by chance; or a choice. Default: all of them. */
  sample?: number | ((call: CapturedCall) => boolean);
  /** Changes a record before it is kept, or drops it by null. One that it fails on is dropped, so that nothing slips by. */
  redact?: (call: CapturedCall) => CapturedCall | null;
  /** Recorded with each call, beside the `metadata` of the call itself. */
  metadata?: Record<string, string>;
}

type Fetch = typeof globalThis.fetch;

const ENDPOINT = /\/(chat\/completions|responses)\/?$/;

/**
 * A client that does what the given one does and records its calls of `chat.completions` and `responses`, streamed ones too.
 * What fails, is refused or breaks off is not recorded. A call never waits for its record, and never fails for it.
 */
export function capture<T extends OpenAI>(client: T, options: CaptureOptions): T {
  // Below the client's own methods: whatever calls them (helpers, retries, streams) behaves as ever, and what is recorded
  // is what went over the wire.
  const inner = (client as unknown as { fetch: Fetch }).fetch;
  const fetch: Fetch = async (input, init) => {
    const startedAt = new Date();
    const start = performance.now();
    const response = await inner.call(undefined, input, init);
    try {
      const endpoint = endpointOf(input, init);
      if (endpoint && response.ok && typeof init?.body === 'string') {
        const streamed = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false;
        const copy = response.clone();
        void keep(copy, { endpoint, request: init.body, streamed, startedAt }, start, options);
      }
    } catch {
      // The call has succeeded, and that is all that the application asked for.
    }
    return response;
  };
  return client.withOptions({ fetch }) as T;
}

function endpointOf(input: Parameters<Fetch>[0], init: Parameters<Fetch>[1]): Exchange['endpoint'] | undefined {
  if (init?.method?.toUpperCase() !== 'POST') return undefined;
  const url = new URL(input instanceof Request ? input.url : input);
  return ENDPOINT.exec(url.pathname)?.[1] as Exchange['endpoint'] | undefined;
}

/** Reads the copy of an answer to its end. Never rejects. */
async function keep(
  copy: Response,
  exchange: Omit<Exchange, 'response' | 'latencyMs'>,
  start: number,
  { sink, sample = 1, redact, metadata }: CaptureOptions,
): Promise<void> {
  try {
    const response = await copy.text();
    const latencyMs = performance.now() - start;
    // First the application gets on with its answer.
    await new Promise((resolve) => setImmediate(resolve));
    const call = recordOf({ ...exchange, response, latencyMs });
    if (!call) return;
    if (typeof sample === 'number' ? Math.random() >= sample : !sample(call)) return;
    const tagged = metadata ? { ...call, metadata: { ...metadata, ...call.metadata } } : call;
    const kept = redact ? redact(tagged) : tagged;
    if (kept) sink.record(kept);
  } catch {
    // Broken off, no answer, or a hook that failed: no record.
  }
}
