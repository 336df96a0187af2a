import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ApiError } from '@tuneloop/app/internal/shared/api-error';
import type { CallableModel, Engines } from '../engine.ts';
import { ORGANIZATION } from '../ids.ts';
import type { JobRecord } from '../jobs/job-record.ts';
import { type JobStore, modelsOf, type ShownJobs } from '../jobs/jobs.ts';

/** A model as the API shows it. */
export interface ModelObject {
  readonly object: 'model';
  readonly id: string;
  readonly created: number;
  readonly owned_by: string;
}

/** The base models came with the first release: 2026-11-01. */
const BASE_CREATED = 1_793_491_200;

/** The base models and those of jobs. */
export class ModelRegistry {
  readonly #jobs: JobStore;
  readonly #shown: ShownJobs;
  readonly #dir: string;
  readonly #engines: Engines;

  /** These are the models of the jobs as `shown`. */
  constructor(jobs: JobStore, shown: ShownJobs, dir: string, engines: Engines) {
    this.#jobs = jobs;
    this.#shown = shown;
    this.#dir = dir;
    this.#engines = engines;
  }

  list(): ModelObject[] {
    const bases = this.#engines.baseModels().map((id) => modelObject(id, BASE_CREATED, 'system'));
    const tuned = this.#shown
      .all()
      .flatMap((record) => modelsOf(record).map(({ id, created }) => modelObject(id, created, ORGANIZATION)));
    return [...bases, ...tuned];
  }

  /** @throws ApiError 404 */
  get(id: string): ModelObject {
    if (this.#engines.find(id) !== undefined) return modelObject(id, BASE_CREATED, 'system');
    return modelObject(id, this.#find(id).created, ORGANIZATION);
  }

  /** @throws ApiError 404 `model_not_found` */
  load(id: string): CallableModel {
    const base = this.#engines.find(id);
    if (base !== undefined) return base.publish(id, null);
    const { record, step } = this.#find(id);
    const { model } = record.job;
    const engine = this.#engines.find(model);
    if (engine === undefined) throw notFound(id, ` Its base model ${model} is not on this server any more.`);
    return engine.publish(model, { modelDir: join(this.#dir, record.job.id), step });
  }

  /**
   * Removes a tuned model, or one checkpoint, for good.
   *
   * @throws ApiError 404 when there is none, 403 for a base model
   */
  async delete(id: string): Promise<void> {
    if (this.#engines.find(id) !== undefined) {
      throw new ApiError(403, `The model '${id}' cannot be deleted: only fine-tuned models can.`, { param: 'model' });
    }
    const found = this.#find(id);
    const { step } = found;
    const record = this.#jobs.get(found.record.job.id);
    record.deletedModels.push(id);
    if (record.job.fine_tuned_model === id) record.job.fine_tuned_model = null;
    await this.#jobs.save(record);
    const left = modelsOf(record);
    const modelDir = join(this.#dir, record.job.id);
    if (!left.some((model) => model.step === step)) {
      await this.#engines.find(record.job.model)?.unpublish(record.job.model, { modelDir, step });
    }
    if (left.length === 0) rmSync(modelDir, { recursive: true, force: true });
  }

  #find(id: string): { record: JobRecord; step: number; created: number } {
    for (const record of this.#shown.all()) {
      // Cheap checks first, because most jobs do not match.
      if (!id.startsWith(record.modelId)) continue;
      const model = modelsOf(record).find((candidate) => candidate.id === id);
      if (model !== undefined) return { record, step: model.step, created: model.created };
    }
    throw notFound(id);
  }
}

function notFound(id: string, why = ''): ApiError {
  return new ApiError(404, `The model '${id}' does not exist or you do not have access to it.${why}`, {
    param: 'model',
    code: 'model_not_found',
  });
}

function modelObject(id: string, created: number, ownedBy: string): ModelObject {
  return { object: 'model', id, created, owned_by: ownedBy };
}
