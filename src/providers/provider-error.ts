import { APIConnectionError, APIConnectionTimeoutError, APIError, APIUserAbortError } from 'openai';
import { redactMessage } from '../core/text/redaction.ts';
import type { ErrorCode } from '../errors.ts';

/** A failed call to a provider, with the decision whether the same call may succeed later. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError';
  readonly code: ErrorCode;
  readonly retryable: boolean;
  /** The wait that the provider asks for. */
  readonly retryAfterMs: number | undefined;
  /** HTTP status, where there was an answer. */
  readonly status: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { retryable: boolean; retryAfterMs?: number | undefined; status?: number },
  ) {
    super(message);
    this.code = code;
    this.retryable = options.retryable;
    this.retryAfterMs = options.retryAfterMs;
    this.status = options.status;
  }

  /** Whether the request may have been executed, although the provider denied it or did not answer. */
  get mayHaveExecuted(): boolean {
    return this.status === undefined || this.status === 408 || this.status >= 500;
  }
}

/** Codes of HTTP 429 that no wait mends: a person has to pay, or to raise a limit. */
const NEEDS_A_PERSON = /^(credit_balance_exhausted|insufficient_quota|.*_(spend|usage)_limit_exceeded)$/;

/** Codes of HTTP 403 that say that this organization may not train (any more). */
const CLOSED = /^training_not_available$/;

/** Whether an error code of the provider stands for a quota or a limit on spending. */
export function needsPerson(code: string): boolean {
  return NEEDS_A_PERSON.test(code);
}

/** The wait if the provider names none: a daily limit is lifted within hours. */
const DEFAULT_WAITS_MS = new Map([['daily_rate_limit_exceeded', 3_600_000]]);

const LONGEST_MESSAGE = 500;

/**
 * The one place that decides the meaning of an error of the OpenAI client.
 *
 * | case | retry |
 * |---|---|
 * | no connection, timeout, 408, 409, 5xx | yes |
 * | 429 | yes, after the wait that the provider asks for |
 * | 429 whose code names a quota or a limit on spending | no, PROVIDER_QUOTA: the run waits for a person |
 * | 403 `training_not_available` | no, PROVIDER_CLOSED: the run waits for a person |
 * | 404 on a model that is still loading | yes |
 * | other 4xx | no |
 *
 * The message is built anew from status, code and the provider's own text, and bounded: the client's error carries headers and requests,
 * which may hold keys and production data and must not reach a history. The key is removed from it, because some servers repeat it in their
 * answer, and the client repeats a key that makes no valid header.
 */
export function classifyError(error: unknown, baseURL: string, apiKey?: string): ProviderError {
  if (error instanceof ProviderError) return error;
  const clean = (text: string) => redactMessage(text, apiKey ? [apiKey] : [], LONGEST_MESSAGE);
  if (error instanceof APIUserAbortError) {
    return new ProviderError('PROVIDER_UNAVAILABLE', 'the request was cancelled', { retryable: true });
  }
  if (error instanceof APIConnectionTimeoutError) {
    return new ProviderError('PROVIDER_UNREACHABLE', clean(`${baseURL} did not answer in time`), { retryable: true });
  }
  if (error instanceof APIConnectionError) {
    return new ProviderError('PROVIDER_UNREACHABLE', clean(`${baseURL} cannot be reached (${rootReason(error)})`), {
      retryable: true,
    });
  }
  if (error instanceof APIError && typeof error.status === 'number') {
    const { status, headers, code } = error;
    const text = textOf(error.error) ?? error.message.replace(/^\d{3} /, '');
    return refusedAnswer({ status, headers, code: typeof code === 'string' ? code : '', text }, baseURL, clean);
  }
  if (error instanceof AnswerError) return refusedAnswer(error, baseURL, clean);
  if (error instanceof DOMException && error.name === 'AbortError') {
    return new ProviderError('PROVIDER_UNAVAILABLE', 'the request was cancelled', { retryable: true });
  }
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return new ProviderError('PROVIDER_UNREACHABLE', clean(`${baseURL} did not answer in time`), { retryable: true });
  }
  if (error instanceof TypeError && error.cause !== undefined) {
    return new ProviderError('PROVIDER_UNREACHABLE', clean(`${baseURL} cannot be reached (${rootReason(error)})`), {
      retryable: true,
    });
  }
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new ProviderError('PROVIDER_UNAVAILABLE', clean(text), { retryable: true });
}

/** An answer with a status of 400 and above, of a server whose client is our own. */
export class AnswerError extends Error {
  readonly status: number;
  readonly headers: Headers;
  /** The provider's code for the error; empty where it gives none. */
  readonly code: string;
  readonly text: string;

  /** @param body the answer, parsed where it was JSON */
  constructor(status: number, headers: Headers, body: unknown) {
    const text = textOf(body) ?? String(body).trim();
    super(text);
    this.status = status;
    this.headers = headers;
    this.code = codeOf(body);
    this.text = text;
  }
}

function refusedAnswer(
  { status, headers, code, text }: { status: number; headers: Headers | undefined; code: string; text: string },
  baseURL: string,
  clean: (text: string) => string,
): ProviderError {
  const message = clean(`${baseURL} answered ${status}${code ? ` ${code}` : ''}: ${text}`);
  if (isRetryable(status, code, message)) {
    const retryAfterMs = retryAfter(headers) ?? DEFAULT_WAITS_MS.get(code);
    return new ProviderError('PROVIDER_UNAVAILABLE', message, { retryable: true, retryAfterMs, status });
  }
  return new ProviderError(refusal(status, code), message, { retryable: false, status });
}

function refusal(status: number, code: string): ErrorCode {
  if (status === 429) return 'PROVIDER_QUOTA';
  return status === 403 && CLOSED.test(code) ? 'PROVIDER_CLOSED' : 'PROVIDER_REFUSED';
}

function isRetryable(status: number, code: string, message: string): boolean {
  if (status === 429) return !needsPerson(code);
  if (status === 404) return /still (being )?load/i.test(message);
  return status === 408 || status === 409 || status >= 500;
}

/**
 * The text of an error, of any of the forms that servers give it: `{message}`, `{error: {message}}`, `{error: text}`, `{detail: text}`, or
 * `{detail: [{loc, msg}]}`, which names the field; undefined for none of them.
 */
export function textOf(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { message, error, detail }: { message?: unknown; error?: unknown; detail?: unknown } = body;
  if (typeof message === 'string') return message;
  if (typeof error === 'string') return error;
  if (typeof detail === 'string') return detail;
  if (Array.isArray(detail)) return detail.map(fieldProblem).join('; ');
  return textOf(error);
}

function fieldProblem(problem: unknown): string {
  if (typeof problem !== 'object' || problem === null) return String(problem);
  const { loc, msg }: { loc?: unknown; msg?: unknown } = problem;
  return Array.isArray(loc) ? `${loc.filter((part) => part !== 'body').join('.')}: ${msg}` : String(msg);
}

function codeOf(body: unknown): string {
  if (typeof body !== 'object' || body === null) return '';
  const { error, code }: { error?: unknown; code?: unknown } = body;
  if (typeof code === 'string') return code;
  return codeOf(error);
}

function retryAfter(headers: Headers | undefined): number | undefined {
  const milliseconds = Number(headers?.get('retry-after-ms') ?? Number.NaN);
  if (milliseconds >= 0) return Number.isFinite(milliseconds) ? milliseconds : undefined;
  const value = headers?.get('retry-after');
  if (!value) return undefined;
  const seconds = Number(value);
  const wait = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(wait) && wait >= 0 ? wait : undefined;
}

/** The innermost cause has the reason a person can act on, for example ECONNREFUSED. */
function rootReason(error: Error): string {
  let cause: unknown = error;
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause;
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.code;
  return cause instanceof Error ? cause.message : String(cause);
}
