import { Readable } from 'node:stream';
import type { Alias } from '@tuneloop/app/internal/predict/alias';
import { ApiError, errorBody } from '@tuneloop/app/internal/shared/api-error';
import { listenOnLoopback, refuseForeign } from '@tuneloop/app/internal/shared/loopback';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  LogController,
} from 'fastify';
import { type Logger, pino } from 'pino';
import { TuneloopError } from '../../errors.ts';
import { GatewayCalls } from './calls.ts';
import { Deployments } from './deployments.ts';
import type { GatewayOptions } from './gateway-options.ts';
import { parseChatRequest } from './request.ts';

export interface Gateway {
  /** `http://127.0.0.1:<port>/v1` */
  readonly baseURL: string;
  /** Accepts no new connection, and resolves when pending calls were answered, or cut off after eight seconds. */
  close(): Promise<void>;
}

const LARGEST_BODY = 10 * 1024 * 1024;
/** The time limit for a whole request to arrive. */
const REQUEST_TIMEOUT_MS = 60_000;
/** The time limit for pending calls when the gateway is told to stop: containers get ten seconds, and the log needs a part of them. */
const DRAIN_MS = 8000;

/**
 * Starts a server that speaks OpenAI's chat completions on the loopback interface, where `model` is the name of a deployment.
 *
 * @throws TuneloopError PORT_TAKEN
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const log = options.log ?? pino({ level: 'silent' });
  const calls = new GatewayCalls(options);
  const deployments = new Deployments(options.home, (error) => log.error(String(error)));
  const app = buildServer(log, deployments, calls);
  const drain = drainOf(app);
  const { url } = await listenOnLoopback(app, options.port);
  const close = async () => {
    await drain();
    await app.close();
    await deployments.close();
    await calls.close();
  };
  let closing: Promise<void> | undefined;
  return {
    baseURL: `${url}/v1`,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

/**
 * Makes a function that ends a server without ending a call: it accepts no further connection, and closes each one once it is answered. An
 * idle connection, or a silent model, would hold up the end.
 */
function drainOf(app: FastifyInstance): () => Promise<void> {
  let underway = 0;
  let isDraining = false;
  const closeUnused = () => {
    if (isDraining && underway === 0) app.server.closeAllConnections();
  };
  app.addHook('onRequest', async (_request, reply) => {
    underway += 1;
    reply.raw.once('close', () => {
      underway -= 1;
      closeUnused();
    });
    if (isDraining) reply.header('connection', 'close');
  });
  return () =>
    new Promise((resolve) => {
      isDraining = true;
      const patience = setTimeout(() => app.server.closeAllConnections(), DRAIN_MS);
      app.server.close(() => {
        clearTimeout(patience);
        resolve();
      });
      closeUnused();
    });
}

function buildServer(log: Logger, deployments: Deployments, calls: GatewayCalls): FastifyInstance {
  const app: FastifyInstance = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: LARGEST_BODY,
    requestTimeout: REQUEST_TIMEOUT_MS,
  });
  app.removeContentTypeParser('text/plain');
  app.addHook('onRequest', async ({ headers }) => refuseForeign(headers));
  app.setNotFoundHandler(async ({ method, url }) => {
    throw new ApiError(404, `Invalid URL (${method} ${url.split('?')[0]})`);
  });
  app.setErrorHandler<FastifyError>(async (error, request, reply) => {
    // The application has left.
    if (reply.raw.destroyed) return reply.hijack();
    if (error instanceof ApiError) return reply.code(error.status).send(error.body);
    if (error instanceof TuneloopError) {
      request.log.error({ code: error.code }, error.message);
      return reply.code(500).send(errorBody(500, error.message, null, error.code));
    }
    const status = error.statusCode ?? 500;
    if (status < 500) return reply.code(status).send(errorBody(status, error.message, null, null));
    request.log.error({ err: error, method: request.method, path: request.url.split('?')[0] }, 'a request failed');
    return reply.code(500).send(errorBody(500, 'The gateway failed. See its log.', null, null));
  });

  app.get('/health', async () => ({ status: 'ok' }));
  app.get('/v1/models', async () => ({ object: 'list', data: (await deployments.list()).map(modelOf) }));
  app.post('/v1/chat/completions', async ({ body }, reply) => {
    // Before any wait, because the application may leave meanwhile.
    const signal = leaving(reply);
    const request = parseChatRequest(body);
    const deployment = await deployments.find(request.deployment);
    if (!deployment) throw unknownDeployment(request.deployment, await deployments.list());
    const answer = await calls.answer(request, deployment, signal);
    reply.headers(answer.headers).code(answer.status);
    return reply.send(typeof answer.body === 'string' ? answer.body : Readable.from(answer.body));
  });
  return app;
}

/** Aborted when the application closes its connection before it has the whole answer. */
function leaving({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) controller.abort();
  });
  return controller.signal;
}

function modelOf({ pipeline, writtenAt }: Alias) {
  return {
    id: pipeline,
    object: 'model',
    created: Math.floor(Date.parse(writtenAt) / 1000),
    owned_by: 'tuneloop',
  };
}

function unknownDeployment(name: string, aliases: readonly Alias[]): ApiError {
  const names = aliases.map(({ pipeline }) => pipeline).join(', ');
  const advice = names === '' ? 'there is none yet: `tuneloop run` makes one' : `there are: ${names}`;
  return new ApiError(404, `There is no deployment '${name.slice(0, 100)}'; ${advice}.`, {
    param: 'model',
    code: 'model_not_found',
  });
}
