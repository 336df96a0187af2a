import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ApiError, errorBody } from '@tuneloop/app/internal/shared/api-error';
import { lockFolder } from '@tuneloop/app/internal/shared/folder-lock';
import { listenOn } from '@tuneloop/app/internal/shared/loopback';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyPluginAsync,
  LogController,
} from 'fastify';
import { type Logger, pino } from 'pino';
import { type AccessRule, accessRule, checkToken, LOOPBACK } from './access.ts';
import { chatRoutes } from './api/chat-routes.ts';
import { fileRoutes } from './api/file-routes.ts';
import { jobRoutes } from './api/job-routes.ts';
import { modelRoutes } from './api/model-routes.ts';
import { ModelRegistry } from './api/models.ts';
import { storedCompletionRoutes } from './api/stored-completion-routes.ts';
import { type Engine, Engines } from './engine.ts';
import { Faults } from './faults/faults.ts';
import { newRequestId } from './ids.ts';
import { JobQueue } from './jobs/job-queue.ts';
import { JobStore } from './jobs/jobs.ts';
import { LlmEngine } from './llm/engine.ts';
import { engineFiles } from './llm/engine-folder.ts';
import type { Device } from './llm/python.ts';
import { LlmServing } from './llm/serving/serving.ts';
import { NgramEngine } from './ngram/engine.ts';
import { CompletionStore } from './stores/completion-store.ts';
import { FileStore } from './stores/files.ts';

export interface TrainerOptions {
  /** Address to listen on; default 127.0.0.1. One that other machines reach needs a token. */
  readonly address?: string;
  /** TCP port; 0 (the default) = any free one. */
  readonly port?: number;
  /** What every request has to bring, as `Authorization: Bearer <token>`; default: none is asked for. */
  readonly token?: string;
  /** Folder of all state; made if it does not exist. One trainer at a time. */
  readonly dir: string;
  /** Stretches each job to about this many seconds in `running`; default: as fast as it trains. */
  readonly jobSeconds?: number;
  /** At most this many jobs are in `running` at a time; default 12. */
  readonly concurrency?: number;
  /** Adds `/_faults` and `/_ledger`, through which tests make it fail on purpose and read the course of events; default false. */
  readonly faults?: boolean;
  /** The folder of the LLM engine, which `tuneloop engine install` makes; default: no LLMs. */
  readonly engineDir?: string;
  /** Default: no log. */
  readonly log?: Logger;
}

export interface Trainer {
  /** `http://<address>:<port>/v1` */
  readonly baseURL: string;
  readonly port: number;
  /** Stops threads and server and frees the folder; unfinished jobs continue at the next start. */
  close(): Promise<void>;
}

/** A little more than a sweep has. Only two of them compute at a time. */
const JOBS_RUNNING = 12;
const LARGEST_BODY = 32 * 1024 * 1024;

/**
 * Starts the local trainer: a server that speaks OpenAI's fine-tuning protocol and trains models on this machine.
 *
 * @throws TuneloopError LOCKED when another trainer uses `dir`, PORT_TAKEN when the port is in use, TOKEN_NEEDED where other machines could
 * use it without a token
 */
export async function startTrainer(options: TrainerOptions): Promise<Trainer> {
  checkToken(options);
  const dir = resolve(options.dir);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const unlock = lockFolder(dir);
  try {
    return await start(dir, options, unlock);
  } catch (error) {
    unlock();
    throw error;
  }
}

async function start(dir: string, options: TrainerOptions, unlock: () => void): Promise<Trainer> {
  const log = options.log ?? pino({ level: 'silent' });
  const modelsDir = join(dir, 'models');
  const files = await FileStore.open(join(dir, 'files'));
  const jobs = await JobStore.open(join(dir, 'jobs'));
  const engines = new Engines(enginesOf(options));
  const queue = new JobQueue(jobs, files, {
    engines,
    modelsDir,
    concurrency: options.concurrency ?? JOBS_RUNNING,
    jobSeconds: options.jobSeconds,
    log,
  });
  const faults = options.faults === true ? new Faults({ dir, jobs, queue, files }) : undefined;
  const shown = faults?.jobs ?? jobs;
  const models = new ModelRegistry(jobs, shown, modelsDir, engines);
  const completions = new CompletionStore(join(dir, 'completions.jsonl'));
  const routes = [
    fileRoutes(files),
    jobRoutes(jobs, shown, queue, files, engines),
    modelRoutes(models),
    chatRoutes(models, completions),
    storedCompletionRoutes(completions),
  ];
  const app = await buildServer(log, routes, faults, accessRule(options));
  const { url, port } = await listenOn(app, options.address ?? LOOPBACK, options.port ?? 0);
  queue.resume();
  let closing: Promise<void> | undefined;
  const close = async () => {
    await app.close();
    await queue.close();
    await engines.close();
    unlock();
  };
  return {
    baseURL: `${url}/v1`,
    port,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

function enginesOf({ engineDir }: TrainerOptions): Engine[] {
  const ngram = new NgramEngine();
  if (engineDir === undefined) return [ngram];
  const vllm = { python: engineFiles(engineDir).vllmPython };
  const openServer = (device: Device) => new LlmServing(device === 'cuda' ? { vllm } : { engineDir });
  return [ngram, new LlmEngine({ engineDir, openServer })];
}

/** The server around the routes: its access rules, its errors, and the headers of every answer. */
async function buildServer(
  log: Logger,
  routes: readonly FastifyPluginAsync[],
  faults: Faults | undefined,
  checkAccess: AccessRule,
): Promise<FastifyInstance> {
  const app: FastifyInstance = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: true,
    bodyLimit: LARGEST_BODY,
    routerOptions: { maxParamLength: 500 },
  });
  // The JSON parser of Fastify refuses the empty body that clients send with a cancel.
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) => {
    try {
      done(null, text === '' ? undefined : JSON.parse(text as string));
    } catch {
      done(new ApiError(400, 'We could not parse the JSON body of your request.'));
    }
  });

  const arrivals = new WeakMap<object, number>();
  app.addHook('onRequest', async (request) => {
    arrivals.set(request, performance.now());
    checkAccess(request.headers);
  });
  app.addHook('onSend', async (request, reply) => {
    const arrival = arrivals.get(request);
    reply.header('x-request-id', newRequestId());
    if (arrival !== undefined) reply.header('openai-processing-ms', (performance.now() - arrival).toFixed(3));
  });
  app.setNotFoundHandler(async ({ method, url }) => {
    throw new ApiError(404, `Invalid URL (${method} ${url.split('?')[0]})`);
  });
  app.setErrorHandler<FastifyError>(async (error, request, reply) => {
    if (error instanceof ApiError) return reply.code(error.status).send(error.body);
    const status = error.statusCode ?? 500;
    if (status < 500) return reply.code(status).send(errorBody(status, error.message, null, null));
    request.log.error({ err: error, method: request.method, path: request.url.split('?')[0] }, 'a request failed');
    return reply
      .code(500)
      .send(errorBody(500, 'The server had an error while processing your request. See its log.', null, null));
  });
  faults?.install(app);
  for (const plugin of routes) await app.register(plugin, { prefix: '/v1' });
  return app;
}
