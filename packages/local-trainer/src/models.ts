import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ApiError } from '@tuneloop/app/internal/shared/api-error';
import { LRUCache } from 'lru-cache';
import { BASE_MODELS, type BaseModel } from './features.ts';
import { ORGANIZATION } from './ids.ts';
import type { JobRecord } from './job-record.ts';
import { type JobStore, modelsOf, type ShownJobs } from './jobs.ts';
import { sharedFile, weightsFile } from './model-files.ts';
import { type TunedModel, unpackModel } from './tuned-model.ts';

/** A model as the API shows it. */
export interface ModelObject {
  readonly object: 'model';
  readonly id: string;
  readonly created: number;
  readonly owned_by: string;
}

/** A model that can be called. */
export type CallableModel =
  | { readonly kind: 'base'; readonly base: BaseModel }
  | { readonly kind: 'tuned'; readonly model: TunedModel };

/** Bytes of model files held in memory for answering. */
const MOST_LOADED = 256 * 1024 * 1024;
/** The base models came with the first release: 2026-11-01. */
const BASE_CREATED = 1_793_491_200;

/** The base models and those of jobs; files are read at the first call and released when others need the room. */
export class ModelRegistry {
  readonly #jobs: JobStore;
  readonly #shown: ShownJobs;
  readonly #dir: string;
  readonly #loaded = new LRUCache<string, CallableModel>({ maxSize: MOST_LOADED });

  /** These are the models of the jobs as `shown`. */
  constructor(jobs: JobStore, shown: ShownJobs, dir: string) {
    this.#jobs = jobs;
    this.#shown = shown;
    this.#dir = dir;
  }

  list(): ModelObject[] {
    const bases = BASE_MODELS.map((id) => modelObject(id, BASE_CREATED, 'system'));
    const tuned = this.#shown
      .all()
      .flatMap((record) => modelsOf(record).map(({ id, created }) => modelObject(id, created, ORGANIZATION)));
    return [...bases, ...tuned];
  }

  /** @throws ApiError 404 */
  get(id: string): ModelObject {
    if (BASE_MODELS.some((base) => base === id)) return modelObject(id, BASE_CREATED, 'system');
    return modelObject(id, this.#find(id).created, ORGANIZATION);
  }

  /** @throws ApiError 404 `model_not_found` */
  load(id: string): CallableModel {
    const base = BASE_MODELS.find((name) => name === id);
    if (base !== undefined) return { kind: 'base', base };
    const loaded = this.#loaded.get(id);
    if (loaded !== undefined) return loaded;
    const { model, bytes } = this.#read(id);
    // The cache takes no value over its bound, and a large model that is called again and again is to be read once.
    this.#loaded.set(id, model, { size: Math.min(bytes, MOST_LOADED) });
    return model;
  }

  /**
   * Removes a tuned model, or one checkpoint, for good.
   *
   * @throws ApiError 404 when there is none, 403 for a base model
   */
  async delete(id: string): Promise<void> {
    if (BASE_MODELS.some((base) => base === id)) {
      throw new ApiError(403, `The model '${id}' cannot be deleted: only fine-tuned models can.`, { param: 'model' });
    }
    const found = this.#find(id);
    const { step } = found;
    const record = this.#jobs.get(found.record.job.id);
    record.deletedModels.push(id);
    this.#loaded.delete(id);
    if (record.job.fine_tuned_model === id) record.job.fine_tuned_model = null;
    await this.#jobs.save(record);
    const left = modelsOf(record);
    const folder = join(this.#dir, record.job.id);
    if (left.length === 0) rmSync(folder, { recursive: true, force: true });
    else if (!left.some((model) => model.step === step)) rmSync(join(folder, weightsFile(step)), { force: true });
  }

  #read(id: string): { model: CallableModel; bytes: number } {
    const { record, step } = this.#find(id);
    const folder = join(this.#dir, record.job.id);
    const shared = readFileSync(join(folder, sharedFile()));
    const weights = readFileSync(join(folder, weightsFile(step)));
    return { model: { kind: 'tuned', model: unpackModel(shared, weights) }, bytes: shared.length + weights.length };
  }

  #find(id: string): { record: JobRecord; step: number; created: number } {
    for (const record of this.#shown.all()) {
      // Cheap checks first, because most jobs do not match.
      if (!id.startsWith(record.modelId)) continue;
      const model = modelsOf(record).find((candidate) => candidate.id === id);
      if (model !== undefined) return { record, step: model.step, created: model.created };
    }
    throw new ApiError(404, `The model '${id}' does not exist or you do not have access to it.`, {
      param: 'model',
      code: 'model_not_found',
    });
  }
}

function modelObject(id: string, created: number, ownedBy: string): ModelObject {
  return { object: 'model', id, created, owned_by: ownedBy };
}
