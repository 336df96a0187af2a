import { Agent, type Dispatcher, request } from 'undici';
import type { Endpoint } from '../../providers/endpoint.ts';

/** A connection that nobody uses is closed after this time: proxies on the way may forget it. */
const IDLE_MS = 4000;

/**
 * The connections to providers, kept for the next call. Answers are read as they come, which `keepAliveFetch` of the
 * providers' room cannot do: it waits for the whole.
 */
export class Upstream {
  readonly #agent = new Agent({ keepAliveTimeout: IDLE_MS, keepAliveMaxTimeout: IDLE_MS });

  /**
   * Sends a request for a chat completion; resolves with the head of its answer, whose body has yet to be read.
   *
   * @param silenceMs an answer that does not begin, or does not go on, for so long is taken for lost
   * @throws the error of the connection, or the reason of the signal
   */
  ask(
    { baseURL, apiKey }: Endpoint,
    body: string,
    { silenceMs, signal }: { silenceMs: number; signal: AbortSignal },
  ): Promise<Dispatcher.ResponseData> {
    return request(`${baseURL.replace(/\/+$/, '')}/chat/completions`, {
      dispatcher: this.#agent,
      method: 'POST',
      headers: {
        authorization: `Bearer ${apiKey}`,
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

  /** Breaks off what is under way. */
  close(): Promise<void> {
    return this.#agent.destroy();
  }
}
