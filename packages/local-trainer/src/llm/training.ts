import { appendFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isRecord } from '@tuneloop/app/internal/shared/json-body';
import {
  type CallableModel,
  isLast,
  type Training,
  type TrainingListener,
  type TrainingNews,
  type TrainingTask,
} from '../engine.ts';
import { readJsonLines } from '../stores/storage.ts';
import type { EngineModel } from './engine-folder.ts';
import type { EpochEnd, PythonWorker, TrainEvent } from './python-worker.ts';
import { type AskedRow, rowAccuracy, rowsToAsk } from './row-accuracy.ts';
import type { Workers } from './workers.ts';

/** After so many deaths of its process without an epoch between them a job fails. */
const MOST_DEATHS = 3;

export interface TrainingParts {
  readonly workers: Workers;
  readonly base: EngineModel;
  /** Requests of the validation at a time. */
  readonly concurrency: number;
  /** Whether llama.cpp serves, which needs adapters in its own form. */
  readonly gguf: boolean;
  /** The model of an adapter. */
  publish(adapterFolder: string): CallableModel;
}

/**
 * A training of an LLM. What it has told is kept in its folder beside the state of the training process, so that a later server tells it again
 * and goes on at the step where the process stopped.
 */
export class LlmTraining implements Training {
  readonly #task: TrainingTask;
  readonly #listener: TrainingListener;
  readonly #parts: TrainingParts;
  /** Told by an earlier process, and not told again yet. */
  readonly #toldBefore: TrainingNews[];
  #reportedStep = 0;
  #worker: PythonWorker | undefined;
  #isStopping = false;
  #hasComputed = false;
  #deaths = 0;
  #rowsToAsk: readonly AskedRow[] | undefined;
  #running: Promise<void>;

  constructor(task: TrainingTask, listener: TrainingListener, parts: TrainingParts) {
    this.#task = task;
    this.#listener = listener;
    this.#parts = parts;
    mkdirSync(task.modelDir, { recursive: true, mode: 0o700 });
    this.#toldBefore = this.#readNews();
    // Told in a later turn of the event loop, as news of a process are.
    this.#running = Promise.resolve().then(() => this.#epoch());
  }

  nextEpoch(): void {
    this.#running = this.#running.then(() => this.#epoch());
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#worker?.stopEpoch();
    await this.#running;
  }

  async #epoch(): Promise<void> {
    if (this.#isStopping) return this.#listener.onExit();
    try {
      if (!this.#tellAgain()) await this.#compute();
    } catch (error) {
      this.#fail('training_failed', `Training failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Tells the next epoch that an earlier process has told. Returns whether there was one. */
  #tellAgain(): boolean {
    let news = this.#toldBefore.shift();
    if (news === undefined) return false;
    for (; news !== undefined; news = this.#toldBefore.shift()) {
      this.#listener.onNews(news);
      if (news.kind !== 'checkpoint') continue;
      this.#reportedStep = news.metrics.step;
      if (isLast(news.metrics)) this.#finish();
      return true;
    }
    // The rest of an epoch that was not whole.
    return false;
  }

  async #compute(): Promise<void> {
    const { workers } = this.#parts;
    for (;;) {
      const worker = workers.take();
      this.#worker = worker;
      const end = await worker.train(this.#command(), (event) => this.#take(event));
      this.#worker = undefined;
      workers.giveBack(worker);
      if (end.event !== 'died' || this.#isStopping) return this.#endEpoch(end);
      this.#deaths++;
      if (this.#deaths < MOST_DEATHS) continue;
      return this.#fail(
        'training_failed',
        `Training failed ${MOST_DEATHS} times: ${end.message}. Killed processes are mostly a lack of memory.`,
      );
    }
  }

  #take(event: TrainEvent): void {
    if (event.event === 'metrics') {
      this.#tell({ kind: 'metrics', metrics: event.metrics });
      return;
    }
    const step = event.resumed_step;
    // In a further epoch of the same training the state is from the epoch before.
    if (step !== null && !(this.#hasComputed && step === this.#reportedStep)) this.#tell({ kind: 'resumed', step });
    this.#hasComputed = true;
  }

  async #endEpoch(end: EpochEnd): Promise<void> {
    if (end.event === 'failed') return this.#fail(end.code, end.message);
    if (end.event !== 'epoch' || this.#isStopping) return this.#listener.onExit();
    this.#deaths = 0;
    const { validationPath } = this.#task;
    let { metrics } = end;
    if (validationPath !== null) {
      const model = this.#parts.publish(end.folder);
      this.#rowsToAsk ??= await rowsToAsk(validationPath);
      const accuracy = await rowAccuracy(model, this.#rowsToAsk, this.#parts.concurrency);
      metrics = { ...metrics, full_valid_mean_token_accuracy: accuracy };
    }
    if (this.#isStopping) return this.#listener.onExit();
    this.#reportedStep = metrics.step;
    this.#tell({ kind: 'metrics', metrics });
    this.#tell({ kind: 'checkpoint', metrics });
    if (isLast(metrics)) this.#finish();
  }

  #tell(news: TrainingNews): void {
    appendFileSync(this.#newsPath, `${JSON.stringify(news)}\n`, { mode: 0o600 });
    this.#listener.onNews(news);
  }

  #finish(): void {
    rmSync(this.#statePath, { force: true });
    this.#listener.onNews({ kind: 'finished' });
    this.#listener.onExit();
  }

  #fail(code: string, message: string): void {
    this.#listener.onFailure(code, message);
    this.#listener.onExit();
  }

  /** Whole epochs, if the training can go on behind them. */
  #readNews(): TrainingNews[] {
    const news = readJsonLines(this.#newsPath, isNews);
    const last = news.findLastIndex(({ kind }) => kind === 'checkpoint');
    const end = news[last];
    const isWhole = end?.kind === 'checkpoint' && isLast(end.metrics);
    if (isWhole || existsSync(this.#statePath)) return news;
    rmSync(this.#newsPath, { force: true });
    return [];
  }

  get #newsPath(): string {
    return join(this.#task.modelDir, 'news.jsonl');
  }

  get #statePath(): string {
    return join(this.#task.modelDir, 'state.pt');
  }

  #command() {
    const { id, trainingPath, validationPath, modelDir, seed, hyperparameters } = this.#task;
    const { base, gguf } = this.#parts;
    return {
      id,
      model_folder: base.folder,
      model_name: base.name,
      training: trainingPath,
      validation: validationPath,
      folder: modelDir,
      gguf,
      reported_step: this.#reportedStep,
      seed,
      ...hyperparameters,
    };
  }
}

function isNews(value: unknown): value is TrainingNews {
  if (!isRecord(value)) return false;
  if (value.kind === 'resumed') return typeof value.step === 'number';
  return (
    (value.kind === 'metrics' || value.kind === 'checkpoint') &&
    isRecord(value.metrics) &&
    typeof value.metrics.step === 'number'
  );
}
