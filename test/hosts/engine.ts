import { setTimeout as delay } from 'node:timers/promises';
import { isRecord } from '@tuneloop/app/internal/shared/json-body';
import type { Metrics } from '../../packages/local-trainer/src/engine.ts';
import type { Checkpoint, FineTuningJob, JobEvent } from '../../packages/local-trainer/src/jobs/job-record.ts';
import { startTrainer } from '../../packages/local-trainer/src/server.ts';
import type { FileObject } from '../../packages/local-trainer/src/stores/files.ts';
import { temporaryFolder } from '../local-trainer/sample-data.ts';
import { HostError } from './front.ts';

export interface EngineJob {
  model: string;
  trainingFile: string;
  validationFile: string | null;
  seed: number | null;
  epochs: number | 'auto';
  batchSize: number | 'auto';
  learningRateMultiplier: number | 'auto';
}

/** An answer of a model, with its tokens. */
export interface ModelAnswer {
  readonly body: Readonly<Record<string, unknown>>;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly serverMs: string;
}

/** The local trainer behind a host: it trains and answers for real, as models of every host. */
export class Engine {
  readonly #baseURL: string;
  readonly #close: () => Promise<void>;

  private constructor(baseURL: string, close: () => Promise<void>) {
    this.#baseURL = baseURL;
    this.#close = close;
  }

  /** @param jobSeconds stretches each job to about this time; undefined = as fast as it trains */
  static async start(jobSeconds: number | undefined): Promise<Engine> {
    const folder = temporaryFolder();
    const trainer = await startTrainer({ dir: folder.dir, ...(jobSeconds === undefined ? {} : { jobSeconds }) });
    return new Engine(trainer.baseURL, async () => {
      await trainer.close();
      folder.remove();
    });
  }

  close(): Promise<void> {
    return this.#close();
  }

  async addFile(name: string, content: Uint8Array<ArrayBuffer>): Promise<string> {
    const form = new FormData();
    form.set('purpose', 'fine-tune');
    form.set('file', new File([content], name));
    return (await this.#ask<FileObject>('/files', { method: 'POST', body: form })).id;
  }

  async createJob(job: EngineJob): Promise<string> {
    const body = {
      model: job.model,
      training_file: job.trainingFile,
      ...(job.validationFile === null ? {} : { validation_file: job.validationFile }),
      ...(job.seed === null ? {} : { seed: job.seed }),
      method: {
        type: 'supervised',
        supervised: {
          hyperparameters: {
            n_epochs: job.epochs,
            batch_size: job.batchSize === 'auto' ? 'auto' : Math.min(256, job.batchSize),
            learning_rate_multiplier: job.learningRateMultiplier,
          },
        },
      },
    };
    return (await this.#ask<FineTuningJob>('/fine_tuning/jobs', jsonPost(body))).id;
  }

  job(id: string): Promise<FineTuningJob> {
    return this.#ask(`/fine_tuning/jobs/${id}`);
  }

  /** Ends a job, whatever it is doing; nothing for one that has ended. */
  async cancelJob(id: string): Promise<void> {
    await this.#ask(`/fine_tuning/jobs/${id}/cancel`, { method: 'POST' }).catch((error) => {
      if (!(error instanceof HostError && error.status === 400)) throw error;
    });
  }

  /** Oldest first. */
  async events(id: string): Promise<JobEvent[]> {
    const { data } = await this.#ask<{ data: JobEvent[] }>(`/fine_tuning/jobs/${id}/events?limit=1000`);
    return data.reverse();
  }

  /** The reports of the steps, oldest first. */
  async metrics(id: string): Promise<(Metrics & { created_at: number })[]> {
    const events = await this.events(id);
    return events.flatMap(({ data, created_at }) => (isMetrics(data) ? [{ ...data, created_at }] : []));
  }

  /** Oldest first; of the last epochs, once the job has succeeded. */
  async checkpoints(id: string): Promise<Checkpoint[]> {
    const { data } = await this.#ask<{ data: Checkpoint[] }>(`/fine_tuning/jobs/${id}/checkpoints?limit=100`);
    return data.reverse();
  }

  async complete(model: string, request: Readonly<Record<string, unknown>>): Promise<ModelAnswer> {
    const { messages, max_completion_tokens: most, max_tokens: max } = request;
    const body = { model, messages, max_completion_tokens: most ?? max };
    for (;;) {
      const response = await fetch(`${this.#baseURL}/chat/completions`, jsonPost(body));
      const answer: unknown = await response.json();
      // The trainer's own limit of calls at a time is none of the host's.
      if (response.status === 429) {
        await delay(50);
        continue;
      }
      if (!response.ok || !isRecord(answer)) throw trainerError(response.status, answer);
      const usage = isRecord(answer.usage) ? answer.usage : {};
      return {
        body: answer,
        promptTokens: Number(usage.prompt_tokens),
        completionTokens: Number(usage.completion_tokens),
        serverMs: response.headers.get('openai-processing-ms') ?? '1',
      };
    }
  }

  async #ask<T>(path: string, init: RequestInit = {}): Promise<T> {
    const response = await fetch(`${this.#baseURL}${path}`, init);
    const answer: unknown = await response.json();
    if (!response.ok) throw trainerError(response.status, answer);
    return answer as T;
  }
}

function isMetrics(data: JobEvent['data']): data is Metrics {
  return 'step' in data;
}

function jsonPost(body: unknown): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

function trainerError(status: number, answer: unknown): HostError {
  const error = isRecord(answer) && isRecord(answer.error) ? answer.error : {};
  return new HostError(status, String(error.message ?? `the trainer answered ${status}`), {
    code: typeof error.code === 'string' ? error.code : null,
    param: typeof error.param === 'string' ? error.param : null,
  });
}
