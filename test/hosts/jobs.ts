import type { Metrics } from '../../packages/local-trainer/src/engine.ts';
import { effectOf } from './faults.ts';
import type { Call } from './front.ts';
import { HostError } from './front.ts';
import type { Host } from './host.ts';
import { endOf } from './job-end.ts';
import { localModel } from './models.ts';

/** A request for a job, as a front has read it. */
export interface NewJob {
  /** Chosen by the caller: a second one is refused with 409. */
  id?: string;
  /** The base model: the provider's id of it, or its name. */
  model: string;
  trainingFile: string;
  validationFile?: string | null;
  suffix?: string | null;
  seed?: number | null;
  metadata?: Readonly<Record<string, string>> | null;
  epochs?: number | 'auto';
  batchSize?: number | 'auto';
  /** Times the usual rate; a front of a host with absolute rates divides by the base of its profile. */
  learningRateMultiplier?: number | 'auto';
  /** Times the price of the list, for a cheaper kind of training. */
  priceFactor?: number;
  /** Chosen by the caller, as the name of the model. */
  tunedModel?: string | null;
  /** Everything that the caller sent, and whatever the front remembers. */
  extra?: Record<string, unknown>;
}

export type HostJobState = 'validating' | 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';

export interface HostCheckpoint {
  readonly id: string;
  /** The name by which it could be called. */
  readonly model: string;
  /** From 1. */
  readonly epoch: number;
  readonly step: number;
  readonly createdAt: number;
  readonly metrics: Metrics;
  /** The trainer's name of the model. */
  readonly engineModel: string;
}

export interface HostJob {
  readonly id: string;
  /** As sent. */
  readonly model: string;
  /** The name that price lists have for it. */
  readonly baseName: string;
  readonly trainingFile: string;
  readonly validationFile: string | null;
  readonly suffix: string | null;
  readonly seed: number | null;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly epochs: number | 'auto';
  readonly batchSize: number | 'auto';
  readonly learningRateMultiplier: number | 'auto';
  readonly extra: Record<string, unknown>;
  state: HostJobState;
  /** In place of the host's word for the state. */
  shownState: string | null;
  failure: { code: string; message: string } | null;
  /** Unix seconds. */
  readonly createdAt: number;
  startedAt: number | null;
  finishedAt: number | null;
  /** Null until it is registered. */
  tunedModel: string | null;
  /** Those of the last epochs, oldest first, once it has succeeded. */
  checkpoints: HostCheckpoint[];
  trainedTokens: number | null;
  /** The charge, once it has ended. */
  usd: number | null;
  readonly engineId: string;
  /** The trainer's name of the model. */
  engineModel: string | null;
}

interface Hidden {
  job: HostJob;
  /** Of its training file, which may be deleted meanwhile. */
  fileTokens: number;
  priceFactor: number;
  modelName: string | null;
  /** Milliseconds since 1970 before which the list leaves it out. */
  listedFrom: number;
  modelLateMs: number;
  ends: { state: string; message: string } | null;
}

const ENDED = new Set<HostJobState>(['succeeded', 'failed', 'cancelled']);

export function hasEnded({ state }: Pick<HostJob, 'state'>): boolean {
  return ENDED.has(state);
}

const TRAINER_STATES: Readonly<Record<string, HostJobState>> = {
  validating_files: 'validating',
  queued: 'queued',
  running: 'running',
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
};

/** The jobs of a host. The trainer knows how far each is; it is asked whenever somebody looks. */
export class Jobs {
  readonly #host: Host;
  readonly #jobs = new Map<string, Hidden>();
  /** The creations of ids that are taken. */
  readonly #creations = new Map<string, Promise<HostJob>>();

  constructor(host: Host) {
    this.#host = host;
  }

  /** @throws HostError 400 for a model or a file that is not there, 409 for an id that is taken */
  async create(call: Call, request: NewJob): Promise<HostJob> {
    const { id = this.#host.front.names.job() } = request;
    const known = this.#creations.get(id);
    if (known) {
      // Whoever is refused finds the job.
      await known;
      throw new HostError(409, `${id} already exists`, { code: 'ALREADY_EXISTS' });
    }
    const creation = this.#create(call, id, request);
    this.#creations.set(id, creation);
    try {
      return await creation;
    } catch (error) {
      this.#creations.delete(id);
      throw error;
    }
  }

  async #create(call: Call, id: string, request: NewJob): Promise<HostJob> {
    const { engine, files } = this.#host;
    const { model, trainingFile, validationFile = null, seed = null } = request;
    const base = this.#host.models.baseOf(model);
    if (!base) throw new HostError(400, `model ${model} cannot be fine-tuned`, { param: 'model' });
    const training = files.find(trainingFile)?.content;
    if (!training) throw new HostError(400, `invalid training_file: ${trainingFile}`, { param: 'training_file' });
    const validation = validationFile === null ? null : files.find(validationFile)?.content;
    if (validation === undefined) {
      throw new HostError(400, `invalid validation_file: ${validationFile}`, { param: 'validation_file' });
    }
    const { epochs = 'auto', batchSize = 'auto', learningRateMultiplier = 'auto' } = request;
    const engineId = await engine.createJob({
      model: localModel(base),
      trainingFile: training.engineId,
      validationFile: validation?.engineId ?? null,
      seed,
      epochs,
      batchSize,
      learningRateMultiplier,
    });
    const job: HostJob = {
      id,
      model,
      baseName: base,
      trainingFile,
      validationFile,
      suffix: request.suffix ?? null,
      seed,
      metadata: request.metadata ?? null,
      epochs,
      batchSize,
      learningRateMultiplier,
      extra: request.extra ?? {},
      state: 'validating',
      shownState: null,
      failure: null,
      createdAt: Math.floor(Date.now() / 1000),
      startedAt: null,
      finishedAt: null,
      tunedModel: null,
      checkpoints: [],
      trainedTokens: null,
      usd: null,
      engineId,
      engineModel: null,
    };
    const ends = effectOf(call.effects, 'job_ends');
    this.#jobs.set(id, {
      job,
      fileTokens: training.tokens,
      priceFactor: request.priceFactor ?? 1,
      modelName: request.tunedModel ?? null,
      listedFrom: Date.now() + (effectOf(call.effects, 'list_lag')?.ms ?? this.#host.options.listLagMs),
      modelLateMs: effectOf(call.effects, 'model_late')?.ms ?? this.#host.options.modelLateMs,
      ends: ends ? { state: ends.state, message: ends.message ?? 'the host gave up' } : null,
    });
    return this.#shownAs(call, structuredClone(job));
  }

  /** A copy of the job as it is now. @throws HostError 404 */
  async get(call: Call, id: string): Promise<HostJob> {
    const hidden = this.#jobs.get(id);
    if (!hidden) throw new HostError(404, `Could not find fine tune: ${id}`, { code: 'NOT_FOUND' });
    return this.#shownAs(call, await this.#refreshed(hidden));
  }

  /** Copies, newest first; a new one may be missing. */
  async list(call: Call): Promise<HostJob[]> {
    const now = Date.now();
    const listed = [...this.#jobs.values()].filter(({ listedFrom }) => listedFrom <= now).reverse();
    return await Promise.all(listed.map(async (hidden) => this.#shownAs(call, await this.#refreshed(hidden))));
  }

  /** All of them, oldest first, for the ledger. */
  async all(): Promise<HostJob[]> {
    return await Promise.all([...this.#jobs.values()].map((hidden) => this.#refreshed(hidden)));
  }

  /** @throws HostError 404, and 400 for one that has ended */
  async cancel(call: Call, id: string): Promise<HostJob> {
    const job = await this.get(call, id);
    if (hasEnded(job)) throw new HostError(400, `Job has already completed: ${id} (${job.state})`);
    await this.#host.engine.cancelJob(job.engineId);
    return await this.get(call, id);
  }

  /** Removes a job from all lists. @throws HostError 404 */
  async delete(call: Call, id: string): Promise<void> {
    await this.get(call, id);
    this.#jobs.delete(id);
    this.#creations.delete(id);
  }

  /** The reports of its steps, oldest first; with gaps where a test wants some. */
  async metrics(call: Call, id: string): Promise<(Metrics & { created_at: number })[]> {
    const { engineId } = await this.get(call, id);
    const points = await this.#host.engine.metrics(engineId);
    return effectOf(call.effects, 'gaps') ? points.filter((_, index) => index % 2 === 1) : points;
  }

  async #refreshed(hidden: Hidden): Promise<HostJob> {
    const { job } = hidden;
    if (!hasEnded(job)) await this.#look(hidden);
    const registered = (job.finishedAt ?? 0) * 1000 + 1000 + hidden.modelLateMs;
    if (job.state === 'succeeded' && job.tunedModel === null) {
      // Times of the trainer are whole seconds: without a wait the model is there at once.
      if (hidden.modelLateMs === 0 || Date.now() >= registered) {
        job.tunedModel = hidden.modelName ?? this.#host.front.names.model(job);
        this.#host.models.add(job);
      }
    }
    return structuredClone(job);
  }

  async #look(hidden: Hidden): Promise<void> {
    const { job, ends, priceFactor } = hidden;
    const { engine, front, tariff } = this.#host;
    const found = await engine.job(job.engineId);
    const state = TRAINER_STATES[found.status] ?? 'running';
    // Several callers may look at the same time: an older answer changes nothing.
    if (hasEnded(job)) return;
    if (state === 'running') job.startedAt ??= Math.floor(Date.now() / 1000);
    if (!ENDED.has(state)) {
      job.state = state;
      return;
    }
    const end = await endOf(engine, found, job, hidden.fileTokens);
    if (hasEnded(job)) return;
    const isBroken = state === 'succeeded' && ends !== null;
    job.state = isBroken ? 'failed' : state;
    job.startedAt ??= found.created_at;
    job.finishedAt = found.finished_at ?? Math.floor(Date.now() / 1000);
    if ('code' in found.error) job.failure = { code: found.error.code, message: found.error.message };
    if (isBroken) {
      job.shownState = ends.state;
      job.failure = { code: 'server_error', message: ends.message };
    }
    if (job.state === 'succeeded') {
      job.engineModel = found.fine_tuned_model;
      job.checkpoints = end.checkpoints.map((point) => ({ ...point, model: front.names.checkpoint(job, point.step) }));
    }
    job.trainedTokens = job.state === 'failed' ? null : end.trainedTokens;
    job.usd = tariff.training(job.baseName, job.state, end.trainedTokens) * priceFactor;
  }

  /** Without what the host does not keep, and with the state that a test wants to be seen. */
  #shownAs({ effects }: Call, job: HostJob): HostJob {
    const { forgets } = this.#host.options;
    const shown = effectOf(effects, 'shown_state');
    return {
      ...job,
      ...Object.fromEntries(forgets.map((field) => [field, null])),
      ...(shown && !hasEnded(job) ? { shownState: shown.state } : {}),
    };
  }
}
