import { z } from 'zod';
import { keyHeaders } from '../../endpoint.ts';
import { HttpApi, type HttpRequest } from '../../http-api.ts';
import type { ProviderProfile } from '../../profile.ts';
import { ProviderError } from '../../provider-error.ts';

/** The most entries of a page that the provider gives. */
const PAGE = 200;

/** The kinds of resources that we make, as they stand in names and addresses. */
export type Kind = 'datasets' | 'supervisedFineTuningJobs' | 'models' | 'deployments' | 'deployedModels';

export interface FireworksApiOptions {
  profile: ProviderProfile;
  apiKey: string;
  timeoutMs: number;
}

/**
 * The resources of one account at Fireworks. Each has a name such as `accounts/acme/models/mine`, and its address is that name. Training
 * and serving share one.
 */
export class FireworksApi {
  readonly http: HttpApi;
  /** The name of the account, such as `accounts/acme`. */
  readonly account: string;
  readonly #secret: string;
  readonly #timeoutMs: number;

  constructor({ profile, apiKey, timeoutMs }: FireworksApiOptions) {
    this.http = new HttpApi({
      baseURL: `${profile.address}/v1`,
      headers: () => keyHeaders(profile, apiKey),
      secrets: [apiKey],
      timeoutMs,
    });
    this.account = `accounts/${profile.settings.account}`;
    this.#secret = apiKey;
    this.#timeoutMs = timeoutMs;
  }

  nameOf(kind: Kind, id: string): string {
    return `${this.account}/${kind}/${id}`;
  }

  get<T>(name: string, answer: z.ZodType<T>): Promise<T> {
    return this.http.send({ path: `/${name}`, answer });
  }

  /** As {@link get}; undefined where there is no such resource. */
  async find<T>(name: string, answer: z.ZodType<T>): Promise<T | undefined> {
    try {
      return await this.get(name, answer);
    } catch (error) {
      if (isStatus(error, 404)) return undefined;
      throw error;
    }
  }

  post<T>(path: string, request: Omit<HttpRequest<T>, 'path' | 'method'>): Promise<T> {
    return this.http.send({ path: `/${path}`, method: 'POST', ...request });
  }

  /** @throws ProviderError with status 404 where there is no such resource */
  async delete(name: string, query: Record<string, string> = {}): Promise<void> {
    await this.http.exchange({ path: `/${name}`, method: 'DELETE', query });
  }

  /** All resources of a kind, a page after the other. */
  async *list<T>(kind: Kind, entry: z.ZodType<T>, account: string = this.account): AsyncGenerator<T> {
    const answer = z
      .looseObject({ nextPageToken: z.string().nullish() })
      .transform(({ nextPageToken, ...page }, context) => {
        const entries = z.array(entry).safeParse(page[kind] ?? []);
        if (entries.success) return { entries: entries.data, nextPageToken };
        context.addIssue(`${kind}: ${entries.error.issues[0]?.message}`);
        return z.NEVER;
      });
    let pageToken: string | undefined;
    do {
      const page = await this.http.send({ path: `/${account}/${kind}`, query: { pageSize: PAGE, pageToken }, answer });
      yield* page.entries;
      pageToken = page.nextPageToken || undefined;
    } while (pageToken !== undefined);
  }

  /** A request to an address that carries its own signature: the key must not reach that host. */
  async exchangeSigned(
    signedUrl: string,
    { method = 'GET', headers = {}, body, timeoutMs }: SignedRequest = {},
  ): Promise<string> {
    const { origin, pathname, search } = new URL(signedUrl);
    const http = new HttpApi({
      baseURL: origin,
      headers: () => headers,
      // A storage repeats the signature in its errors.
      secrets: [this.#secret, ...new URLSearchParams(search).values()].filter((word) => word.length >= SHORTEST_SECRET),
      timeoutMs: timeoutMs ?? this.#timeoutMs,
    });
    const { status, text } = await http.exchange({ path: `${pathname}${search}`, method, ...(body ? { body } : {}) });
    if (status < 300) return text;
    throw new ProviderError('PROVIDER_UNAVAILABLE', `${origin} answered ${status}`, { retryable: true, status });
  }
}

/** Shorter values of a signed address say what it is, and grant nothing. */
const SHORTEST_SECRET = 20;

interface SignedRequest {
  method?: 'GET' | 'PUT';
  headers?: Record<string, string>;
  body?: Blob;
  timeoutMs?: number;
}

/** For an answer of which nothing is used. */
export const ANYTHING = z.unknown();

export function isStatus(error: unknown, ...statuses: number[]): error is ProviderError {
  return error instanceof ProviderError && error.status !== undefined && statuses.includes(error.status);
}

/** The part of a name that the creator of a resource chooses. */
export function idOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** Unix seconds of a time; null where it is missing or is none. */
export function secondsOf(time: string | null | undefined): number | null {
  const milliseconds = Date.parse(time ?? '');
  return Number.isNaN(milliseconds) ? null : Math.floor(milliseconds / 1000);
}
