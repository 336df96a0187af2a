import { z } from 'zod';
import type { HttpApi } from '../http-api.ts';
import type { Model } from '../inference.ts';
import { modelId, type ProviderProfile } from '../profile.ts';
import { ProviderError } from '../provider-error.ts';

const ANSWER = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      model_name: z.string().nullish(),
      fine_tuning_available: z.boolean().nullish(),
    }),
  ),
});
type Entry = z.infer<typeof ANSWER>['data'][number];

/** Crusoe's list of models. A job takes the id of an entry, which differs by account; a pipeline file names the model. */
export class CrusoeCatalogue {
  readonly #api: HttpApi;
  readonly #profile: ProviderProfile;

  constructor(api: HttpApi, profile: ProviderProfile) {
    this.#api = api;
    this.#profile = profile;
  }

  async listModels(): Promise<Model[]> {
    return (await this.#entries()).map(({ id, model_name: name }) => ({ id: name ?? id, shutdownDate: null }));
  }

  /**
   * The id by which a job names a base model.
   *
   * @throws ProviderError with status 404 for a model that cannot be tuned
   */
  async idOf(baseModel: string): Promise<string> {
    const name = modelId(this.#profile, baseModel);
    const named = (await this.#entries()).filter((entry) => entry.model_name === name || entry.id === name);
    const entry = named.find(({ fine_tuning_available: isTunable }) => isTunable !== false);
    if (entry) return entry.id;
    const reason = named.length === 0 ? 'is not in its list of models' : 'cannot be tuned there';
    // Nothing was created: with this status nobody looks for a job.
    throw new ProviderError('PROVIDER_REFUSED', `${this.#api.address}: ${name} ${reason}`, {
      retryable: false,
      status: 404,
    });
  }

  async #entries(): Promise<Entry[]> {
    return (await this.#api.send({ path: '/models', answer: ANSWER })).data;
  }
}
