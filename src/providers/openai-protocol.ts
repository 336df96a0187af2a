import { createReadStream } from 'node:fs';
import OpenAI, { toFile } from 'openai';
import type { FineTuningJob } from 'openai/resources/fine-tuning/jobs/jobs';
import type { Completion, CompletionRequest, Job, JobProgress, JobRequest, JobState, Provider } from './provider.ts';
import { classifyError } from './provider-error.ts';

export interface OpenAIProtocolOptions {
  baseURL: string;
  apiKey: string;
  local: boolean;
  timeoutMs?: number;
}

/** The key under which a job can be found again; see `JobRequest.key`. */
const KEY = 'tuneloop_key';

const REQUEST_TIMEOUT_MS = 60_000;
const UPLOAD_TIMEOUT_MS = 15 * 60_000;

/** Any server that speaks the OpenAI fine-tuning protocol, through the official client. */
export class OpenAIProtocolProvider implements Provider {
  readonly local: boolean;
  readonly #client: OpenAI;
  readonly #baseURL: string;
  readonly #apiKey: string;

  constructor({ baseURL, apiKey, local, timeoutMs = REQUEST_TIMEOUT_MS }: OpenAIProtocolOptions) {
    this.local = local;
    this.#baseURL = baseURL;
    this.#apiKey = apiKey;
    // maxRetries 0: the client would repeat a POST whose answer was lost, and with it the paid work.
    this.#client = new OpenAI({
      baseURL,
      apiKey,
      maxRetries: 0,
      timeout: timeoutMs,
      logLevel: 'off',
      // The client reads these from the environment and would tell them to every server.
      ...(new URL(baseURL).hostname === 'api.openai.com' ? {} : { organization: null, project: null }),
    });
  }

  listModels(): Promise<string[]> {
    return this.#call(async () => {
      const models: string[] = [];
      for await (const { id } of this.#client.models.list()) models.push(id);
      return models;
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

  findJobs(key: string): Promise<Job[]> {
    return this.#call(async () => {
      const jobs: Job[] = [];
      for await (const job of this.#client.fineTuning.jobs.list({ metadata: { [KEY]: key }, limit: 100 })) {
        // Compared here too: a server may not know the filter and answer with all jobs.
        if (job.metadata?.[KEY] === key) jobs.push(toJob(job));
      }
      return jobs.toSorted((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
    });
  }

  createJob(request: JobRequest): Promise<Job> {
    const { learningRateMultiplier, epochs, batchSize } = request.hyperparameters;
    return this.#call(async () =>
      toJob(
        await this.#client.fineTuning.jobs.create({
          model: request.baseModel,
          training_file: request.trainingFile,
          ...(request.validationFile === null ? {} : { validation_file: request.validationFile }),
          suffix: request.suffix,
          seed: request.seed,
          metadata: { ...request.labels, [KEY]: request.key },
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

  getJobProgress(id: string): Promise<JobProgress> {
    return this.#call(async () => {
      const progress: JobProgress = { step: null, totalSteps: null, trainLoss: null, validLoss: null };
      // Newest first: the first value seen of each metric is its latest.
      const { data } = await this.#client.fineTuning.jobs.listEvents(id, { limit: 50 });
      for (const event of data) {
        if (event.type === 'metrics' && typeof event.data === 'object' && event.data !== null) {
          const metrics = event.data as Record<string, unknown>;
          progress.step ??= numberOrNull(metrics.step);
          progress.totalSteps ??= numberOrNull(metrics.total_steps);
          progress.trainLoss ??= numberOrNull(metrics.train_loss);
          progress.validLoss ??= numberOrNull(metrics.full_valid_loss) ?? numberOrNull(metrics.valid_loss);
        }
      }
      return progress;
    });
  }

  getTrainingStart(id: string): Promise<number | null> {
    return this.#call(async () => {
      // Newest first, so the start is on the last pages.
      for await (const event of this.#client.fineTuning.jobs.listEvents(id, { limit: 100 })) {
        if (/job started/i.test(event.message)) return event.created_at;
      }
      return null;
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
        promptTokens: data.usage?.prompt_tokens ?? 0,
        completionTokens: data.usage?.completion_tokens ?? 0,
        latencyMs,
        serverMs: Number.isFinite(serverMs) ? serverMs : latencyMs,
      };
    });
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

const ENDED = new Map<string, JobState>([
  ['succeeded', 'succeeded'],
  ['failed', 'failed'],
  ['cancelled', 'cancelled'],
]);

function toJob(job: FineTuningJob): Job {
  return {
    id: job.id,
    state: ENDED.get(job.status) ?? 'pending',
    status: job.status,
    model: job.fine_tuned_model,
    // Healthy jobs may carry an empty error object: only a code says that something failed.
    failure: job.error?.code ? `${job.error.code}: ${job.error.message}`.slice(0, 500) : null,
    createdAt: job.created_at,
    finishedAt: job.finished_at,
    trainedTokens: job.trained_tokens,
  };
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
