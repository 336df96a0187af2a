import { STATUS_CODES } from 'node:http';
import { join } from 'node:path';
import { errorBody } from '@tuneloop/app/internal/shared/api-error';
import { isRecord } from '@tuneloop/app/internal/shared/json-body';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { chatCompletion } from '../api/chat-completion.ts';
import type { JobQueue } from '../jobs/job-queue.ts';
import type { JobStore, ShownJobs } from '../jobs/jobs.ts';
import type { FileStore } from '../stores/files.ts';
import { textTokens } from '../tokens.ts';
import { AlteredJobs } from './altered-jobs.ts';
import { type Decision, type EffectOf, type Endpoint, FaultPlan } from './fault-plan.ts';
import { KEY, keyOf, Ledger, type RequestEntry } from './ledger.ts';

const ENDPOINT_OF = new Map<string, Endpoint>([
  ['GET /v1/models', 'models.list'],
  ['GET /v1/models/:model', 'models.get'],
  ['POST /v1/files', 'files.create'],
  ['GET /v1/files', 'files.list'],
  ['GET /v1/files/:id', 'files.get'],
  ['POST /v1/fine_tuning/jobs', 'jobs.create'],
  ['GET /v1/fine_tuning/jobs', 'jobs.list'],
  ['GET /v1/fine_tuning/jobs/:id', 'jobs.get'],
  ['GET /v1/fine_tuning/jobs/:id/events', 'jobs.events'],
  ['POST /v1/fine_tuning/jobs/:id/cancel', 'jobs.cancel'],
  ['POST /v1/chat/completions', 'chat'],
]);

/** Requests that change something or cost something: all of them are in the ledger. */
const ALWAYS_NOTED: ReadonlySet<Endpoint> = new Set(['files.create', 'jobs.create', 'jobs.cancel', 'chat']);

/** A request on its way through the server. */
interface Call {
  readonly endpoint: Endpoint;
  /** The plan that decided. */
  readonly plan: FaultPlan;
  readonly effect: Decision['effect'];
  /** The kind of the planned fault. */
  fault: RequestEntry['fault'];
  /** The server's own account of its action; undefined when it did nothing. */
  answer: Readonly<Record<string, unknown>> | undefined;
  /** The socket is closed: no answer is possible. */
  over: boolean;
}

export interface FaultsOptions {
  /** The trainer's folder: the ledger is kept there. */
  readonly dir: string;
  readonly jobs: JobStore;
  readonly queue: JobQueue;
  readonly files: FileStore;
}

/** Lets tests make the trainer fail on purpose, and read the true course of events. */
export class Faults {
  readonly #options: FaultsOptions;
  readonly #ledger: Ledger;
  readonly #altered: AlteredJobs;
  readonly #calls = new WeakMap<FastifyRequest, Call>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #plan = new FaultPlan(0, []);

  constructor(options: FaultsOptions) {
    this.#options = options;
    this.#ledger = new Ledger(join(options.dir, 'ledger.jsonl'));
    this.#altered = new AlteredJobs(options.jobs);
    // Jobs that were created without a ledger, or in the moment of a kill.
    for (const record of options.jobs.all()) this.#ledger.addJob(record);
    options.jobs.onStatus((record) => {
      this.#ledger.addJob(record);
      this.#altered.follow(record);
    });
  }

  /** The jobs as the plan shows them. */
  get jobs(): ShownJobs {
    return this.#altered;
  }

  /** Adds `/_faults`, `/_ledger`, and the hooks that let the plan act on all routes added later. */
  install(app: FastifyInstance): void {
    app.get('/_faults', async () => this.#plan.show());
    app.post('/_faults', async ({ body }) => {
      this.#plan = FaultPlan.parse(body);
      this.#altered.clear();
      return this.#plan.show();
    });
    app.get('/_ledger', async () => ({ entries: this.#ledger.entries }));

    app.addHook('preHandler', (request, reply, done) => {
      this.#beforeExecution(request, reply).then((goOn) => {
        if (goOn) done();
      }, done);
    });
    app.addHook('preSerialization', async (request, reply, payload) => this.#executed(request, reply, payload));
    app.addHook('onSend', (request, reply, payload, done) => {
      this.#beforeAnswer(request, reply, payload, (sent) => done(null, sent));
    });
    app.addHook('preClose', async () => {
      for (const timer of this.#timers) clearTimeout(timer);
    });
  }

  /**
   * Once the body is read (an upload's is not): decides, delays, and ends the calls that are not executed.
   *
   * @returns whether the route is to execute the call
   */
  async #beforeExecution(request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const endpoint = ENDPOINT_OF.get(`${request.method} ${request.routeOptions.url}`);
    if (endpoint === undefined) return true;
    const { latencyMs, effect, fault } = this.#plan.decide(endpoint);
    const call: Call = { endpoint, plan: this.#plan, effect, fault, answer: undefined, over: false };
    this.#calls.set(request, call);
    if (latencyMs > 0) await new Promise<void>((resolve) => this.#later(latencyMs, resolve));
    switch (effect?.kind) {
      case 'reset':
        this.#breakOff(request, call);
        return false;
      case 'status':
        await drained(request);
        reply
          .code(effect.status)
          .headers(effect.headers ?? {})
          .send(plannedError(effect));
        return false;
      case 'reset_upload':
        this.#breakOffAfter(effect.after_bytes, request, call);
        break;
      case 'list_lag':
        this.#altered.lag(request, effect.seconds);
    }
    if (endpoint === 'chat') this.#refuseHeldModel(request, call);
    return endpoint !== 'jobs.cancel' || !(await this.#cancelledFrozen(request, reply));
  }

  #refuseHeldModel(request: FastifyRequest, call: Call): void {
    try {
      this.#altered.refuseHeldModel(textOf(bodyOf(request).model) ?? '');
    } catch (error) {
      call.fault ??= 'model_ready_after';
      throw error;
    }
  }

  /** Cancels a frozen job, which may have ended underneath without its user's knowledge. */
  async #cancelledFrozen(request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const record = this.#options.jobs.find(paramOf(request, 'id') ?? '');
    if (record === undefined || !this.#altered.isFrozen(record.job.id)) return false;
    await this.#options.queue.withdraw(record);
    reply.send(record.job);
    return true;
  }

  /** Between a route and its answer: effects on the created object, or on the answer about it. */
  async #executed(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> {
    const call = this.#calls.get(request);
    if (call === undefined || reply.statusCode >= 400 || !isRecord(payload)) return payload;
    const answer = await this.#withEffect(call, payload);
    call.answer = call.over ? undefined : answer;
    return answer;
  }

  async #withEffect({ plan, effect, over }: Call, answer: Record<string, unknown>): Promise<Record<string, unknown>> {
    const id = textOf(answer.id) ?? '';
    switch (effect?.kind) {
      // A plan that was replaced since the call came has no effect on the job.
      case 'job_status':
        if (plan === this.#plan) this.#altered.freeze(id, effect);
        return { ...this.#altered.get(id).job };
      case 'model_ready_after':
        if (plan === this.#plan) this.#altered.holdModel(id, effect);
        return answer;
      case 'completion':
        return chatCompletion(textOf(answer.model) ?? '', effect.text, effect.finish_reason ?? 'stop', {
          prompt: numberOf(recordOf(answer.usage).prompt_tokens) ?? 0,
          completion: textTokens(effect.text),
        });
      case 'reset_upload':
        // Its last bytes came together with those that broke it off.
        if (over && this.#options.files.has(id)) await this.#options.files.delete(id);
        return answer;
      default:
        return answer;
    }
  }

  /** The last moment before an answer: writes the ledger, and lets the answer go, wait, change or get lost. */
  #beforeAnswer(
    request: FastifyRequest,
    reply: FastifyReply,
    payload: unknown,
    send: (payload: unknown) => void,
  ): void {
    const call = this.#calls.get(request);
    if (call?.over) return;
    const effect = call?.effect;
    if (call === undefined) {
      send(payload);
    } else if (effect?.kind === 'execute_then_reset') {
      this.#breakOff(request, call);
    } else if (effect?.kind === 'execute_then_hang') {
      this.#note(request, call, 'hang');
      if (effect.seconds !== undefined) this.#later(effect.seconds * 1000, () => send(payload));
    } else if (effect?.kind === 'execute_then_status') {
      reply.code(effect.status).headers({ 'content-type': 'application/json; charset=utf-8', ...effect.headers });
      this.#note(request, call, effect.status);
      send(JSON.stringify(plannedError(effect)));
    } else {
      this.#note(request, call, reply.statusCode);
      send(payload);
    }
  }

  #breakOff(request: FastifyRequest, call: Call): void {
    this.#note(request, call, 'reset');
    call.over = true;
    request.raw.destroy();
    request.raw.socket.destroy();
  }

  #breakOffAfter(bytes: number, request: FastifyRequest, call: Call): void {
    let arrived = 0;
    // Listening would let the body flow at once, past the route that is to read it.
    request.raw.pause();
    request.raw.on('data', (chunk: Buffer) => {
      arrived += chunk.length;
      if (arrived >= bytes && !call.over) this.#breakOff(request, call);
    });
  }

  #note(request: FastifyRequest, call: Call, status: RequestEntry['status']): void {
    const { endpoint, fault, answer } = call;
    if (fault === null && !ALWAYS_NOTED.has(endpoint)) return;
    const body = bodyOf(request);
    const known = recordOf(answer);
    const usage = recordOf(known.usage);
    const id = paramOf(request, 'id');
    const created = endpoint === 'files.create' || endpoint === 'jobs.create' ? textOf(known.id) : null;
    this.#ledger.addRequest({
      endpoint,
      status,
      executed: answer !== undefined,
      fault,
      key: this.#keyOf(request, endpoint),
      job: endpoint.startsWith('jobs.') ? (created ?? id) : null,
      file: endpoint.startsWith('files.') ? (created ?? id) : null,
      name: endpoint.startsWith('files.') ? textOf(known.filename) : null,
      model: textOf(body.model) ?? paramOf(request, 'model'),
      promptTokens: numberOf(usage.prompt_tokens),
      completionTokens: numberOf(usage.completion_tokens),
    });
  }

  #keyOf(request: FastifyRequest, endpoint: Endpoint): string | null {
    if (endpoint === 'jobs.create') return keyOf(recordOf(bodyOf(request).metadata));
    if (endpoint === 'jobs.list') return textOf(recordOf(request.query)[`metadata[${KEY}]`]);
    const id = paramOf(request, 'id');
    return id === null ? null : keyOf(this.#options.jobs.find(id)?.job.metadata);
  }

  /** Does nothing when the server closes first. */
  #later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }
}

function plannedError({ status, code, message }: EffectOf<'status' | 'execute_then_status'>) {
  return errorBody(status, message ?? STATUS_CODES[status] ?? 'Planned fault', null, code ?? null);
}

/** Reads a rejected body to its end, because a client that still sends may not look at an answer. */
async function drained({ raw }: FastifyRequest): Promise<void> {
  if (raw.readableEnded || raw.destroyed) return;
  await new Promise<void>((resolve) => {
    raw.once('end', resolve).once('close', resolve).resume();
  });
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}

function bodyOf({ body }: FastifyRequest): Readonly<Record<string, unknown>> {
  return recordOf(body);
}

function paramOf({ params }: FastifyRequest, name: string): string | null {
  return textOf(recordOf(params)[name]);
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
