import type { LeaseRequest } from '../../../core/run/lease.ts';
import { deleted, type HttpApi } from '../../http-api.ts';
import { modelId, type ProviderProfile, settingsFor } from '../../profile.ts';
import { ProviderError } from '../../provider-error.ts';
import type { Lease, ListedLease, Serving } from '../../serving.ts';
import { ANY, ENDPOINT, ENDPOINTS, HARDWARE, type TogetherEndpoint } from './answers.ts';
import { secondsOf } from './job-mapping.ts';

/** Dedicated endpoints: one model each, on a machine that is charged by the minute. */
export class TogetherServing implements Serving {
  readonly #api: HttpApi;
  readonly #profile: ProviderProfile;
  /** USD an hour, by the id of the hardware. */
  readonly #prices = new Map<string, number>();

  constructor(api: HttpApi, profile: ProviderProfile) {
    this.#api = api;
    this.#profile = profile;
  }

  /** Looks for an endpoint of this name first: a second request would make a second one, and charge both. */
  async create(request: LeaseRequest): Promise<Lease> {
    const endpoint = await this.#named(request);
    if (!endpoint) return this.#leaseOf(await this.#start(request));
    const isAsleep = endpoint.state === 'STOPPED' || endpoint.state === 'STOPPING';
    return this.#leaseOf(isAsleep ? await this.#wake(endpoint) : endpoint);
  }

  async find(request: LeaseRequest): Promise<Lease | undefined> {
    const endpoint = await this.#named(request);
    return endpoint && this.#leaseOf(endpoint);
  }

  async list(prefix: string): Promise<ListedLease[]> {
    const endpoints = await this.#endpoints();
    const leases = new Map<string, ListedLease>();
    for (const { display_name: name, model } of endpoints) {
      if (name?.startsWith(prefix)) leases.set(name, { name, models: [model] });
    }
    return [...leases.values()];
  }

  async remove({ name }: ListedLease): Promise<void> {
    for (const { id, display_name: itsName } of await this.#endpoints()) {
      if (itsName === name) await deleted(this.#api.send({ path: pathOf(id), method: 'DELETE', answer: ANY }));
    }
  }

  async #start({ name, models, baseModel, kept }: LeaseRequest): Promise<TogetherEndpoint> {
    const { hardware, idle_minutes: idleMinutes } = settingsFor(this.#profile, 'lease');
    const model = models[0] ?? baseModel;
    return this.#api.send({
      path: '/endpoints',
      method: 'POST',
      body: {
        display_name: name,
        model: modelId(this.#profile, model),
        hardware: typeof hardware === 'string' ? hardware : await this.#cheapestFor(modelId(this.#profile, baseModel)),
        autoscaling: { min_replicas: 1, max_replicas: 1 },
        state: 'STARTED',
        // Null: it never stops by itself.
        inactive_timeout: kept
          ? null
          : typeof idleMinutes === 'number'
            ? idleMinutes
            : (this.#profile.serving.lease?.idleMinutes ?? 15),
      },
      answer: ENDPOINT,
    });
  }

  #wake({ id }: TogetherEndpoint): Promise<TogetherEndpoint> {
    return this.#api.send({ path: pathOf(id), method: 'PATCH', body: { state: 'STARTED' }, answer: ENDPOINT });
  }

  async #cheapestFor(model: string): Promise<string> {
    const machines = (await this.#hardware(model)).filter(
      ({ availability }) => (availability?.status ?? 'available') === 'available',
    );
    const cheapest = machines.toSorted((a, b) => a.pricing.cents_per_minute - b.pricing.cents_per_minute)[0];
    if (cheapest) return cheapest.id;
    throw new ProviderError('PROVIDER_UNAVAILABLE', `no machine is free that can serve ${model}`, { retryable: true });
  }

  async #hardware(model?: string) {
    const { data } = await this.#api.send({ path: '/hardware', query: { model }, answer: HARDWARE });
    for (const { id, pricing } of data) this.#prices.set(id, (pricing.cents_per_minute * 60) / 100);
    return data;
  }

  /** The oldest one, where a lost answer has led to two. */
  async #named({ name }: LeaseRequest): Promise<TogetherEndpoint | undefined> {
    const endpoints = (await this.#endpoints()).filter(({ display_name: itsName }) => itsName === name);
    return endpoints.toSorted((a, b) => (secondsOf(a.created_at) ?? 0) - (secondsOf(b.created_at) ?? 0))[0];
  }

  /** Our endpoints with their display names, which the list leaves out. */
  async #endpoints(): Promise<TogetherEndpoint[]> {
    const query = { type: 'dedicated', mine: 'true' };
    const { data } = await this.#api.send({ path: '/endpoints', query, answer: ENDPOINTS });
    const endpoints: TogetherEndpoint[] = [];
    for (const listed of data) {
      const endpoint = listed.display_name ? listed : await this.#get(listed.id);
      if (endpoint) endpoints.push(endpoint);
    }
    return endpoints;
  }

  /** Undefined for an endpoint that has been removed in the meantime. */
  async #get(id: string): Promise<TogetherEndpoint | undefined> {
    try {
      return await this.#api.send({ path: pathOf(id), answer: ENDPOINT });
    } catch (error) {
      if (error instanceof ProviderError && error.status === 404) return undefined;
      throw error;
    }
  }

  async #leaseOf({ name, state, hardware, created_at: createdAt }: TogetherEndpoint): Promise<Lease> {
    if (hardware && !this.#prices.has(hardware)) await this.#hardware();
    return {
      ...stateOf(state),
      status: state,
      callAs: [name],
      createdAt: secondsOf(createdAt),
      usdPerHour: (hardware ? this.#prices.get(hardware) : undefined) ?? null,
    };
  }
}

/** A state that nobody knows counts as starting: the wait for it has an end of its own. */
function stateOf(state: string): Pick<Lease, 'state' | 'failure'> {
  if (state === 'STARTED') return { state: 'ready', failure: null };
  if (state === 'ERROR') return { state: 'failed', failure: 'the provider says ERROR and gives no reason' };
  if (state === 'STOPPED' || state === 'STOPPING') {
    return {
      state: 'failed',
      failure: 'the endpoint has stopped: nobody called it for a while, or it was stopped by hand',
    };
  }
  return { state: 'starting', failure: null };
}

function pathOf(id: string): string {
  return `/endpoints/${encodeURIComponent(id)}`;
}
