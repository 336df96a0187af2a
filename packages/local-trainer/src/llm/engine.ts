import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { invalid } from '@tuneloop/app/internal/shared/api-error';
import { z } from 'zod';
import type {
  CallableModel,
  Engine,
  Hyperparameters,
  NamedFile,
  RequestedHyperparameters,
  Training,
  TrainingListener,
  TrainingTask,
  TunedModelPlace,
  Validation,
} from '../engine.ts';
import { automaticEpochs } from '../epochs.ts';
import { type EngineModel, readInstalled, readModels } from './engine-folder.ts';
import type { ModelServer } from './model-server.ts';
import { type Device, type PythonPlace, runModule, slotsOf, threadsOf } from './python.ts';
import { LlmTraining } from './training.ts';
import { Workers } from './workers.ts';

/** How long what is installed is taken as known: a model that is added while the server runs is there soon. */
const KNOWN_FOR_MS = 2_000;

const checkedRows = z.union([z.object({ invalid: z.string() }), z.object({ examples: z.int(), tokens: z.int() })]);

export interface LlmEngineOptions {
  /** The folder that `tuneloop engine install` makes. */
  readonly engineDir: string;
  /** Makes what answers for the models, at the first need. */
  readonly openServer: (device: Device) => ModelServer;
}

/** LLMs: LoRA adapters that a Python process trains, and that llama.cpp or vLLM serve. */
export class LlmEngine implements Engine {
  readonly #options: LlmEngineOptions;
  #models: readonly EngineModel[] = [];
  #readAt = Number.NEGATIVE_INFINITY;
  #opened: { workers: Workers; server: ModelServer } | undefined;
  readonly #checks = new Map<string, Promise<Validation>>();

  constructor(options: LlmEngineOptions) {
    this.#options = options;
  }

  get slots(): number {
    return slotsOf(this.#place().device);
  }

  /** None where the engine is not installed. */
  baseModels(): readonly string[] {
    const { engineDir } = this.#options;
    if (performance.now() - this.#readAt > KNOWN_FOR_MS) {
      this.#models = readInstalled(engineDir) === undefined ? [] : readModels(engineDir);
      this.#readAt = performance.now();
    }
    return this.#models.map(({ name }) => name);
  }

  /** Batch size 8, rank 16 and alpha twice the rank, as in LoRA's paper and common practice; rows of up to 1,024 tokens; all layers. */
  decide(requested: RequestedHyperparameters, examples: number): Hyperparameters {
    const { n_epochs, batch_size, learning_rate_multiplier, lora_layers } = requested;
    const rank = decided(requested.lora_rank, 16);
    return {
      n_epochs: n_epochs === 'auto' ? automaticEpochs(examples) : n_epochs,
      batch_size: decided(batch_size, 8),
      learning_rate_multiplier: decided(learning_rate_multiplier, 1),
      lora_rank: rank,
      lora_alpha: decided(requested.lora_alpha, 2 * rank),
      ...(lora_layers === undefined || lora_layers === 'auto' ? {} : { lora_layers }),
      max_length: decided(requested.max_length, 1_024),
    };
  }

  /** Tokens as the model counts them. Files never change, so each is read once for all jobs of a sweep. */
  validate({ path, role }: NamedFile, base: string, requested: RequestedHyperparameters): Promise<Validation> {
    const model = this.#model(base);
    const asked = this.decide(requested, 0).max_length ?? model.context_length;
    const maxLength = Math.min(asked, model.context_length);
    const key = [path, base, maxLength].join('\n');
    const known = this.#checks.get(key);
    if (known !== undefined) return known;
    const check = this.#check(path, model, maxLength, role);
    this.#checks.set(key, check);
    return check;
  }

  train(task: TrainingTask, listener: TrainingListener): Training {
    const { workers, server } = this.#open();
    const base = this.#model(task.base);
    return new LlmTraining(task, listener, {
      workers,
      base,
      concurrency: server.concurrency,
      gguf: this.#place().device === 'cpu',
      publish: (adapterFolder) => server.model(base, adapterFolder),
    });
  }

  publish(base: string, tuned: TunedModelPlace | null): CallableModel {
    return this.#open().server.model(this.#model(base), tuned === null ? null : folderOf(tuned));
  }

  async unpublish(_base: string, tuned: TunedModelPlace): Promise<void> {
    await this.#opened?.server.forget(folderOf(tuned));
    await rm(folderOf(tuned), { recursive: true, force: true });
  }

  async close(): Promise<void> {
    await Promise.all([this.#opened?.workers.close(), this.#opened?.server.close()]);
  }

  async #check(path: string, model: EngineModel, maxLength: number, role: NamedFile['role']): Promise<Validation> {
    try {
      const text = await runModule(this.#place(), 'tuneloop_trainer.check_rows', [model.folder, path, `${maxLength}`]);
      const result = checkedRows.parse(JSON.parse(text));
      if (!('invalid' in result)) return { kind: 'valid', ...result };
      return { kind: 'invalid', code: 'invalid_file_format', message: `Invalid ${role} file. ${result.invalid}` };
    } catch (error) {
      return { kind: 'invalid', code: 'server_error', message: `The ${role} file cannot be read: ${String(error)}` };
    }
  }

  #model(base: string): EngineModel {
    this.baseModels();
    const model = this.#models.find(({ name }) => name === base);
    if (model === undefined) throw invalid('model', `The base model ${base} is not installed.`, 'model_not_available');
    return model;
  }

  #place(): PythonPlace {
    const { engineDir } = this.#options;
    const device = readInstalled(engineDir)?.device ?? 'cpu';
    return { engineDir, device, threads: threadsOf(device) };
  }

  #open() {
    if (this.#opened === undefined) {
      const place = this.#place();
      this.#opened = { workers: new Workers(place), server: this.#options.openServer(place.device) };
    }
    return this.#opened;
  }
}

function decided(value: number | 'auto' | undefined, automatic: number): number {
  return value === undefined || value === 'auto' ? automatic : value;
}

/** As the training process names it. */
function folderOf({ modelDir, step }: TunedModelPlace): string {
  return join(modelDir, `step-${step}`);
}
