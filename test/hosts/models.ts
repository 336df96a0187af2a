import type { BaseModel as LocalModel } from '../../packages/local-trainer/src/ngram/features.ts';
import { modelName, type ProviderProfile } from '../../src/providers/profile.ts';
import { HostError } from './front.ts';
import type { HostJob } from './jobs.ts';

/** The trainer's models that play the hosts' base models. */
const LOCAL: Readonly<Record<string, LocalModel>> = {
  'gpt-oss-20b': 'local-nano',
  'gpt-4.1-nano': 'local-nano',
  'llama-3.1-8b-instruct': 'local-mini',
  'gpt-4.1-mini': 'local-mini',
};

export function localModel(name: string): LocalModel {
  return LOCAL[name] ?? 'local-base';
}

/** A model of a host, with the trainer's model behind it. */
export interface HostModel {
  /** The host's id of it. */
  readonly id: string;
  /** The name of the base model in price lists. */
  readonly baseName: string;
  readonly tuned: boolean;
  /** The job that made it; null for a base model. */
  readonly job: string | null;
  /** The step of its weights; null for a base model. */
  readonly step: number | null;
  readonly engineModel: string;
  /** Unix seconds. */
  readonly createdAt: number;
}

/** Base models, tuned models and checkpoints, by the host's ids. */
export class Models {
  readonly #bases: readonly HostModel[];
  readonly #tuned = new Map<string, HostModel>();
  readonly #deleted = new Set<string>();

  /** @param bases ids of base models, for a profile that names none */
  constructor(profile: ProviderProfile, bases: readonly string[]) {
    const ids = [...profile.models.map(({ id }) => id), ...bases];
    this.#bases = ids.map((id) => {
      const baseName = modelName(profile, id);
      return {
        id,
        baseName,
        tuned: false,
        job: null,
        step: null,
        engineModel: localModel(baseName),
        createdAt: 1_793_491_200,
      };
    });
  }

  /** The name of a base model, by its id or its name; undefined for no base model of this host. */
  baseOf(idOrName: string): string | undefined {
    return this.#bases.find(({ id, baseName }) => id === idOrName || baseName === idOrName)?.baseName;
  }

  /** The provider's id of a base model, by its name. */
  baseId(name: string): string {
    return this.#bases.find(({ baseName }) => baseName === name)?.id ?? name;
  }

  get bases(): readonly HostModel[] {
    return this.#bases;
  }

  /** Oldest first. */
  get tuned(): HostModel[] {
    return [...this.#tuned.values()];
  }

  /** The model and the checkpoints of a job that has succeeded. */
  add({ id: job, tunedModel, baseName, engineModel, checkpoints, finishedAt }: HostJob): void {
    const common = { baseName, tuned: true, job };
    for (const { model, step, engineModel: weights, createdAt } of checkpoints) {
      this.#keep({ ...common, id: model, step, engineModel: weights, createdAt });
    }
    if (tunedModel === null || engineModel === null) return;
    const step = checkpoints.at(-1)?.step ?? null;
    this.#keep({ ...common, id: tunedModel, step, engineModel, createdAt: finishedAt ?? 0 });
  }

  find(id: string): HostModel | undefined {
    return this.#tuned.get(id) ?? this.#bases.find((base) => base.id === id);
  }

  /** @throws HostError 404 */
  get(id: string): HostModel {
    const model = this.find(id);
    if (!model) throw noModel(id);
    return model;
  }

  /** @throws HostError 404, and 403 for a base model */
  delete(id: string): void {
    const { tuned } = this.get(id);
    if (!tuned) throw new HostError(403, `The model '${id}' cannot be deleted`, { param: 'model' });
    this.#tuned.delete(id);
    this.#deleted.add(id);
  }

  #keep(model: HostModel): void {
    if (!this.#deleted.has(model.id)) this.#tuned.set(model.id, model);
  }
}

export function noModel(id: string): HostError {
  return new HostError(404, `The model '${id}' does not exist or you do not have access to it.`, {
    param: 'model',
    code: 'model_not_found',
  });
}
