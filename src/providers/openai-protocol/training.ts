import { createReadStream } from 'node:fs';
import OpenAI, { toFile } from 'openai';
import type { FineTuningJobCheckpoint } from 'openai/resources/fine-tuning/jobs/checkpoints';
import type {
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
  toCheckpoints,
  toJob,
  toMetricPoint,
} from './job-mapping.ts';

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

  constructor(api: OpenAIApi, profile: ProviderProfile) {
    const traits = profile.jobs;
    this.settlingMs = traits.settlingMs;
    this.#profile = profile;
    this.#api = api;
    this.#traits = traits;
  }

  checkFineTuning(): Promise<void> {
    return this.#api.call(async () => {
      await this.#api.client.fineTuning.jobs.list({ limit: 1 });
    });
  }

  findFile(name: string, bytes: number): Promise<string | undefined> {
    return this.#api.call(async () => {
      for await (const file of this.#api.client.files.list({ purpose: 'fine-tune', order: 'desc', limit: 1000 })) {
        if (file.filename === name && file.bytes === bytes && file.status !== 'error') return file.id;
      }
      return undefined;
    });
  }

  uploadFile(name: string, file: string): Promise<string> {
    return this.#api.call(async () => {
      const upload = await toFile(createReadStream(file), name, { type: 'application/jsonl' });
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
      for await (const job of this.#api.client.fineTuning.jobs.list({ ...filter, limit: 100 })) {
        if (isSame(job, identity)) jobs.push(toJob(job));
      }
      return jobs.toSorted((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
    });
  }

  listPendingJobs(): Promise<OwnedJob[]> {
    return this.#api.call(async () => {
      const jobs: OwnedJob[] = [];
      for await (const job of this.#api.client.fineTuning.jobs.list({ limit: 100 })) {
        const owner = ownerOf(job);
        if (owner && toJob(job).state === 'pending') jobs.push({ id: job.id, owner });
      }
      return jobs;
    });
  }

  createJob(request: JobRequest): Promise<Job> {
    const { learningRateMultiplier, epochs, batchSize } = request.hyperparameters;
    return this.#api.call(async () =>
      toJob(
        await this.#api.client.fineTuning.jobs.create({
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
              },
            },
          },
        }),
      ),
    );
  }

  getJob(id: string): Promise<Job> {
    return this.#api.call(async () => toJob(await this.#api.client.fineTuning.jobs.retrieve(id)));
  }

  listMetrics(id: string, afterStep?: number): Promise<MetricPoint[]> {
    if (this.#traits.metrics === 'none') return Promise.resolve([]);
    return this.#api.call(async () => {
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
      return toCheckpoints(checkpoints);
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
        return toJob(await this.#api.client.fineTuning.jobs.cancel(id));
      } catch (error) {
        // A job that has ended cannot be cancelled (400): it is enough that it is not running.
        if (!(error instanceof OpenAI.BadRequestError)) throw error;
        const job = toJob(await this.#api.client.fineTuning.jobs.retrieve(id));
        if (job.state === 'pending') throw error;
        return job;
      }
    });
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
