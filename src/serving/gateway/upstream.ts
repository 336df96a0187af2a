import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { readApiKey } from '../../config/environment.ts';
import type { ProviderChoice } from '../../config/pipeline.ts';

/** Where a provider speaks the protocol, and the key for it. */
export interface Endpoint {
  baseURL: string;
  apiKey: string;
}

/** @throws TuneloopError ENVIRONMENT_INVALID where the provider's key is missing */
export function endpointOf(choice: ProviderChoice, trainerUrl: string): Endpoint {
  if (choice === 'local') return { baseURL: trainerUrl, apiKey: 'local' };
  if (choice === 'openai') return { baseURL: 'https://api.openai.com/v1', apiKey: readApiKey('OPENAI_API_KEY') };
  return { baseURL: choice.baseURL, apiKey: readApiKey(choice.apiKeyEnv) };
}

/** A connection that nobody uses is closed after this time: what lies between may forget it. */
const IDLE_MS = 4000;

/**
 * The connections to providers, kept for the next call. Answers are read as they come, which `keepAliveFetch` of the
 * providers' room cannot do: it waits for the whole.
 */
export class Upstream {
  readonly #http = new HttpAgent({ keepAlive: true, timeout: IDLE_MS });
  readonly #https = new HttpsAgent({ keepAlive: true, timeout: IDLE_MS });

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
  ): Promise<IncomingMessage> {
    const url = new URL(`${baseURL.replace(/\/+$/, '')}/chat/completions`);
    const options = {
      method: 'POST',
      headers: {
        authorization: `Bearer ${apiKey}`,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        accept: 'application/json, text/event-stream',
        'accept-encoding': 'identity',
      },
      signal,
      timeout: silenceMs,
    };
    return new Promise((resolve, reject) => {
      const request =
        url.protocol === 'https:'
          ? requestHttps(url, { ...options, agent: this.#https }, resolve)
          : requestHttp(url, { ...options, agent: this.#http }, resolve);
      request.on('error', reject);
      request.on('timeout', () => request.destroy(new Error(`no answer within ${silenceMs} ms`)));
      request.end(body);
    });
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}
