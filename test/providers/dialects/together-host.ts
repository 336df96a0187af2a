import { togetherProvider } from '../../../src/providers/dialects/together/provider.ts';
import type { ProviderProfile } from '../../../src/providers/profile.ts';
import { TOGETHER } from '../../../src/providers/profiles/together.ts';
import type { Provider } from '../../../src/providers/provider.ts';
import { TOGETHER_FRONT } from '../../hosts/fronts/together.ts';
import { hasSpecs, NO_SPECS, Schemas } from '../../hosts/schemas.ts';
import { type Answer, type Received, type TinyServer, tinyServer } from '../http-server.ts';

export const KEY = 'tgp_v1_0123456789abcdef';

const schemas = new Schemas(TOGETHER_FRONT);

/** An answer as data. */
export type Given = Exclude<Answer, (...parameters: never[]) => unknown>;

type Route = Given | ((body: unknown, request: Received) => Answer);

export interface TogetherHost {
  provider(changes?: Partial<ProviderProfile>): Provider;
  server: TinyServer;
  /** Takes the bytes of files, at another address. */
  storage: TinyServer;
  /** Answers by method and path, such as `GET /files`. */
  routes: Record<string, Route>;
  /** The requests of a method and path, with parsed bodies. */
  sent(route: string): { query: Record<string, string>; body: unknown }[];
  /** What is wrong with requests and answers by Together's specification. */
  problems: string[];
  close(): Promise<void>;
}

/** A server whose answers a test writes by hand. */
export async function togetherHost(): Promise<TogetherHost> {
  if (!hasSpecs) console.warn(NO_SPECS);
  const [server, storage] = [await tinyServer(), await tinyServer()];
  storage.answer = () => ({ status: 200 });
  const host: TogetherHost = {
    server,
    storage,
    routes: {},
    problems: [],
    provider: (changes = {}) =>
      togetherProvider(
        { ...TOGETHER, address: server.baseURL, jobs: { ...TOGETHER.jobs, settlingMs: 0 }, ...changes },
        KEY,
        { pollMs: 1, timeoutMs: 5000 },
      ),
    sent: (route) =>
      server.received
        .filter((request) => routeOf(request) === route)
        .map((request) => ({ query: Object.fromEntries(urlOf(request).searchParams), body: bodyOf(request) })),
    close: async () => {
      await server.close();
      await storage.close();
    },
  };
  server.answer = (request) => {
    const { method } = request;
    const { pathname } = urlOf(request);
    const body = bodyOf(request);
    const route = host.routes[routeOf(request)];
    const given = (typeof route === 'function' ? route(body, request) : route) ?? missing(request);
    // Questions to models are not in the specification.
    if (pathOf(request) === '/chat/completions') return given;
    if (!schemas.has(method, pathname)) host.problems.push(`${routeOf(request)} is not in the specification`);
    host.problems.push(...schemas.request(method, pathname, body));
    if (typeof given !== 'function') {
      const { status = 200, body: answer = {} } = given;
      host.problems.push(...schemas.answer(method, pathname, status, answer));
    }
    return given;
  };
  return host;
}

function routeOf(request: Received): string {
  return `${request.method} ${pathOf(request)}`;
}

function pathOf(request: Received): string {
  return decodeURIComponent(urlOf(request).pathname.replace(/^\/v1/, ''));
}

function urlOf({ url }: Received): URL {
  return new URL(url, 'http://127.0.0.1');
}

function bodyOf({ body, headers }: Received): unknown {
  if (body === '') return undefined;
  const isForm = headers['content-type']?.includes('x-www-form-urlencoded') === true;
  return isForm ? Object.fromEntries(new URLSearchParams(body)) : JSON.parse(body);
}

export function failure(status: number, message: string): Given {
  return { status, body: { error: { type: 'invalid_request_error', message } } };
}

function missing(request: Received): Given {
  return failure(404, `nothing at ${routeOf(request)}`);
}
