import OpenAI from 'openai';
import { redact, withoutSecrets } from '../../core/text/redaction.ts';
import { inferenceAddress, keyHeaders } from '../endpoint.ts';
import { keepAliveFetch } from '../keep-alive-fetch.ts';
import type { ProviderProfile } from '../profile.ts';
import { isClientDefault } from '../profiles/index.ts';
import { classifyError } from '../provider-error.ts';

export interface OpenAIApiOptions {
  baseURL: string;
  apiKey: string;
  /** Whether the key is checked; the local trainer takes any word. */
  keyIsSecret: boolean;
  /** The headers that carry the key. */
  keyHeaders: Readonly<Record<string, string>>;
  timeoutMs: number;
}

/** The official client, set up so that it sends each request once and gives no key away. The three ports share one. */
export class OpenAIApi {
  /** The address of the server, for people; no credentials. */
  readonly address: string;
  readonly #client: OpenAI;
  readonly #baseURL: string;
  readonly #secret: string | undefined;

  constructor({ baseURL, apiKey, keyIsSecret, keyHeaders, timeoutMs }: OpenAIApiOptions) {
    this.address = redact(baseURL);
    this.#baseURL = baseURL;
    this.#secret = keyIsSecret ? apiKey : undefined;
    // maxRetries 0: the client would repeat a POST whose answer was lost, and with it the paid work.
    this.#client = new OpenAI({
      baseURL,
      apiKey,
      maxRetries: 0,
      timeout: timeoutMs,
      logLevel: 'off',
      // Instead of the client's own header.
      defaultHeaders: { authorization: null, ...keyHeaders },
      fetch: keyIsSecret ? fetchWithout(apiKey) : keepAliveFetch(),
      // The client reads these from the environment and would tell them to every server.
      ...(isClientDefault({ address: baseURL }) ? {} : { organization: null, project: null }),
    });
  }

  get client(): OpenAI {
    return this.#client;
  }

  /** Makes a call. @throws ProviderError for any error of the client */
  async call<T>(request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      throw classifyError(error, this.#baseURL, this.#secret);
    }
  }
}

/** The client for the address where a provider's models are asked. */
export function inferenceApiOf(profile: ProviderProfile, apiKey: string, timeoutMs: number): OpenAIApi {
  return new OpenAIApi({
    baseURL: inferenceAddress(profile),
    apiKey,
    keyIsSecret: profile.keyVariable !== null,
    keyHeaders: keyHeaders(profile, apiKey),
    timeoutMs,
  });
}

/** Answers without the key, because a server may repeat it in the error of a job, or in any other stored text. */
function fetchWithout(apiKey: string): typeof fetch {
  const fetchKept = keepAliveFetch();
  return async (input, init) => {
    const response = await fetchKept(input, init);
    const text = await response.text();
    const { status, statusText, headers } = response;
    return new Response(text === '' ? null : withoutSecrets(text, [apiKey]), { status, statusText, headers });
  };
}
