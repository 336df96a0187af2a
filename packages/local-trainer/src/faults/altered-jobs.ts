import { ApiError } from '@tuneloop/app/internal/shared/api-error';
import { isTerminal, type JobEvent, type JobRecord, type JobStatus } from '../jobs/job-record.ts';
import type { JobStore, ShownJobs } from '../jobs/jobs.ts';
import type { EffectOf } from './fault-plan.ts';

interface LoadingModel {
  readonly effect: EffectOf<'model_ready_after'>;
  readonly modelId: string;
  /** Milliseconds since 1970; not known before the job succeeds. */
  readyAt: number;
}

/** The jobs as a fault plan shows them. The jobs underneath are not touched. */
export class AlteredJobs implements ShownJobs {
  readonly #jobs: JobStore;
  readonly #frozen = new Map<string, EffectOf<'job_status'>>();
  readonly #loading = new Map<string, LoadingModel>();
  readonly #lags = new WeakMap<object, number>();

  constructor(jobs: JobStore) {
    this.#jobs = jobs;
  }

  /** Shows one status, and no result of the job, until it is cancelled. */
  freeze(id: string, effect: EffectOf<'job_status'>): void {
    this.#frozen.set(id, effect);
  }

  isFrozen(id: string): boolean {
    return this.#frozen.has(id);
  }

  /** Keeps the model of a job from being called for a while after the job has succeeded. */
  holdModel(id: string, effect: EffectOf<'model_ready_after'>): void {
    const { modelId } = this.#jobs.get(id);
    this.#loading.set(id, { effect, modelId, readyAt: Number.POSITIVE_INFINITY });
  }

  /** Leaves jobs younger than this out of the list that answers `request`. */
  lag(request: object, seconds: number): void {
    this.#lags.set(request, seconds);
  }

  /** To be told of each change of a true status. */
  follow({ job }: JobRecord): void {
    if (job.status === 'cancelled') this.#frozen.delete(job.id);
    const loading = this.#loading.get(job.id);
    if (loading !== undefined && job.status === 'succeeded') {
      loading.readyAt = Date.now() + loading.effect.seconds * 1000;
    }
  }

  /** Shows all jobs unchanged again. */
  clear(): void {
    this.#frozen.clear();
    this.#loading.clear();
  }

  /** @throws ApiError 404 or 429 while the model, or the model of this checkpoint, is held back; not before there is one */
  refuseHeldModel(model: string): void {
    for (const [id, { effect, modelId, readyAt }] of this.#loading) {
      if (model !== modelId && !model.startsWith(`${modelId}:`)) continue;
      if (Date.now() >= readyAt || this.#jobs.get(id).job.status !== 'succeeded') continue;
      const status = effect.status ?? 404;
      const code = status === 404 ? 'model_not_found' : null;
      throw new ApiError(status, 'The model is still being loaded', { param: 'model', code });
    }
  }

  all(): JobRecord[] {
    return this.#jobs.all().map((record) => this.#alter(record));
  }

  listed(request: object): JobRecord[] {
    const newestFirst = this.all().reverse();
    const seconds = this.#lags.get(request);
    if (seconds === undefined) return newestFirst;
    // A job was created at some time of that second: the end of the second counts, so that no job is listed too early.
    return newestFirst.filter(({ job }) => Date.now() >= (job.created_at + 1 + seconds) * 1000);
  }

  get(id: string): JobRecord {
    return this.#alter(this.#jobs.get(id));
  }

  events(id: string): JobEvent[] {
    const newestFirst = this.#jobs.events(id);
    // The oldest event says that the job was created; the others would show its true progress.
    return this.#frozen.has(id) ? newestFirst.slice(-1) : newestFirst;
  }

  #alter(record: JobRecord): JobRecord {
    const frozen = this.#frozen.get(record.job.id);
    if (frozen !== undefined) return asFrozen(record, frozen);
    const loading = this.#loading.get(record.job.id);
    if (loading?.effect.null_model === true && Date.now() < loading.readyAt) {
      return { ...record, job: { ...record.job, fine_tuned_model: null } };
    }
    return record;
  }
}

function asFrozen(record: JobRecord, { status, error }: EffectOf<'job_status'>): JobRecord {
  const { job } = record;
  // A plan may name an unknown status: clients must cope with one.
  const shown = status as JobStatus;
  return {
    ...record,
    checkpoints: [],
    job: {
      ...job,
      status: shown,
      error: error === undefined ? {} : { ...error, param: null },
      finished_at: isTerminal(shown) ? job.created_at : null,
      estimated_finish: null,
      fine_tuned_model: null,
      result_files: [],
      trained_tokens: null,
    },
  };
}
