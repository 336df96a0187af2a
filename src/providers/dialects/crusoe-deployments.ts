import { z } from 'zod';
import type { LeaseRequest } from '../../core/run/lease.ts';
import { deleted, type HttpApi } from '../http-api.ts';
import { modelId, type ProviderProfile, settingsFor } from '../profile.ts';
import { ProviderError, textOf } from '../provider-error.ts';
import type { Lease, ListedLease, Serving } from '../serving.ts';

const DEPLOYMENT = z.object({
  id: z.string(),
  status: z.string().nullish(),
  deployment_name: z.string().nullish(),
  fine_tuned_model: z.string().nullish(),
  hourly_cost: z.unknown().optional(),
  error: z.unknown().optional(),
});
type Deployment = z.infer<typeof DEPLOYMENT>;
const DEPLOYMENTS = z.object({ deployments: z.array(DEPLOYMENT).nullish() });

const FLAVORS = z.object({
  flavors: z
    .array(
      z.object({
        id: z.string(),
        model_name: z.string().nullish(),
        lora_suitable: z.boolean().nullish(),
        price_per_hour: z.coerce.number(),
      }),
    )
    .nullish(),
});

const GONE = new Set(['deleting', 'deleted']);
const LONGEST_FAILURE = 500;

/** Machines of one's own at Crusoe, each with one model and our name, charged by the hour until they are removed. */
export class CrusoeDeployments implements Serving {
  readonly #api: HttpApi;
  readonly #profile: ProviderProfile;
  readonly #folder: string;

  /** @param api of the address of deployments */
  constructor(api: HttpApi, profile: ProviderProfile) {
    this.#api = api;
    this.#profile = profile;
    this.#folder = `/projects/${encodeURIComponent(String(profile.settings.project))}/foundry/selfserve`;
  }

  async create(request: LeaseRequest): Promise<Lease> {
    const known = await this.find(request);
    if (known) return known;
    const { name, models, baseModel } = request;
    const [model = ''] = models;
    const isBase = model === baseModel || model === modelId(this.#profile, baseModel);
    const deployment = await this.#api.send({
      path: `${this.#folder}/deployments`,
      method: 'POST',
      body: {
        deployment_name: name,
        // The empty text stands for the base model.
        fine_tuned_model: isBase ? '' : model,
        flavor_id: await this.#flavor(baseModel),
        replicas: 1,
      },
      answer: DEPLOYMENT,
    });
    return toLease(deployment, name);
  }

  async find({ name }: LeaseRequest): Promise<Lease | undefined> {
    const [deployment] = await this.#named(name);
    return deployment && toLease(deployment, name);
  }

  async list(prefix: string): Promise<ListedLease[]> {
    const deployments = await this.#deployments();
    return deployments.flatMap(({ deployment_name: name, fine_tuned_model: model }) =>
      name?.startsWith(prefix) ? [{ name, models: model ? [model] : [] }] : [],
    );
  }

  /** All of this name: a creation whose answer was lost may have made a second one. */
  async remove({ name }: ListedLease): Promise<void> {
    for (const { id } of await this.#named(name)) {
      const path = `${this.#folder}/deployments/${encodeURIComponent(id)}`;
      await deleted(this.#api.exchange({ path, method: 'DELETE' }));
    }
  }

  async #named(name: string): Promise<Deployment[]> {
    return (await this.#deployments()).filter((each) => each.deployment_name === name);
  }

  async #deployments(): Promise<Deployment[]> {
    const { deployments } = await this.#api.send({ path: `${this.#folder}/deployments`, answer: DEPLOYMENTS });
    return (deployments ?? []).filter(({ status }) => !GONE.has(status?.toLowerCase() ?? ''));
  }

  /** Base and tuned model get the same machine, so that they are judged alike. */
  async #flavor(baseModel: string): Promise<string> {
    const { flavor } = settingsFor(this.#profile, 'lease');
    if (typeof flavor === 'string') return flavor;
    const name = modelId(this.#profile, baseModel);
    const { flavors } = await this.#api.send({ path: `${this.#folder}/flavors`, answer: FLAVORS });
    const [cheapest] = (flavors ?? [])
      .filter(({ model_name: model, lora_suitable: isSuitable }) => model === name && isSuitable)
      .sort((a, b) => a.price_per_hour - b.price_per_hour);
    if (cheapest) return cheapest.id;
    const message = `${this.#api.address} has no machine for adapters of ${name}: name one in provider.options.flavor`;
    throw new ProviderError('PROVIDER_REFUSED', message, { retryable: false, status: 404 });
  }
}

function toLease({ status: text, hourly_cost: cost, error }: Deployment, name: string): Lease {
  const status = text?.toLowerCase() ?? 'creating';
  const state = status === 'ready' || status === 'failed' ? status : 'starting';
  const usdPerHour = typeof cost === 'string' || typeof cost === 'number' ? Number(cost) : Number.NaN;
  const reason = typeof error === 'string' ? error : (textOf(error) ?? 'the deployment has failed');
  return {
    state,
    status,
    failure: state === 'failed' ? reason.slice(0, LONGEST_FAILURE) : null,
    callAs: [name],
    createdAt: null,
    usdPerHour: Number.isFinite(usdPerHour) ? usdPerHour : null,
  };
}
