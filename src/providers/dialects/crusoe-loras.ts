import { z } from 'zod';
import type { LeaseRequest } from '../../core/run/lease.ts';
import { deleted, type HttpApi } from '../http-api.ts';
import { labelOwner } from '../job-label.ts';
import type { OpenAIApi } from '../openai-protocol/api.ts';
import { suffixOf } from '../openai-protocol/job-mapping.ts';
import { modelId, type ProviderProfile } from '../profile.ts';
import { textOf } from '../provider-error.ts';
import type { Lease, ListedLease, Serving } from '../serving.ts';

const LORA = z.object({
  id: z.string(),
  status: z.string().nullish(),
  last_error: z.unknown().optional(),
  // Documents do not say under which name the model is told; these are the names of its other objects.
  model_id: z.string().nullish(),
  fine_tuned_model: z.string().nullish(),
  fine_tuned_model_id: z.string().nullish(),
});
type Lora = z.infer<typeof LORA>;
/** The document has an array, the server an object. */
const LORAS = z.union([
  z.array(LORA),
  z.object({ lora_adapters: z.array(LORA) }).transform((list) => list.lora_adapters),
]);

const LONGEST_FAILURE = 500;

/**
 * LoRA adapters that are loaded beside others on Crusoe's own machines: free while nobody asks. An adapter has no name of ours, so a lease
 * is found by its model, and {@link list} goes by the suffix of the job that made the model, which holds our label.
 */
export class CrusoeLoras implements Serving {
  readonly #api: HttpApi;
  readonly #jobs: OpenAIApi;
  readonly #profile: ProviderProfile;
  readonly #path: string;

  /**
   * @param api of the address of deployments
   * @param jobs of the address of training
   */
  constructor(api: HttpApi, jobs: OpenAIApi, profile: ProviderProfile) {
    this.#api = api;
    this.#jobs = jobs;
    this.#profile = profile;
    this.#path = `/projects/${encodeURIComponent(String(profile.settings.project))}/foundry/loras`;
  }

  async create(request: LeaseRequest): Promise<Lease> {
    const known = await this.find(request);
    if (known) return known;
    const [model = ''] = request.models;
    const body = { model_id: model };
    return toLease(await this.#api.send({ path: this.#path, method: 'POST', body, answer: LORA }), model);
  }

  async find({ models: [model = ''], baseModel }: LeaseRequest): Promise<Lease | undefined> {
    const base = modelId(this.#profile, baseModel);
    // The base model is always there.
    if (model === baseModel || model === base) return { ...READY, callAs: [base] };
    const [lora] = (await this.#loras()).filter((each) => modelsOf(each).includes(model));
    return lora && toLease(lora, model);
  }

  /** The loaded adapters whose models come from jobs of ours, by the label of the job in place of a name. */
  async list(prefix: string): Promise<ListedLease[]> {
    const loras = await this.#loras();
    if (loras.length === 0) return [];
    return this.#jobs.call(async () => {
      const leases: ListedLease[] = [];
      for await (const job of this.#jobs.client.fineTuning.jobs.list({ limit: 100 })) {
        const [name, model] = [suffixOf(job), job.fine_tuned_model];
        if (!name?.startsWith(prefix) || !labelOwner(name) || !model) continue;
        if (loras.some((lora) => modelsOf(lora).includes(model))) leases.push({ name, models: [model] });
      }
      return leases;
    });
  }

  async remove({ models }: ListedLease): Promise<void> {
    for (const lora of await this.#loras()) {
      if (!modelsOf(lora).some((model) => models.includes(model))) continue;
      await deleted(this.#api.exchange({ path: `${this.#path}/${encodeURIComponent(lora.id)}`, method: 'DELETE' }));
    }
  }

  #loras(): Promise<Lora[]> {
    return this.#api.send({ path: this.#path, answer: LORAS });
  }
}

const READY: Omit<Lease, 'callAs'> = {
  state: 'ready',
  status: 'ready',
  failure: null,
  createdAt: null,
  usdPerHour: null,
};

function modelsOf({ id, model_id: model, fine_tuned_model: tuned, fine_tuned_model_id: tunedId }: Lora): string[] {
  return [id, model, tuned, tunedId].filter((each) => typeof each === 'string');
}

function toLease({ status, last_error: error }: Lora, model: string): Lease {
  const state = status === 'ready' || status === 'failed' ? status : 'starting';
  const text = typeof error === 'string' ? error : (textOf(error) ?? 'the adapter could not be loaded');
  return {
    ...READY,
    state,
    status: status ?? 'pending',
    failure: state === 'failed' ? text.slice(0, LONGEST_FAILURE) : null,
    callAs: [model],
  };
}
