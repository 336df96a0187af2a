import { z } from 'zod';
import type { LeaseRequest } from '../../core/run/lease.ts';
import type { HttpApi } from '../http-api.ts';
import { deleted } from '../http-api.ts';
import { type ProviderProfile, settingsFor } from '../profile.ts';
import { ProviderError } from '../provider-error.ts';
import type { Lease, ListedLease, Serving } from '../serving.ts';

/**
 * Version of Azure Resource Manager for accounts of Cognitive Services, as in Microsoft's guide to deploying a tuned model.
 * https://learn.microsoft.com/azure/ai-foundry/openai/how-to/fine-tuning-deploy
 */
const API_VERSION = '2024-10-21';
/** A tuned model has one version. */
const MODEL_VERSION = '1';
const MOST_PAGES = 100;

const DEPLOYMENT = z.object({
  name: z.string(),
  properties: z.object({
    model: z.object({ name: z.string() }),
    provisioningState: z.string().nullish(),
  }),
});
type Deployment = z.infer<typeof DEPLOYMENT>;
const PAGE = z.object({ value: z.array(DEPLOYMENT), nextLink: z.string().nullish() });

/** A deployment of this kind has no price by the hour and ends after 24 hours: a model in production gets another one. */
const SHORT_LIVED = 'developertier';
const KEPT = 'globalstandard';

const STATES = new Map<string, Lease['state']>([
  ['Succeeded', 'ready'],
  ['Failed', 'failed'],
  ['Canceled', 'failed'],
  ['Disabled', 'failed'],
]);

/** Deployments of an Azure OpenAI resource: one model each, with our name, which is also what the model is called by. */
export class AzureDeployments implements Serving {
  readonly #api: HttpApi;
  readonly #address: string;
  readonly #folder: string;
  readonly #sku: Record<string, unknown>;

  /** @param api of Azure Resource Manager */
  constructor(api: HttpApi, profile: ProviderProfile) {
    const { subscription, resource_group: group, resource } = profile.settings;
    const { deployment_sku: name, capacity } = settingsFor(profile, 'lease');
    const parts = ['subscriptions', subscription, 'resourceGroups', group];
    const account = ['providers', 'Microsoft.CognitiveServices', 'accounts', resource, 'deployments'];
    this.#api = api;
    this.#address = profile.addresses.management ?? '';
    this.#folder = `/${[...parts, ...account].map((part) => encodeURIComponent(String(part))).join('/')}`;
    this.#sku = { name, capacity };
  }

  async create(request: LeaseRequest): Promise<Lease> {
    const [model] = request.models;
    const known = await this.#deployment(request.name);
    // A second PUT during a creation would be a conflict.
    if (known && known.properties.model.name === model && toLease(known).state !== 'failed') return toLease(known);
    return toLease(
      await this.#api.send({
        path: this.#pathOf(request.name),
        method: 'PUT',
        query: { 'api-version': API_VERSION },
        body: {
          sku: request.kept && this.#sku.name === SHORT_LIVED ? { ...this.#sku, name: KEPT } : this.#sku,
          properties: { model: { format: formatOf(request.baseModel), name: model, version: MODEL_VERSION } },
        },
        answer: DEPLOYMENT,
      }),
    );
  }

  async find({ name }: LeaseRequest): Promise<Lease | undefined> {
    const deployment = await this.#deployment(name);
    return deployment && toLease(deployment);
  }

  async list(prefix: string): Promise<ListedLease[]> {
    const leases: ListedLease[] = [];
    let next: string | null = `${this.#folder}?api-version=${API_VERSION}`;
    for (let page = 0; next !== null && page < MOST_PAGES; page += 1) {
      const { value, nextLink }: z.infer<typeof PAGE> = await this.#api.send({ path: next, answer: PAGE });
      leases.push(...value.filter(isThere).map(({ name, properties }) => ({ name, models: [properties.model.name] })));
      next = nextLink ? this.#pathFrom(nextLink) : null;
    }
    return leases.filter(({ name }) => name.startsWith(prefix));
  }

  remove({ name }: ListedLease): Promise<void> {
    return deleted(
      this.#api.exchange({ path: this.#pathOf(name), method: 'DELETE', query: { 'api-version': API_VERSION } }),
    );
  }

  async #deployment(name: string): Promise<Deployment | undefined> {
    try {
      const query = { 'api-version': API_VERSION };
      const deployment = await this.#api.send({ path: this.#pathOf(name), query, answer: DEPLOYMENT });
      return isThere(deployment) ? deployment : undefined;
    } catch (error) {
      if (error instanceof ProviderError && error.status === 404) return undefined;
      throw error;
    }
  }

  #pathOf(name: string): string {
    return `${this.#folder}/${encodeURIComponent(name)}`;
  }

  /** The path of a link to the next page, which must stay at the same server: the token goes there. */
  #pathFrom(link: string): string {
    if (link.startsWith(`${this.#address}/`)) return link.slice(this.#address.length);
    throw new ProviderError('PROVIDER_REFUSED', `${this.#api.address} continues its list at another address`, {
      retryable: false,
    });
  }
}

/** A deployment that is being deleted is no longer one. */
function isThere({ properties }: Deployment): boolean {
  return properties.provisioningState !== 'Deleting';
}

function toLease({ name, properties: { provisioningState } }: Deployment): Lease {
  const status = provisioningState ?? 'Creating';
  const state = STATES.get(status) ?? 'starting';
  const failure = state === 'failed' ? `the deployment ${name} has ended as ${status}` : null;
  return { state, status, failure, callAs: [name], createdAt: null, usdPerHour: null };
}

/**
 * Open models have their publisher as format.
 * https://github.com/microsoft/azure-skills, microsoft-foundry/finetuning/references/deployment.md
 */
function formatOf(baseModel: string): string {
  return baseModel.startsWith('gpt-oss') ? 'Microsoft' : 'OpenAI';
}
