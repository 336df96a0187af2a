import { Agent, type Dispatcher, request } from 'undici';
import type { Endpoint } from '../../providers/endpoint.ts';

/** An idle connection is closed after this time, because proxies on the way may forget it. */
const IDLE_MS = 4000;

/**
 * The connections to providers, kept for the next call. Answers are read as they arrive; `keepAliveFetch` of the providers' room waits for
 * the whole answer instead.
 */
export class Upstream {
  readonly #agent = new Agent({ keepAliveTimeout: IDLE_MS, keepAliveMaxTimeout: IDLE_MS });

  /**
   * Sends a request for a chat completion; resolves with the head of its answer, whose body has yet to be read.
   *
   * @param silenceMs an answer that does not begin or continue within this time counts as lost
   * @throws the error of the connection, or the reason of the signal
   */
  ask(
    { baseURL, headers }: Endpoint,
    body: string,
    { silenceMs, signal }: { silenceMs: number; signal: AbortSignal },
  ): Promise<Dispatcher.ResponseData> {
    return request(`${baseURL.replace(/\/+$/, '')}/chat/completions`, {
      dispatcher: this.#agent,
      method: 'POST',
      headers: {
        ...headers,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'accept-encoding': 'identity',
      },
      body,
      signal,
      headersTimeout: silenceMs,
      bodyTimeout: silenceMs,
    });
  }

  /** Aborts pending requests. */
  close(): Promise<void> {
    return this.#agent.destroy();
  }
}
