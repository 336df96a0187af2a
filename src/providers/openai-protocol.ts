import { createReadStream } from 'node:fs';
import OpenAI, { toFile } from 'openai';
import type { FineTuningJobCheckpoint } from 'openai/resources/fine-tuning/jobs/checkpoints';
import type { FineTuningJob, FineTuningJobEvent } from 'openai/resources/fine-tuning/jobs/jobs';
import { redact, withoutSecrets } from '../redaction.ts';
import { keepAliveFetch } from './keep-alive-fetch.ts';
import {
  type Checkpoint,
  type Completion,
  type CompletionRequest,
  endsEpoch,
  type Job,
  type JobIdentity,
  type JobOwner,
  type JobPhase,
  type JobRequest,
  type JobState,
  type MetricPoint,
  type Model,
  type OwnedJob,
  type Provider,
  type StoredCompletion,
  type StoredPage,
  type StoredQuery,
  type TrainingTime,
} from './provider.ts';
import { classifyError, needsPerson } from './provider-error.ts';

export interface OpenAIProtocolOptions {
  baseURL: string;
  apiKey: string;
  local: boolean;
  settlingMs: number;
  timeoutMs?: number;
}

/** What our jobs carry in their metadata: the key under which they are found again, and whose they are. */
const KEY = 'tuneloop_key';
const OWNER = { pipeline: 'tuneloop_pipeline', workflowId: 'tuneloop_job', executionId: 'tuneloop_execution' } as const;
/** The protocol's limit for a value of the metadata. */
const LONGEST_VALUE = 512;

/** Entries of a page, the most that the protocol allows. */
const STORED_PAGE = 100;

/** Events of a page. The protocol states no limit; this is the one of its other lists. */
const EVENTS_PAGE = 100;
/** Pages of events that are read at most: a server that always has one more keeps nobody waiting for ever. */
const MOST_EVENT_PAGES = 100;
const MOST_POINTS = 200;

const REQUEST_TIMEOUT_MS = 60_000;
const UPLOAD_TIMEOUT_MS = 15 * 60_000;

/** Any server that speaks the OpenAI fine-tuning protocol, through the official client. */
export class OpenAIProtocolProvider implements Provider {
  readonly address: string;
  readonly local: boolean;
  readonly settlingMs: number;
  readonly #client: OpenAI;
  readonly #baseURL: string;
  readonly #apiKey: string;

  constructor({ baseURL, apiKey, local, settlingMs, timeoutMs = REQUEST_TIMEOUT_MS }: OpenAIProtocolOptions) {
    this.address = redact(baseURL);
    this.local = local;
    this.settlingMs = settlingMs;
    this.#baseURL = baseURL;
    this.#apiKey = apiKey;
    // maxRetries 0: the client would repeat a POST whose answer was lost, and with it the paid work.
    this.#client = new OpenAI({
      baseURL,
      apiKey,
      maxRetries: 0,
      timeout: timeoutMs,
      logLevel: 'off',
      // The local trainer's key is a plain word and no secret.
      fetch: local ? keepAliveFetch() : fetchWithout(apiKey),
      // The client reads these from the environment and would tell them to every server.
      ...(new URL(baseURL).hostname === 'api.openai.com' ? {} : { organization: null, project: null }),
    });
  }

  listModels(): Promise<Model[]> {
    return this.#call(async () => {
      const models: Model[] = [];
      for await (const { id, shutdown_date } of this.#client.models.list()) {
        models.push({ id, shutdownDate: shutdown_date ? new Date(shutdown_date) : null });
      }
      return models;
    });
  }

  checkFineTuning(): Promise<void> {
    return this.#call(async () => {
      await this.#client.fineTuning.jobs.list({ limit: 1 });
    });
  }

  findFile(name: string, bytes: number): Promise<string | undefined> {
    return this.#call(async () => {
      for await (const file of this.#client.files.list({ purpose: 'fine-tune', order: 'desc', limit: 1000 })) {
        if (file.filename === name && file.bytes === bytes && file.status !== 'error') return file.id;
      }
      return undefined;
    });
  }

  uploadFile(name: string, file: string): Promise<string> {
    return this.#call(async () => {
      const upload = await toFile(createReadStream(file), name, { type: 'application/jsonl' });
      const { id } = await this.#client.files.create(
        { file: upload, purpose: 'fine-tune' },
        { timeout: UPLOAD_TIMEOUT_MS },
      );
      return id;
    });
  }

  findJobs(identity: JobIdentity): Promise<Job[]> {
    return this.#call(async () => {
      const jobs: Job[] = [];
      for await (const job of this.#client.fineTuning.jobs.list({ metadata: { [KEY]: identity.key }, limit: 100 })) {
        if (isSame(job, identity)) jobs.push(toJob(job));
      }
      return jobs.toSorted((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
    });
  }

  listPendingJobs(): Promise<OwnedJob[]> {
    return this.#call(async () => {
      const jobs: OwnedJob[] = [];
      for await (const job of this.#client.fineTuning.jobs.list({ limit: 100 })) {
        const owner = ownerOf(job);
        if (owner && toJob(job).state === 'pending') jobs.push({ id: job.id, owner });
      }
      return jobs;
    });
  }

  createJob(request: JobRequest): Promise<Job> {
    const { learningRateMultiplier, epochs, batchSize } = request.hyperparameters;
    return this.#call(async () =>
      toJob(
        await this.#client.fineTuning.jobs.create({
          model: request.baseModel,
          training_file: request.trainingFile,
          validation_file: request.validationFile,
          suffix: request.suffix,
          seed: request.seed,
          metadata: metadataOf(request),
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
    return this.#call(async () => toJob(await this.#client.fineTuning.jobs.retrieve(id)));
  }

  listMetrics(id: string, afterStep?: number): Promise<MetricPoint[]> {
    return this.#call(async () => {
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
    return this.#call(async () => {
      const checkpoints: FineTuningJobCheckpoint[] = [];
      for await (const checkpoint of this.#client.fineTuning.jobs.checkpoints.list(id)) checkpoints.push(checkpoint);
      return toCheckpoints(checkpoints);
    });
  }

  getTrainingTime(id: string): Promise<TrainingTime> {
    return this.#call(async () => {
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
    return this.#call(async () => {
      try {
        return toJob(await this.#client.fineTuning.jobs.cancel(id));
      } catch (error) {
        // A job that has ended cannot be cancelled (400): what counts is that it is not running.
        if (!(error instanceof OpenAI.BadRequestError)) throw error;
        const job = toJob(await this.#client.fineTuning.jobs.retrieve(id));
        if (job.state === 'pending') throw error;
        return job;
      }
    });
  }

  complete({ model, messages, maxOutputTokens, signal }: CompletionRequest): Promise<Completion> {
    return this.#call(async () => {
      const start = performance.now();
      const { data, response } = await this.#client.chat.completions
        .create(
          {
            model,
            messages: messages as OpenAI.ChatCompletionMessageParam[],
            temperature: 0,
            ...(maxOutputTokens === undefined ? {} : { max_completion_tokens: maxOutputTokens }),
          },
          signal ? { signal } : {},
        )
        .withResponse();
      const latencyMs = performance.now() - start;
      const serverMs = Number.parseFloat(response.headers.get('openai-processing-ms') ?? '');
      return {
        text: data.choices[0]?.message.content ?? '',
        cut: data.choices[0]?.finish_reason === 'length',
        promptTokens: data.usage?.prompt_tokens ?? 0,
        completionTokens: data.usage?.completion_tokens ?? 0,
        latencyMs,
        serverMs: Number.isFinite(serverMs) ? serverMs : latencyMs,
      };
    });
  }

  listStoredCompletions({ after, model, metadata, signal }: StoredQuery): Promise<StoredPage> {
    return this.#call(async () => {
      const page = await this.#client.chat.completions.list(
        {
          order: 'asc',
          limit: STORED_PAGE,
          ...(after === undefined ? {} : { after }),
          ...(model === undefined ? {} : { model }),
          ...(metadata === undefined ? {} : { metadata }),
        },
        { signal },
      );
      // An empty page is the last one, whatever a server says: it names nothing to go on from.
      return { completions: page.data.map(toStored), more: page.has_more && page.data.length > 0 };
    });
  }

  listStoredMessages(id: string, signal: AbortSignal): Promise<unknown[]> {
    return this.#call(async () => {
      const messages: unknown[] = [];
      const pages = this.#client.chat.completions.messages.list(id, { order: 'asc', limit: STORED_PAGE }, { signal });
      for await (const { role, content, content_parts: parts } of pages) {
        messages.push({ role, content: content ?? parts ?? null });
      }
      return messages;
    });
  }

  /** Newest first. */
  async *#events(id: string): AsyncGenerator<FineTuningJobEvent> {
    const first = await this.#client.fineTuning.jobs.listEvents(id, { limit: EVENTS_PAGE });
    let left = MOST_EVENT_PAGES;
    for await (const { data } of first.iterPages()) {
      yield* data;
      left -= 1;
      if (left === 0) return;
    }
  }

  async #call<T>(request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      // The local trainer's key is a plain word and no secret.
      throw classifyError(error, this.#baseURL, this.local ? undefined : this.#apiKey);
    }
  }
}

/** Answers without the key: a server may repeat it in the error of a job, or in any other text that is kept. */
function fetchWithout(apiKey: string): typeof fetch {
  const fetchKept = keepAliveFetch();
  return async (input, init) => {
    const response = await fetchKept(input, init);
    const text = await response.text();
    const { status, statusText, headers } = response;
    return new Response(text === '' ? null : withoutSecrets(text, [apiKey]), { status, statusText, headers });
  };
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

function toStored(completion: OpenAI.ChatCompletion & { metadata?: Record<string, string> | null }): StoredCompletion {
  const { id, created, model, choices, usage, metadata } = completion;
  const [choice] = choices;
  const isText = choice?.finish_reason === 'stop' && typeof choice.message.content === 'string';
  return {
    id,
    createdAt: created,
    model,
    completion: isText ? choice.message.content : completion,
    usage: usage ? { promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens } : null,
    metadata: metadata ?? {},
  };
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
