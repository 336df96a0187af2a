import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';

/** The requests of a run to a provider. */
export type Step = 'preflight' | 'upload' | 'create' | 'poll' | 'cancel' | 'evaluation' | 'other';

const STEPS: readonly (readonly [Step, RegExp])[] = [
  ['preflight', /^GET \/v1\/models$/],
  ['upload', /^POST \/v1\/files$/],
  ['create', /^POST \/v1\/fine_tuning\/jobs$/],
  ['poll', /^GET \/v1\/fine_tuning\/jobs\/[^/]+$/],
  ['cancel', /^POST \/v1\/fine_tuning\/jobs\/[^/]+\/cancel$/],
  ['evaluation', /^POST \/v1\/chat\/completions$/],
];

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** A request on its way, and the possible actions on it. */
export interface Passing {
  step: Step;
  /** Method and path, without the query. */
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  response: ServerResponse;
  /** Lets the provider execute it, and returns the answer. */
  forward(): Promise<Answer>;
}

export interface ProviderProxy {
  baseURL: string;
  /** The steps that were asked for, in order. */
  seen: Step[];
  /** Answers in place of the provider, where it returns true. */
  intercept: (request: Passing) => Promise<boolean>;
  close(): Promise<void>;
}

/** A server between the worker and a provider, to see, to hold and to change requests. */
export async function startProxy(providerURL: string): Promise<ProviderProxy> {
  const http = createServer((request, response) => {
    pass(request, response).catch((error: unknown) => {
      // If a provider or a client has left, the other side sees it too.
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
  const pass = async (request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url = '', headers } = request;
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>));
    const path = `${method} ${url.split('?')[0]}`;
    const step = STEPS.find(([, pattern]) => pattern.test(path))?.[0] ?? 'other';
    proxy.seen.push(step);
    const forward = async (): Promise<Answer> => {
      const answer = await fetch(new URL(url, providerURL), {
        method,
        headers: {
          ...(headers['content-type'] ? { 'content-type': headers['content-type'] } : {}),
          ...(headers.authorization ? { authorization: headers.authorization } : {}),
        },
        ...(body.length > 0 ? { body } : {}),
      });
      const kept = ['content-type', 'openai-processing-ms'].flatMap((name) => {
        const value = answer.headers.get(name);
        return value === null ? [] : [[name, value] as const];
      });
      return { status: answer.status, headers: Object.fromEntries(kept), body: await answer.text() };
    };
    if (await proxy.intercept({ step, path, headers, body, response, forward })) return;
    send(response, await forward());
  };
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const address = http.address();
  if (typeof address !== 'object' || !address) throw new Error('no port');
  const proxy: ProviderProxy = {
    baseURL: `http://127.0.0.1:${address.port}/v1`,
    seen: [],
    intercept: async () => false,
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
  return proxy;
}

export function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, headers).end(body);
}

/** The number of requests of a step. */
export function countOf(proxy: ProviderProxy, step: Step): number {
  return proxy.seen.filter((each) => each === step).length;
}
