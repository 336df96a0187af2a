import type { z } from 'zod';
import { redact, withoutSecrets } from '../core/text/redaction.ts';
import { AnswerError, classifyError, ProviderError } from './provider-error.ts';

export interface HttpApiOptions {
  baseURL: string;
  /** Sent with every request; they carry the key. */
  headers: () => Promise<Record<string, string>> | Record<string, string>;
  /** Words that must not stand in an error or an answer. */
  secrets: readonly string[];
  timeoutMs: number;
}

export interface HttpRequest<T> {
  /** Below the base URL, with a slash in front. */
  path: string;
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  query?: Record<string, string | number | undefined>;
  /** An object is sent as JSON, a form and a file as they are. */
  body?: object | FormData | URLSearchParams | Blob;
  /** The form of the answer; keys that it does not name are left out. */
  answer: z.ZodType<T>;
  /** Statuses of 400 and above that are answers too, and no errors. */
  expected?: readonly number[];
  timeoutMs?: number;
}

/**
 * Requests to a provider that no client of a library speaks to: JSON over HTTPS, each sent once, without following redirects, because the
 * key would be sent along. Every failure is a {@link ProviderError}.
 */
export class HttpApi {
  /** The address of the server, for people; no credentials. */
  readonly address: string;
  readonly #options: HttpApiOptions;

  constructor(options: HttpApiOptions) {
    this.address = redact(options.baseURL);
    this.#options = options;
  }

  /**
   * Sends a request and reads its answer.
   *
   * @throws ProviderError for a status of 400 and above, and without a status where there was no answer, or none of the expected form:
   * then the request may have been executed
   */
  async send<T>({ answer, ...request }: HttpRequest<T>): Promise<T> {
    const { status, text } = await this.exchange(request);
    // An empty redirect would pass as an empty answer.
    if (status >= 300 && status < 400) throw this.#failed(new AnswerError(status, new Headers(), 'a redirect'));
    const parsed = answer.safeParse(jsonOf(text));
    if (parsed.success) return parsed.data;
    const problem = parsed.error.issues[0];
    const where = problem ? `${problem.path.join('.')}: ${problem.message}` : 'no JSON';
    throw this.#failed(
      new Error(`${request.method ?? 'GET'} ${request.path} was answered in an unknown form (${where})`),
    );
  }

  /** As {@link send}, for an answer that is not JSON, or a redirect, whose `location` is what counts. */
  async exchange({
    path,
    method = 'GET',
    query = {},
    body,
    expected = [],
    timeoutMs,
  }: Omit<HttpRequest<unknown>, 'answer'>): Promise<{ status: number; headers: Headers; text: string }> {
    const url = new URL(`${this.#options.baseURL}${path}`);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    // A missing credential is no failure of the server.
    const headers = await this.#options.headers();
    try {
      const isSentAsIs = body instanceof FormData || body instanceof URLSearchParams || body instanceof Blob;
      const response = await fetch(url, {
        method,
        redirect: 'manual',
        headers: {
          accept: 'application/json',
          ...(body === undefined || isSentAsIs ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: isSentAsIs ? body : JSON.stringify(body) }),
        signal: AbortSignal.timeout(timeoutMs ?? this.#options.timeoutMs),
      });
      // A server may repeat the key in the error of a job, or in any other stored text.
      const text = withoutSecrets(await response.text(), this.#options.secrets);
      if (response.status >= 400 && !expected.includes(response.status))
        throw new AnswerError(response.status, response.headers, jsonOf(text) ?? text);
      return { status: response.status, headers: response.headers, text };
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #failed(error: unknown): ProviderError {
    return classifyError(error, this.#options.baseURL, this.#options.secrets[0]);
  }
}

/** Runs a deletion, for which a missing object is no error. */
export async function deleted(request: Promise<unknown>): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!(error instanceof ProviderError && error.status === 404)) throw error;
  }
}

function jsonOf(text: string): unknown {
  if (text === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
