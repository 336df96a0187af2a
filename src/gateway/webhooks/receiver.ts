import { mkdirSync } from 'node:fs';
import { lockFolder } from '@tuneloop/app/internal/shared/folder-lock';
import { listenOnLoopback } from '@tuneloop/app/internal/shared/loopback';
import Fastify, { type FastifyBaseLogger, type FastifyError, type FastifyInstance, LogController } from 'fastify';
import type { Logger } from 'pino';
import { z } from 'zod';
import { verify } from '../../contract/webhook-signature.ts';
import { isJobId } from '../../providers/profiles/index.ts';
import { DeliveryMemory } from './delivery-memory.ts';

export interface ReceiverOptions {
  /** TCP port on 127.0.0.1; 0 = any free one. */
  readonly port: number;
  /** Folder of the receiver's memory; made if it does not exist. One receiver at a time. */
  readonly folder: string;
  /** `whsec_...`, the secret with which the provider signs. */
  readonly secret: string;
  /**
   * Called once for each delivery about the end of a job. If it throws, the sender is asked to deliver again.
   *
   * @returns the number of workflows that waited for the job
   */
  readonly onJobEnded: (jobId: string) => Promise<number>;
  readonly log: Logger;
}

export interface Receiver {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  close(): Promise<void>;
}

const LARGEST_BODY = 64 * 1024;
/** Time limit for a whole request to arrive. The two belong together, because Node checks neither if the first is the longer one. */
const ARRIVAL = { headersTimeout: 10_000, requestTimeout: 10_000, connectionsCheckingInterval: 1000 };

const JOB_EVENTS: readonly string[] = [
  'fine_tuning.job.succeeded',
  'fine_tuning.job.failed',
  'fine_tuning.job.cancelled',
];
const anyEvent = z.object({ type: z.string() });
const jobEvent = z.object({ data: z.object({ id: z.string().refine(isJobId) }) });

/** The outcome of a delivery. The sender is told only the text of `refused`. */
type Result =
  | { status: 200; did: 'woke' | 'ignored' | 'repeated' }
  | { status: 400 | 401; refused: string }
  | { status: 503; refused: string };

/**
 * Starts the receiver of `fine_tuning.job.*` webhooks. It verifies the signature of a delivery, and trusts one thing of it: that it is
 * worth asking the provider for this job now. Bodies and secrets are never logged.
 *
 * @throws TuneloopError LOCKED when another receiver uses the folder, PORT_TAKEN when the port is in use
 */
export async function startReceiver(options: ReceiverOptions): Promise<Receiver> {
  const { folder, port } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const unlock = lockFolder(folder);
  try {
    const app = buildServer(options, await DeliveryMemory.open(folder));
    const { url } = await listenOnLoopback(app, port);
    const close = async () => {
      await app.close();
      unlock();
    };
    let closing: Promise<void> | undefined;
    return {
      url,
      close: () => {
        closing ??= close();
        return closing;
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

function buildServer({ secret, onJobEnded, log }: ReceiverOptions, memory: DeliveryMemory): FastifyInstance {
  const app: FastifyInstance = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: true,
    bodyLimit: LARGEST_BODY,
    requestTimeout: ARRIVAL.requestTimeout,
    http: ARRIVAL,
  });
  // The signature is over the bytes as they came.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
  /** Deliveries in progress: a repeated one has one effect. */
  const underway = new Map<string, Promise<Result>>();

  const deliver = async (id: string, jobId: string): Promise<Result> => {
    try {
      const waiting = await onJobEnded(jobId);
      // Last, because a delivery that was not handed on has to be delivered again.
      await memory.add(id);
      log.info({ delivery: id, job: jobId, waiting }, 'a job has ended');
      return { status: 200, did: 'woke' };
    } catch (error) {
      log.error({ delivery: id, job: jobId, error: String(error) }, 'a delivery could not be handed on');
      return { status: 503, refused: 'it could not be handed on: deliver it again' };
    }
  };
  const receive = async (
    bytes: Buffer,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): Promise<Result> => {
    const verified = verify(bytes, headers, secret);
    if ('refused' in verified) return { status: 401, refused: verified.refused };
    const { id, body } = verified;
    if (memory.has(id)) return { status: 200, did: 'repeated' };
    const json = parseJson(body);
    const event = anyEvent.safeParse(json);
    if (!event.success) return { status: 400, refused: 'the body is no event' };
    if (!JOB_EVENTS.includes(event.data.type)) return { status: 200, did: 'ignored' };
    const ended = jobEvent.safeParse(json);
    if (!ended.success) return { status: 400, refused: 'the event names no job' };
    const result = underway.get(id) ?? deliver(id, ended.data.data.id);
    underway.set(id, result);
    return result.finally(() => underway.delete(id));
  };

  app.post('/', async ({ body, headers }, reply) => {
    const result = await receive(Buffer.isBuffer(body) ? body : Buffer.alloc(0), headers);
    if (result.status === 200) return { result: result.did };
    if (result.status !== 503) log.warn({ status: result.status }, `a delivery was refused: ${result.refused}`);
    return reply.code(result.status).send({ error: result.refused });
  });
  app.setNotFoundHandler(async ({ url }, reply) => {
    if (url === '/') reply.code(405).header('allow', 'POST');
    else reply.code(404);
    return reply.send({ error: 'deliveries go to POST /' });
  });
  app.setErrorHandler<FastifyError>(async ({ statusCode = 500, message }, _request, reply) =>
    reply.code(statusCode).send({ error: statusCode < 500 ? message : 'an error of the receiver' }),
  );
  return app;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
