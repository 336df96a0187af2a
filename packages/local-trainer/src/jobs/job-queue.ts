import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { ApiError } from '@tuneloop/app/internal/shared/api-error';
import type { Logger } from 'pino';
import {
  type Engine,
  type Engines,
  isLast,
  type NamedFile,
  type Training,
  type TrainingNews,
  type TrainingTask,
  type Validation,
} from '../engine.ts';
import { checkpointModelId, newCheckpointId } from '../ids.ts';
import type { FileStore } from '../stores/files.ts';
import { FileValidations } from './file-validations.ts';
import { isTerminal, type JobRecord, type Worked } from './job-record.ts';
import type { JobStore } from './jobs.ts';
import { resultCsv, stepMessage } from './step-metrics.ts';
import { newRun, type Run, Turns, workedMs } from './turns.ts';

export interface JobQueueOptions {
  readonly engines: Engines;
  readonly modelsDir: string;
  /** At most this many jobs are in `running` at a time; large training files lower the number. */
  readonly concurrency: number;
  /** Seconds that a job takes in `running`; undefined = as fast as it trains. */
  readonly jobSeconds: number | undefined;
  readonly log: Logger;
}

/**
 * Limit of the bytes of the training files of running jobs, if more jobs run than may compute: a thread holds up to 20 times its file
 * (measured), so all of them together about 1 GiB.
 */
const MOST_BYTES = 64 * 1024 * 1024;
const CHECKPOINTS_LISTED = 3;
/** Longest delay of a Node timer. */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Takes jobs from `validating_files` over `queued` and `running` to their end. Files are read by one thread in order; each job then trains
 * in a thread of its own. Two threads compute at a time, an epoch a turn, and turns go to the jobs with the fewest epochs: the jobs of a
 * sweep advance side by side, so that those that are behind can be stopped early. A stretched job trains as soon as it gets turns, gives
 * its thread back, and a timer then reports its news step by step: waiting costs neither a core nor the memory of a thread.
 */
export class JobQueue {
  readonly #jobs: JobStore;
  readonly #files: FileStore;
  readonly #options: JobQueueOptions;
  readonly #queued: JobRecord[] = [];
  readonly #runs = new Map<string, Run>();
  readonly #validations: FileValidations;
  readonly #turns: Turns;
  readonly #ending = new Set<Promise<unknown>>();
  #closed = false;

  constructor(jobs: JobStore, files: FileStore, options: JobQueueOptions) {
    this.#jobs = jobs;
    this.#files = files;
    this.#options = options;
    this.#validations = new FileValidations(files);
    this.#turns = new Turns(this.#runs, (run) => this.#compute(run));
  }

  /** Continues the unfinished jobs of an earlier process: those that ran first, then the rest by age. */
  resume(): void {
    const open = this.#jobs.all().filter(({ job }) => !isTerminal(job.status));
    for (const record of open) if (record.job.status === 'running') this.#queued.push(record);
    for (const record of open) if (record.job.status === 'queued') this.#queued.push(record);
    for (const record of open) if (record.job.status === 'validating_files') this.submit(record);
    this.#startNext();
  }

  /** Starts the way of a new job. After {@link close} the job stays on disk, for the next start. */
  submit(record: JobRecord): void {
    if (this.#closed) return;
    this.#watch(this.#validate(record));
  }

  /**
   * Ends a job at once.
   *
   * @throws ApiError 400 when it has ended already
   */
  async cancel(record: JobRecord): Promise<void> {
    const { job } = record;
    if (isTerminal(job.status)) {
      throw new ApiError(400, `Job has already completed: ${job.id} (status: ${job.status}).`, {
        code: 'invalid_request_error',
      });
    }
    await this.withdraw(record);
  }

  /** Ends a job as cancelled, even one that has ended otherwise: its models and its result file are removed. */
  async withdraw(record: JobRecord): Promise<void> {
    const { job } = record;
    const results = job.result_files;
    record.checkpoints = [];
    job.fine_tuned_model = null;
    job.result_files = [];
    job.trained_tokens = null;
    job.error = {};
    this.#jobs.setStatus(record, 'cancelled');
    const position = this.#queued.indexOf(record);
    if (position >= 0) this.#queued.splice(position, 1);
    this.#jobs.tell(job.id, 'The job has been cancelled.', this.#worked(job.id));
    await this.#end(record);
    for (const id of results) if (this.#files.has(id)) await this.#files.delete(id);
  }

  /** Stops all threads; unfinished jobs stay so on disk, for the next start. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#turns.close();
    // What is still to be read is read at the next start; nobody acts on this answer any more.
    const threads: (Promise<unknown> | undefined)[] = [this.#validations.close()];
    for (const run of this.#runs.values()) {
      run.ended = true;
      clearTimeout(run.timer);
      threads.push(run.training?.stop());
    }
    await Promise.all(threads);
    await Promise.allSettled(this.#ending);
    await this.#jobs.settle();
  }

  async #validate(record: JobRecord): Promise<void> {
    const { job } = record;
    this.#jobs.tell(job.id, `Created fine-tuning job: ${job.id}`);
    this.#jobs.tell(job.id, `Validating training file: ${job.training_file}`);
    if (job.validation_file !== null) this.#jobs.tell(job.id, `Validating validation file: ${job.validation_file}`);
    const engine = this.#options.engines.find(job.model);
    if (engine === undefined) return this.#fail(record, 'model_not_available', notHere(job.model), 'model');
    const training = await this.#read(job.training_file, 'training', record, engine);
    const validation =
      job.validation_file === null ? null : await this.#read(job.validation_file, 'validation', record, engine);
    if (this.#closed || job.status !== 'validating_files') return;
    if (training.kind === 'invalid') return this.#fail(record, training.code, training.message, 'training_file');
    if (validation?.kind === 'invalid')
      return this.#fail(record, validation.code, validation.message, 'validation_file');
    job.hyperparameters = engine.decide(job.hyperparameters, training.examples);
    job.method = { type: 'supervised', supervised: { hyperparameters: job.hyperparameters } };
    record.trainingTokens = training.tokens;
    this.#jobs.setStatus(record, 'queued');
    this.#jobs.tell(job.id, 'Files validated, moving job to queued state');
    // Before the record is on disk, because waiting for it would let a later job pass. After a crash the files are just read again.
    this.#queued.push(record);
    this.#startNext();
    await this.#jobs.save(record);
  }

  /** The form first, because it needs no engine. */
  async #read(id: string, role: NamedFile['role'], { job }: JobRecord, engine: Engine): Promise<Validation> {
    const form = await this.#validations.read(id, role);
    if (form.kind === 'invalid' || this.#closed) return form;
    const rows = await engine.validate({ path: this.#files.path(id), role }, job.model, job.hyperparameters);
    return rows ?? form;
  }

  #startNext(): void {
    while (!this.#closed) {
      const [record] = this.#queued;
      if (record === undefined || !this.#hasRoom(record)) return;
      this.#queued.shift();
      const engine = this.#options.engines.find(record.job.model);
      // An engine may have been removed between two starts of the server.
      if (engine === undefined)
        this.#watch(this.#fail(record, 'model_not_available', notHere(record.job.model), 'model'));
      else this.#start(record, engine);
    }
  }

  /** As many as compute may always run, whatever their size. */
  #hasRoom(record: JobRecord): boolean {
    const runs = [...this.#runs.values()];
    const slots = this.#options.engines.find(record.job.model)?.slots ?? 1;
    if (runs.length < Math.min(slots, this.#options.concurrency)) return true;
    if (runs.length >= this.#options.concurrency) return false;
    const files = [record, ...runs.map((run) => run.record)].map(({ job }) => job.training_file);
    // A file may have been deleted since its job was created.
    const bytes = files.reduce((sum, id) => sum + (this.#files.has(id) ? this.#files.get(id).bytes : 0), 0);
    return bytes <= MOST_BYTES;
  }

  #start(record: JobRecord, engine: Engine): void {
    const { job } = record;
    const { jobSeconds } = this.#options;
    const run = newRun(record, engine);
    this.#runs.set(job.id, run);
    this.#jobs.setStatus(record, 'running');
    record.startedAt ??= Date.now();
    job.estimated_finish = jobSeconds === undefined ? null : Math.ceil(record.startedAt / 1000 + jobSeconds);
    this.#jobs.tell(job.id, 'Fine-tuning job started');
    this.#watch(this.#jobs.save(record));
    this.#turns.give();
  }

  #compute(run: Run): void {
    // Not before its first turn, so that a job that waits for it takes no memory.
    if (run.training === undefined) this.#train(run);
    else run.training.nextEpoch();
  }

  #train(run: Run): void {
    const { job } = run.record;
    const task: TrainingTask = {
      id: job.id,
      base: job.model,
      hyperparameters: run.engine.decide(job.hyperparameters, 0),
      seed: job.seed,
      trainingPath: this.#files.path(job.training_file),
      validationPath: job.validation_file === null ? null : this.#files.path(job.validation_file),
      modelDir: join(this.#options.modelsDir, job.id),
    };
    run.training = run.engine.train(task, {
      onNews: (news) => {
        run.waiting.push(news);
        if (news.kind === 'checkpoint') {
          run.epochs++;
          if (!isLast(news.metrics)) this.#turns.end(run, 'wanted');
        }
        this.#play(run);
      },
      onFailure: (code, message) => {
        this.#options.log.error({ job: job.id, code, message }, 'training failed');
        if (!run.ended) this.#watch(this.#fail(run.record, code, message, null));
      },
      onExit: () => {
        run.training = undefined;
        this.#turns.end(run, 'none');
      },
    });
  }

  /** Reports the news that are due, and returns when the next ones are. */
  #play(run: Run): void {
    if (run.timer !== undefined) return;
    for (let news = run.waiting[0]; news !== undefined && !run.ended; news = run.waiting[0]) {
      const delay = this.#dueAt(run, news) - Date.now();
      if (delay > 0) {
        run.timer = setTimeout(
          () => {
            run.timer = undefined;
            this.#play(run);
          },
          Math.min(delay, LONGEST_TIMER),
        );
        return;
      }
      run.waiting.shift();
      this.#take(run, news);
    }
  }

  /** Milliseconds since 1970: in a stretched job each step has its place in the time that the job takes. */
  #dueAt(run: Run, news: TrainingNews): number {
    const { jobSeconds } = this.#options;
    if (jobSeconds === undefined || news.kind === 'resumed') return 0;
    const part = 'metrics' in news ? news.metrics.step / news.metrics.total_steps : 1;
    return (run.record.startedAt ?? 0) + jobSeconds * 1000 * part;
  }

  #take(run: Run, news: TrainingNews): void {
    const { id } = run.record.job;
    switch (news.kind) {
      case 'metrics':
        run.metrics.push(news.metrics);
        this.#jobs.tell(id, stepMessage(news.metrics), news.metrics);
        return;
      case 'checkpoint':
        run.checkpoints.push(news.metrics);
        this.#jobs.tell(
          id,
          `Checkpoint created at step ${news.metrics.step}: ${checkpointModelId(run.record.modelId, news.metrics.step)}`,
        );
        return;
      case 'resumed':
        this.#jobs.tell(id, `Resumed after step ${news.step}`);
        return;
      case 'finished':
        this.#watch(this.#succeed(run));
    }
  }

  async #succeed(run: Run): Promise<void> {
    const { record } = run;
    const { job } = record;
    const result = await this.#files.add(
      Readable.from([resultCsv(run.metrics)]),
      'step_metrics.csv',
      'fine-tune-results',
    );
    if (run.ended) {
      await this.#files.delete(result.id);
      return;
    }
    const now = Math.floor(Date.now() / 1000);
    record.checkpoints = run.checkpoints.slice(-CHECKPOINTS_LISTED).map((metrics) => ({
      object: 'fine_tuning.job.checkpoint',
      id: newCheckpointId(),
      created_at: now,
      fine_tuned_model_checkpoint: checkpointModelId(record.modelId, metrics.step),
      fine_tuning_job_id: job.id,
      metrics,
      step_number: metrics.step,
    }));
    job.result_files = [result.id];
    job.trained_tokens = record.trainingTokens * run.engine.decide(job.hyperparameters, 0).n_epochs;
    job.fine_tuned_model = record.modelId;
    this.#jobs.setStatus(record, 'succeeded');
    this.#jobs.tell(job.id, `New fine-tuned model created: ${record.modelId}`);
    this.#jobs.tell(job.id, 'The job has successfully completed', this.#worked(job.id));
    await this.#end(record);
  }

  async #fail(record: JobRecord, code: string, message: string, param: string | null): Promise<void> {
    record.job.error = { code, message, param };
    this.#jobs.setStatus(record, 'failed');
    this.#jobs.tell(record.job.id, message, this.#worked(record.job.id), 'error');
    await this.#end(record);
  }

  /**
   * For the last event of a job, because on a machine that jobs share, the time from start to end says little about the work of one job.
   */
  #worked(jobId: string): Worked | Record<string, never> {
    const run = this.#runs.get(jobId);
    if (run === undefined) return {};
    return { worked_ms: Math.round(workedMs(run)) };
  }

  /** Puts a terminal state on disk, stops the rest of its work, and lets the next job in. */
  async #end(record: JobRecord): Promise<void> {
    const { job } = record;
    job.finished_at = Math.floor(Date.now() / 1000);
    job.estimated_finish = null;
    const run = this.#runs.get(job.id);
    if (run !== undefined) {
      run.ended = true;
      clearTimeout(run.timer);
      this.#runs.delete(job.id);
    }
    if (job.status !== 'succeeded') this.#watch(this.#removeModel(job.id, run?.training));
    this.#startNext();
    await this.#jobs.save(record);
  }

  async #removeModel(jobId: string, training: Training | undefined): Promise<void> {
    await training?.stop();
    await rm(join(this.#options.modelsDir, jobId), { recursive: true, force: true });
  }

  /** Work in the background: a failure is logged, and closing waits for it. */
  #watch(work: Promise<unknown>): void {
    const watched = work
      .catch((error: unknown) => {
        if (!this.#closed) this.#options.log.error({ err: error }, 'the job queue failed');
      })
      .finally(() => this.#ending.delete(watched));
    this.#ending.add(watched);
  }
}

function notHere(model: string): string {
  return `The base model ${model} is not on this server any more.`;
}
