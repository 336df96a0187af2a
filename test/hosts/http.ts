import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { isRecord } from '@tuneloop/app/internal/shared/json-body';
import { answerAdmin } from './admin.ts';
import { effectOf } from './faults.ts';
import { type Answer, type Call, HostError, type Route } from './front.ts';
import type { Host } from './host.ts';
import type { RequestEntry } from './ledger.ts';

export interface HostServer {
  readonly origin: string;
  close(): Promise<void>;
}

interface Known {
  readonly route: Route;
  readonly pattern: RegExp;
}

/** Serves a host on the loopback interface. */
export async function serve(host: Host): Promise<HostServer> {
  const routes = host.front.routes.map((route): Known => ({ route, pattern: patternOf(route.path) }));
  let origin = '';
  const server = createServer((request, response) => {
    answer(host, routes, origin, request, response).catch((error: unknown) => {
      // A client that dies while it sends breaks no rule, and nothing was done.
      if (!request.complete) return;
      const problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
      host.violated({
        what: 'answer',
        method: request.method ?? '',
        path: request.url ?? '',
        status: 500,
        problems: [problem],
      });
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(host.options.port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('no port');
  origin = `http://127.0.0.1:${address.port}`;
  return {
    origin,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  host: Host,
  routes: readonly Known[],
  origin: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const raw = await bytesOf(request);
  const call = callOf(request, raw, origin);
  if (call.path.startsWith('/_')) return send(response, await answerAdmin(host, call));
  const found = routes.find(({ route, pattern }) => route.method === call.method && pattern.test(call.path));
  if (!found) {
    const error = new HostError(404, `Invalid URL (${call.method} ${call.path})`);
    host.violated({ what: 'request', method: call.method, path: call.path, status: 404, problems: ['no such path'] });
    return send(response, refused(host, error));
  }
  const { route } = found;
  const params = Object.entries(found.pattern.exec(call.path)?.groups ?? {});
  const effects = host.faults.decide(route.operation);
  const faults = effects.map(({ kind }) => kind);
  const { method, path } = call;
  const note = (status: RequestEntry['status'], executed: boolean): RequestEntry => {
    const entry = { at: Date.now(), operation: route.operation, method, path, status, executed, faults };
    host.noted(entry);
    return entry;
  };
  await delay(effectOf(effects, 'latency')?.ms ?? 0);
  const planned = effectOf(effects, 'status');
  if (effectOf(effects, 'reset')) {
    note('reset', false);
    request.socket.destroy();
    return;
  }
  if (planned && !planned.executed) {
    note(planned.status, false);
    return send(response, refused(host, plannedError(planned)));
  }
  const named = {
    ...call,
    effects,
    params: Object.fromEntries(params.map(([name, value]) => [name, decodeURIComponent(value)])),
  };
  const result = await handled(host, route, named);
  checkAnswer(host, named, result);
  const executed = (result.status ?? 200) < 400;
  if (effectOf(effects, 'lose_answer')) {
    note('reset', executed);
    request.socket.destroy();
  } else if (planned) {
    note(planned.status, executed);
    send(response, refused(host, plannedError(planned)));
  } else {
    const late = effectOf(effects, 'late_answer');
    const entry = note('held', executed);
    if (late) await delay(late.ms);
    entry.status = request.socket.destroyed ? 'reset' : (result.status ?? 200);
    send(response, result);
  }
}

async function handled(host: Host, route: Route, call: Call): Promise<Answer> {
  try {
    if (!route.open && keyOf(host, call) !== host.options.apiKey) {
      throw new HostError(401, 'Incorrect API key provided', { code: 'invalid_api_key' });
    }
    const isJson = call.headers['content-type']?.includes('json') === true;
    const missing = host.schemas.needsJson(call.method, call.path) ? ['(all) must be a JSON body'] : [];
    const problems = isJson ? host.schemas.request(call.method, call.path, call.body) : missing;
    if (problems.length > 0) {
      const status = host.front.invalidStatus;
      host.violated({ what: 'request', method: call.method, path: call.path, status, problems });
      throw new HostError(status, problems.join('; '), { param: problems[0]?.split(' ')[0] ?? null });
    }
    const strangers = isJson ? host.schemas.strangers(call.method, call.path, call.body) : [];
    if (strangers.length > 0) host.misunderstood(call, ...strangers);
    return await route.handle(call, host);
  } catch (error) {
    if (error instanceof HostError) return refused(host, error);
    throw error;
  }
}

function checkAnswer(host: Host, { method, path }: Call, { status = 200, body }: Answer): void {
  if (!isRecord(body) && !Array.isArray(body)) return;
  // As it is sent: without what is undefined.
  const sent: unknown = JSON.parse(JSON.stringify(body));
  const problems = host.schemas.answer(method, path, status, sent);
  if (problems.length > 0) host.violated({ what: 'answer', method, path, status, problems });
}

function refused({ front }: Host, error: HostError): Answer {
  return { status: error.status, headers: error.headers, body: front.errorBody(error) };
}

function plannedError(effect: {
  status: number;
  retryAfterSeconds?: number;
  code?: string;
  message?: string;
}): HostError {
  const { status, retryAfterSeconds: seconds, code = null, message = 'a fault on purpose' } = effect;
  return new HostError(status, message, {
    code,
    headers: seconds === undefined ? {} : { 'retry-after': `${seconds}` },
  });
}

function keyOf({ front }: Host, call: Call): string | undefined {
  if (front.keyOf) return front.keyOf(call);
  const value = call.headers[front.profile.keyHeader];
  return front.profile.keyHeader === 'authorization' ? value?.replace(/^Bearer /, '') : value;
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function callOf(request: IncomingMessage, raw: Buffer, origin: string): Call {
  const url = new URL(request.url ?? '/', origin);
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, [value].flat()[0]]));
  const type = headers['content-type'] ?? '';
  return {
    method: request.method ?? 'GET',
    path: url.pathname,
    params: {},
    query: url.searchParams,
    headers,
    raw,
    body: bodyOf(type, raw),
    origin,
    effects: [],
    form: () => new Response(new Uint8Array(raw), { headers: { 'content-type': type } }).formData(),
  };
}

function bodyOf(type: string, raw: Buffer): Record<string, unknown> {
  if (type.includes('json')) {
    const value: unknown = raw.length === 0 ? {} : JSON.parse(raw.toString());
    return isRecord(value) ? value : {};
  }
  if (type.includes('x-www-form-urlencoded')) return Object.fromEntries(new URLSearchParams(raw.toString()));
  return {};
}

function send(response: ServerResponse, { status = 200, headers = {}, body }: Answer): void {
  const text = body === undefined || typeof body === 'string' ? (body ?? '') : JSON.stringify(body);
  const type = typeof body === 'string' || body === undefined ? 'text/plain' : 'application/json';
  response.writeHead(status, { 'content-type': type, ...headers }).end(text);
}

function patternOf(path: string): RegExp {
  const escaped = path.replace(/[.*+?^$()|[\]\\]/g, '\\$&');
  const pattern = escaped.replace(
    /\{(\w+)(\\\*)?\}/g,
    (_, name: string, any?: string) => `(?<${name}>${any ? '.+' : '[^/:]+'})`,
  );
  return new RegExp(`^${pattern}$`);
}
