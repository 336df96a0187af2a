import { fireworksProvider } from '../../../../src/providers/dialects/fireworks/provider.ts';
import { FIREWORKS } from '../../../../src/providers/profiles/fireworks.ts';
import type { Provider } from '../../../../src/providers/provider.ts';
import { ProviderError } from '../../../../src/providers/provider-error.ts';
import { FIREWORKS_FRONT } from '../../../hosts/fronts/fireworks.ts';
import { hasSpecs, NO_SPECS, Schemas } from '../../../hosts/schemas.ts';
import { type Answer, type Received, rejection, type TinyServer, tinyServer } from '../../http-server.ts';

export const KEY = 'fw_0123456789abcdefABCDEF';

/** The largest file that is sent as a form. */
export const LARGEST_FORM_BYTES = 50;

/** An answer as data. */
export type Given = Exclude<Answer, (...parameters: never[]) => unknown>;

type Route = Given | Given[] | ((body: unknown) => Answer);

export interface FireworksHost {
  provider: Provider;
  server: TinyServer;
  /** The storage of files and figures, which has to see no key. */
  storage: TinyServer;
  storageOrigin: string;
  /**
   * Answers by method and path below the account, such as `GET datasets/mine`: an answer, one for each request of which the last stays, or
   * a function. A request that nothing is said about is answered with 404.
   */
  routes: Record<string, Route>;
  /** The requests of a method and path below the account, with parsed bodies. */
  sent(route: string): { query: Record<string, string>; body: unknown }[];
  /** What is wrong with requests and answers by the specification. */
  problems: string[];
  /** Everything that was sent has to obey the specification, and the key must not have been given away. */
  close(): Promise<void>;
}

/** A server whose answers a test writes by hand. */
export async function fireworksHost(): Promise<FireworksHost> {
  if (!hasSpecs) console.warn(NO_SPECS);
  const [server, storage] = [await tinyServer(), await tinyServer()];
  const address = new URL(server.baseURL).origin;
  const profile = {
    ...FIREWORKS,
    address,
    addresses: { inference: `${address}/inference/v1` },
    settings: { account: 'acme', idle_minutes: 20 },
  };
  const schemas = new Schemas(FIREWORKS_FRONT);
  const host: FireworksHost = {
    server,
    storage,
    storageOrigin: new URL(storage.baseURL).origin,
    routes: {},
    problems: [],
    provider: fireworksProvider(profile, KEY, { lookMs: 1, timeoutMs: 5000, largestFormBytes: LARGEST_FORM_BYTES }),
    sent: (route) =>
      server.received
        .filter((request) => routeOf(request) === route)
        .map((request) => ({ query: Object.fromEntries(urlOf(request).searchParams), body: bodyOf(request) })),
    close: async () => {
      await server.close();
      await storage.close();
      expect(host.problems).toEqual([]);
      // The key reaches the provider, and nobody else.
      expect(storage.received.flatMap(({ headers }) => headers.authorization ?? [])).toEqual([]);
    },
  };
  server.answer = (request) => {
    const { method } = request;
    const { pathname } = urlOf(request);
    const isJson = request.headers['content-type']?.includes('json') === true;
    if (isJson) host.problems.push(...schemas.request(method, pathname, bodyOf(request)));
    const answer = answerOf(host.routes[routeOf(request)], request);
    if (typeof answer !== 'function') {
      const { status = 200, body = {} } = answer;
      if (typeof body !== 'string') host.problems.push(...schemas.answer(method, pathname, status, body));
    }
    return answer;
  };
  return host;
}

function answerOf(route: Route | undefined, request: Received): Answer {
  if (typeof route === 'function') return route(bodyOf(request));
  const given = Array.isArray(route) && route.length > 1 ? route.shift() : Array.isArray(route) ? route[0] : route;
  return given ?? refusal(404, 5, `nothing at ${routeOf(request)}`);
}

/** An error as gRPC has it. */
export function refusal(status: number, code: number, message: string): Given {
  return { status, body: { code, message, details: [] } };
}

function routeOf(request: Received): string {
  return `${request.method} ${urlOf(request).pathname.replace('/v1/accounts/acme/', '')}`;
}

function urlOf({ url }: Received): URL {
  return new URL(url, 'http://127.0.0.1');
}

function bodyOf({ body, headers }: Received): unknown {
  return headers['content-type']?.includes('json') === true ? JSON.parse(body) : body;
}

/** The error of a call. It must not show the key. */
export async function providerError(work: Promise<unknown>): Promise<ProviderError> {
  const error = await rejection(work);
  if (!(error instanceof ProviderError)) throw error;
  expect(`${error.message} ${error.stack}`).not.toContain(KEY);
  return error;
}
