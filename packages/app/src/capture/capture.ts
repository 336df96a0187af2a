import { type CapturedCall, type Exchange, recordOf } from './record.ts';
import type { CaptureSink } from './sink.ts';
import { tapped } from './tap.ts';

export interface CaptureOptions {
  sink: CaptureSink;
  /** Share of the calls that are recorded, 0 to 1, by chance; or a choice. Default: all of them. */
  sample?: number | ((call: CapturedCall) => boolean);
  /** Changes a record before it is kept, or drops it by null. A record for which it fails is dropped, so that no text slips by. */
  redact?: (call: CapturedCall) => CapturedCall | null;
  /** Recorded with each call, beside the `metadata` of the call itself. */
  metadata?: Record<string, string>;
}

type Fetch = typeof globalThis.fetch;

/** The part of a client that can be recorded; the client of the `openai` package fits. */
export interface CapturableClient {
  /** A copy of the client that sends its requests by this function. */
  withOptions(options: { fetch: Fetch }): this;
}

const ENDPOINT = /\/(chat\/completions|responses)\/?$/;

/**
 * A client that behaves like the given one and records its calls of `chat.completions` and `responses`, streamed ones too. Calls that fail,
 * are refused or break off are not recorded. A call never waits for its record, and never fails because of it.
 */
export function capture<T extends CapturableClient>(client: T, options: CaptureOptions): T {
  // Below the client's own methods, so that helpers, retries and streams behave as before, and the record holds the bytes of the wire.
  const inner = (client as unknown as { fetch: Fetch }).fetch;
  const fetch: Fetch = async (input, init) => {
    const startedAt = new Date();
    const start = performance.now();
    const response = await inner.call(undefined, input, init);
    try {
      const endpoint = endpointOf(input, init);
      const request = init?.body;
      if (!endpoint || !response.ok || typeof request !== 'string' || !isDrawn(options)) return response;
      const streamed = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false;
      return tapped(response, streamed, (text) => {
        const latencyMs = performance.now() - start;
        const record = keep({ endpoint, request, response: text, streamed, startedAt, latencyMs }, options);
        options.sink.expect?.(record);
      });
    } catch {
      // The call has succeeded, and the application asked for no more.
      return response;
    }
  };
  return client.withOptions({ fetch });
}

function endpointOf(input: Parameters<Fetch>[0], init: Parameters<Fetch>[1]): Exchange['endpoint'] | undefined {
  if (init?.method?.toUpperCase() !== 'POST') return undefined;
  const url = new URL(input instanceof Request ? input.url : input);
  return ENDPOINT.exec(url.pathname)?.[1] as Exchange['endpoint'] | undefined;
}

/** By chance, before anything is copied. */
function isDrawn({ sample = 1 }: CaptureOptions): boolean {
  return typeof sample !== 'number' || Math.random() < sample;
}

/** Never rejects. */
async function keep(exchange: Exchange, { sink, sample, redact, metadata }: CaptureOptions): Promise<void> {
  try {
    // The application gets its answer first.
    await new Promise((resolve) => setImmediate(resolve));
    const call = recordOf(exchange);
    if (!call) return;
    if (typeof sample === 'function' && !sample(call)) return;
    const tagged = metadata ? { ...call, metadata: { ...metadata, ...call.metadata } } : call;
    const kept = redact ? redact(tagged) : tagged;
    if (kept) sink.record(kept);
  } catch {
    // No answer, or a hook that failed: no record.
  }
}
