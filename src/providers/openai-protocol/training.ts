import { createReadStream } from 'node:fs';
import OpenAI, { toFile } from 'openai';
import type { FineTuningJobCheckpoint } from 'openai/resources/fine-tuning/jobs/checkpoints';
import type {
  FineTuningJob,
  JobCreateParams as FineTuningJobCreateParams,
  FineTuningJobEvent,
} from 'openai/resources/fine-tuning/jobs/jobs';
import type { JobPhase } from '../../core/run/job-heartbeat.ts';
import type { Checkpoint, MetricPoint } from '../../core/run/training-metrics.ts';
import type { JobField, JobTraits } from '../profile.ts';
import { needsPerson } from '../provider-error.ts';
import {
  endsEpoch,
  type Job,
  type JobIdentity,
  type JobOwner,
  type JobRequest,
  type JobState,
  type OwnedJob,
  type Training,
  type TrainingTime,
} from '../training.ts';
import type { OpenAIApi } from './api.ts';

/** What our jobs carry in their metadata: the key under which they are found again, and whose they are. */
const KEY = 'tuneloop_key';
const OWNER = { pipeline: 'tuneloop_pipeline', workflowId: 'tuneloop_job', executionId: 'tuneloop_execution' } as const;
/** The protocol's limit for a value of the metadata. */
const LONGEST_VALUE = 512;

/** Events of a page. The protocol states no limit; this is the one of its other lists. */
const EVENTS_PAGE = 100;
/** Pages of events that are read at most: a server that always has one more keeps nobody waiting for ever. */
const MOST_EVENT_PAGES = 100;
const MOST_POINTS = 200;

const UPLOAD_TIMEOUT_MS = 15 * 60_000;

type OptionalFields = Required<Pick<FineTuningJobCreateParams, JobField>>;

/** Fine-tuning by the OpenAI protocol. */
export class OpenAITraining implements Training {
  readonly settlingMs: number;
  readonly #api: OpenAIApi;
  readonly #traits: JobTraits;

  constructor(api: OpenAIApi, traits: JobTraits) {
    this.settlingMs = traits.settlingMs;
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
      const filter = this.#traits.keepsMetadata ? { metadata: { [KEY]: identity.key } } : {};
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
          model: request.baseModel,
          training_file: request.trainingFile,
          ...this.#accepted({
            validation_file: request.validationFile,
            suffix: request.suffix,
            seed: request.seed,
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
        // A job that has ended cannot be cancelled (400): what counts is that it is not running.
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

const ENDED = new Map<string, JobState>([
  ['succeeded', 'succeeded'],
  ['failed', 'failed'],
  ['cancelled', 'cancelled'],
]);

// A status that is not listed here nor above counts as running, and is not known.
const PHASES = new Map<string, JobPhase>([
  ['validating_files', 'validating'],
  ['queued', 'queued'],
  ['running', 'running'],
  ['pausing', 'running'],
  ['paused', 'running'],
]);

function toJob(job: FineTuningJob): Job {
  return {
    id: job.id,
    state: ENDED.get(job.status) ?? 'pending',
    phase: PHASES.get(job.status) ?? 'running',
    known: PHASES.has(job.status) || ENDED.has(job.status),
    status: job.status,
    model: job.fine_tuned_model,
    // Healthy jobs may carry an empty error object: only a code says that something failed.
    failure: job.error?.code ? `${job.error.code}: ${job.error.message}`.slice(0, 500) : null,
    needsPerson: needsPerson(job.error?.code ?? ''),
    createdAt: job.created_at,
    finishedAt: job.finished_at,
    trainedTokens: job.trained_tokens,
  };
}

/** Undefined for events that are about something else than a step. */
function toMetricPoint({ type, data }: FineTuningJobEvent): MetricPoint | undefined {
  const metrics = recordOf(data);
  const step = numberOrNull(metrics.step);
  if (type !== 'metrics' || step === null) return undefined;
  return {
    step,
    totalSteps: numberOrNull(metrics.total_steps),
    trainLoss: numberOrNull(metrics.train_loss),
    validLoss: numberOrNull(metrics.valid_loss),
    fullValidLoss: numberOrNull(metrics.full_valid_loss),
    fullValidAccuracy: numberOrNull(metrics.full_valid_mean_token_accuracy),
  };
}

/** About `most` points, evenly spread, counted from the newest; ends of epochs are never dropped. */
function thinned(points: readonly MetricPoint[], most: number): MetricPoint[] {
  const ends = points.filter(endsEpoch).length;
  const stride = Math.max(1, (points.length - ends) / Math.max(1, most - ends));
  let newer = points.length - ends;
  return points.filter((point) => {
    if (endsEpoch(point)) return true;
    newer -= 1;
    return Math.floor(newer / stride) !== Math.floor((newer - 1) / stride);
  });
}

/**
 * The protocol counts steps and names no epochs. There is one checkpoint an epoch, so the least distance between two, or
 * from the beginning to the first, is the length of an epoch.
 */
function toCheckpoints(checkpoints: readonly FineTuningJobCheckpoint[]): Checkpoint[] {
  const sorted = checkpoints.toSorted((a, b) => a.step_number - b.step_number);
  const steps = sorted.map(({ step_number: step }) => step);
  const epochSteps = Math.max(1, Math.min(...steps.map((step, place) => step - (steps[place - 1] ?? 0))));
  return sorted.map(({ step_number: step, fine_tuned_model_checkpoint: model, metrics }) => ({
    epoch: Math.round(step / epochSteps),
    step,
    model,
    validLoss: numberOrNull(metrics?.full_valid_loss),
    validAccuracy: numberOrNull(metrics?.full_valid_mean_token_accuracy),
  }));
}

/**
 * Compared here and not only by the server, which may not know the filter and answer with all jobs. A server that keeps
 * no metadata leaves the second fingerprint: nobody else has the same file, model and 31 bits of a hash as seed.
 */
function isSame(job: FineTuningJob, { key, baseModel, trainingFile, seed }: JobIdentity): boolean {
  const keyOfJob = job.metadata?.[KEY];
  if (keyOfJob !== undefined) return keyOfJob === key;
  // A server may answer with the dated name of the model that was asked for.
  return job.training_file === trainingFile && job.model.startsWith(baseModel) && job.seed === seed;
}

function metadataOf({ key, owner }: JobRequest): Record<string, string> {
  const fields = Object.entries(OWNER) as [keyof JobOwner, string][];
  return {
    ...Object.fromEntries(fields.map(([field, name]) => [name, owner[field].slice(0, LONGEST_VALUE)])),
    [KEY]: key,
  };
}

function ownerOf({ metadata }: FineTuningJob): JobOwner | undefined {
  const { pipeline, workflowId, executionId } = OWNER;
  const [of, by, execution] = [metadata?.[pipeline], metadata?.[workflowId], metadata?.[executionId]];
  return of && by && execution ? { pipeline: of, workflowId: by, executionId: execution } : undefined;
}

function recordOf(value: unknown): Partial<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
