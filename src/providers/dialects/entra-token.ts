import { z } from 'zod';
import type { AzureLogin } from '../../config/environment.ts';
import { HttpApi } from '../http-api.ts';

/** A token is no longer used this long before it expires, so that it lasts for the request that it is sent with. */
const MARGIN_MS = 5 * 60_000;

const ANSWER = z.object({ access_token: z.string().min(1), expires_in: z.coerce.number() });

interface Kept {
  token: string;
  expiresAt: number;
}

/** Tokens of this process, because each activity connects anew. Each is found by everything that it depends on. */
const kept = new Map<string, Promise<Kept>>();

/** Tokens of Microsoft Entra for one service, by client credentials. */
export class EntraToken {
  /** The words that must not stand in an error. */
  readonly secrets: string[] = [];
  readonly #loginAddress: string;
  readonly #scope: string;
  readonly #readLogin: () => AzureLogin;
  readonly #timeoutMs: number;

  /**
   * @param service address of the service that the token is for
   * @param readLogin reads the credentials when they are first needed: training works without them
   */
  constructor(loginAddress: string, service: string, readLogin: () => AzureLogin, timeoutMs: number) {
    this.#loginAddress = loginAddress;
    this.#scope = `${service}/.default`;
    this.#readLogin = readLogin;
    this.#timeoutMs = timeoutMs;
  }

  /** @throws TuneloopError ENVIRONMENT_INVALID where there are no credentials */
  async headers(): Promise<Record<string, string>> {
    const login = this.#readLogin();
    const token = 'token' in login ? login.token : await this.#token(login);
    // The first one is the one that errors are cleaned of.
    if (!this.secrets.includes(token)) this.secrets.unshift(token);
    return { authorization: `Bearer ${token}` };
  }

  async #token(login: Exclude<AzureLogin, { token: string }>): Promise<string> {
    const key = JSON.stringify([this.#loginAddress, this.#scope, login]);
    const known = await kept.get(key)?.catch(() => undefined);
    if (known && known.expiresAt - MARGIN_MS > Date.now()) return known.token;
    const asked = this.#ask(login);
    kept.set(key, asked);
    try {
      return (await asked).token;
    } catch (error) {
      kept.delete(key);
      throw error;
    }
  }

  async #ask({ tenant, clientId, clientSecret }: Exclude<AzureLogin, { token: string }>): Promise<Kept> {
    const api = new HttpApi({
      baseURL: this.#loginAddress,
      headers: () => ({}),
      secrets: [clientSecret],
      timeoutMs: this.#timeoutMs,
    });
    const { access_token: token, expires_in: seconds } = await api.send({
      path: `/${encodeURIComponent(tenant)}/oauth2/v2.0/token`,
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: clientSecret,
        scope: this.#scope,
      }),
      answer: ANSWER,
    });
    return { token, expiresAt: Date.now() + seconds * 1000 };
  }
}
