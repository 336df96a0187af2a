import { createReadStream } from 'node:fs';
import OpenAI, { toFile } from 'openai';
import type { FineTuningJobCheckpoint } from 'openai/resources/fine-tuning/jobs/checkpoints';
import type {
  FineTuningJob,
  JobCreateParams as FineTuningJobCreateParams,
  FineTuningJobEvent,
} from 'openai/resources/fine-tuning/jobs/jobs';
import type { Checkpoint, MetricPoint } from '../../core/run/training-metrics.ts';
import { jobLabel } from '../job-label.ts';
import { type JobField, type JobTraits, modelId, type ProviderProfile } from '../profile.ts';
import type { Job, JobIdentity, JobRequest, OwnedJob, Training, TrainingTime } from '../training.ts';
import type { OpenAIApi } from './api.ts';
import {
  isSame,
  KEY,
  metadataOf,
  numberOrNull,
  ownerOf,
  recordOf,
  thinned,
  toJob,
  toMetricPoint,
} from './job-mapping.ts';
import { asOpenAI, type ProtocolVariant } from './variant.ts';

/** Events of a page. The protocol states no limit; this is the one of its other lists. */
const EVENTS_PAGE = 100;
/** At most this many pages of events are read, so that a server with endless pages does not hold up the wait. */
const MOST_EVENT_PAGES = 100;
const MOST_POINTS = 200;

const UPLOAD_TIMEOUT_MS = 15 * 60_000;

type OptionalFields = Required<Pick<FineTuningJobCreateParams, JobField>>;

/** Fine-tuning by the OpenAI protocol. */
export class OpenAITraining implements Training {
  readonly settlingMs: number;
  readonly #api: OpenAIApi;
  readonly #profile: ProviderProfile;
  readonly #traits: JobTraits;
  readonly #variant: ProtocolVariant;

  constructor(api: OpenAIApi, profile: ProviderProfile, variant: Partial<ProtocolVariant> = {}) {
    const traits = profile.jobs;
    this.#variant = { ...asOpenAI(profile), ...variant };
    this.settlingMs = traits.settlingMs;
    this.#profile = profile;
    this.#api = api;
    this.#traits = traits;
  }

  async checkFineTuning(): Promise<void> {
    await this.#api.call(() => this.#api.client.fineTuning.jobs.list({ limit: 1 }));
    await this.#variant.check();
  }

  findFile(name: string, bytes: number): Promise<string | undefined> {
    const stored = bytes + Buffer.byteLength(this.#variant.filePrefix);
    return this.#api.call(async () => {
      for await (const file of this.#api.client.files.list({ purpose: 'fine-tune', order: 'desc', limit: 1000 })) {
        if (file.filename === name && file.bytes === stored && file.status !== 'error') return file.id;
      }
      return undefined;
    });
  }

  uploadFile(name: string, file: string): Promise<string> {
    return this.#api.call(async () => {
      const upload = await toFile(this.#content(file), name, { type: 'application/jsonl' });
      const { id } = await this.#api.client.files.create(
        { file: upload, purpose: 'fine-tune' },
        { timeout: UPLOAD_TIMEOUT_MS },
      );
      return id;
    });
  }

  deleteFile(id: string): Promise<void> {
    return this.#deleted(() => this.#api.client.files.delete(id));
  }

  deleteModel(id: string): Promise<void> {
    return this.#deleted(() => this.#api.client.models.delete(id));
  }

  findJobs(identity: JobIdentity): Promise<Job[]> {
    return this.#api.call(async () => {
      const jobs: Job[] = [];
      const filter = this.#traits.filtersMetadata ? { metadata: { [KEY]: identity.key } } : {};
      for await (const job of this.#jobs(filter)) {
        if (isSame(job, identity, this.#variant.isModel)) jobs.push(await this.#variant.readJob(job));
      }
      return jobs.toSorted((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
    });
  }

  listPendingJobs(): Promise<OwnedJob[]> {
    return this.#api.call(async () => {
      const jobs: OwnedJob[] = [];
      for await (const job of this.#jobs()) {
        const owner = ownerOf(job);
        if (owner && toJob(job).state === 'pending') jobs.push({ id: job.id, owner });
      }
      return jobs;
    });
  }

  createJob(request: JobRequest): Promise<Job> {
    return this.#api.call(async () => {
      const body = await this.#variant.jobBody(this.#usualBody(request), request);
      // The client's types name the fields of OpenAI alone.
      return this.#variant.readJob(await this.#api.client.fineTuning.jobs.create(body as FineTuningJobCreateParams));
    });
  }

  getJob(id: string): Promise<Job> {
    return this.#api.call(async () => this.#variant.readJob(await this.#api.client.fineTuning.jobs.retrieve(id)));
  }

  listMetrics(id: string, afterStep?: number): Promise<MetricPoint[]> {
    if (this.#traits.metrics === 'none') return Promise.resolve([]);
    return this.#api.call(async () => {
      if (this.#variant.readMetrics) {
        const all = await this.#variant.readMetrics(id);
        return thinned(
          all.filter(({ step }) => step > (afterStep ?? -1)),
          MOST_POINTS,
        );
      }
      const points: MetricPoint[] = [];
      for await (const event of this.#events(id)) {
        const point = toMetricPoint(event);
        if (point && afterStep !== undefined && point.step <= afterStep) break;
        if (point) points.push(point);
      }
      return thinned(points.reverse(), MOST_POINTS);
    });
  }

  listCheckpoints(id: string): Promise<Checkpoint[]> {
    if (this.#traits.checkpoints === 'none') return Promise.resolve([]);
    return this.#api.call(async () => {
      const checkpoints: FineTuningJobCheckpoint[] = [];
      for await (const checkpoint of this.#api.client.fineTuning.jobs.checkpoints.list(id))
        checkpoints.push(checkpoint);
      return this.#variant.readCheckpoints(checkpoints, id);
    });
  }

  getTrainingTime(id: string): Promise<TrainingTime> {
    return this.#api.call(async () => {
      const time: TrainingTime = { startedAt: null, workedMs: null };
      for await (const { message, created_at, data } of this.#events(id)) {
        time.workedMs ??= numberOrNull(recordOf(data).worked_ms);
        if (!/job started/i.test(message)) continue;
        time.startedAt = created_at;
        break;
      }
      return time;
    });
  }

  cancelJob(id: string): Promise<Job> {
    return this.#api.call(async () => {
      try {
        return await this.#variant.readJob(await this.#api.client.fineTuning.jobs.cancel(id));
      } catch (error) {
        // A job that has ended cannot be cancelled (400): it is enough that it is not running.
        if (!(error instanceof OpenAI.BadRequestError)) throw error;
        const job = await this.#variant.readJob(await this.#api.client.fineTuning.jobs.retrieve(id));
        if (job.state === 'pending') throw error;
        return job;
      }
    });
  }

  #usualBody(request: JobRequest): FineTuningJobCreateParams {
    const { learningRateMultiplier, epochs, batchSize, loraRank } = request.hyperparameters;
    return {
      model: modelId(this.#profile, request.baseModel),
      training_file: request.trainingFile,
      ...this.#accepted({
        validation_file: request.validationFile,
        suffix: jobLabel(request, this.#traits.longestSuffix),
        seed: request.hyperparameters.seed ?? request.seed,
        metadata: metadataOf(request),
      }),
      method: {
        type: 'supervised',
        supervised: {
          hyperparameters: {
            learning_rate_multiplier: learningRateMultiplier,
            n_epochs: epochs,
            ...(batchSize === undefined ? {} : { batch_size: batchSize }),
            ...(loraRank === undefined ? {} : { lora_rank: loraRank }),
          },
        },
      },
    };
  }

  async *#content(file: string): AsyncGenerator<Uint8Array> {
    if (this.#variant.filePrefix !== '') yield Buffer.from(this.#variant.filePrefix);
    yield* createReadStream(file);
  }

  /** Each job once: a server that does not know `after` answers with its first page for ever. */
  async *#jobs(filter: { metadata?: Record<string, string> } = {}): AsyncGenerator<FineTuningJob> {
    const seen = new Set<string>();
    for await (const job of this.#api.client.fineTuning.jobs.list({ ...filter, limit: 100 })) {
      if (seen.has(job.id)) return;
      seen.add(job.id);
      yield job;
    }
  }

  /** Without the fields that the provider refuses. */
  #accepted(fields: OptionalFields): Partial<OptionalFields> {
    return Object.fromEntries(
      Object.entries(fields).filter(([name]) => !this.#traits.refusedFields.some((refused) => refused === name)),
    );
  }

  #deleted(request: () => Promise<unknown>): Promise<void> {
    return this.#api.call(async () => {
      try {
        await request();
      } catch (error) {
        if (!(error instanceof OpenAI.NotFoundError)) throw error;
      }
    });
  }

  /** Newest first. */
  async *#events(id: string): AsyncGenerator<FineTuningJobEvent> {
    const first = await this.#api.client.fineTuning.jobs.listEvents(id, { limit: EVENTS_PAGE });
    let left = MOST_EVENT_PAGES;
    for await (const { data } of first.iterPages()) {
      yield* data;
      left -= 1;
      if (left === 0) return;
    }
  }
}
