import { z } from 'zod';
import type { LeaseRequest } from '../../../core/run/lease.ts';
import { redactMessage } from '../../../core/text/redaction.ts';
import { deleted } from '../../http-api.ts';
import { modelId, type ProviderProfile } from '../../profile.ts';
import { ProviderError } from '../../provider-error.ts';
import type { Lease, ListedLease, Serving } from '../../serving.ts';
import { type FireworksApi, idOf, isStatus, secondsOf } from './api.ts';
import { statusAnswer } from './job-mapping.ts';

const deploymentAnswer = z.object({
  name: z.string(),
  state: z.string().nullish(),
  status: statusAnswer.nullish(),
  createTime: z.string().nullish(),
});

const deployedModelAnswer = z.object({
  name: z.string(),
  model: z.string().nullish(),
  deployment: z.string().nullish(),
  state: z.string().nullish(),
  status: statusAnswer.nullish(),
});

type Deployment = z.infer<typeof deploymentAnswer>;
type DeployedModel = z.infer<typeof deployedModelAnswer>;

/** States of a deployment that costs nothing any more. A deleted one is kept for a while, and with it its id. */
const GONE = new Set(['DELETING', 'DELETED']);
const LONGEST_FAILURE = 500;

/**
 * Serving at Fireworks: one deployment of the base model, into which tuned models are loaded as adapters once it is ready. Without calls
 * it scales to no machine by itself, unless it is kept for production. Its `expireTime` is not set, because the provider no longer heeds it.
 */
export class FireworksServing implements Serving {
  readonly #api: FireworksApi;
  readonly #profile: ProviderProfile;

  constructor(api: FireworksApi, profile: ProviderProfile) {
    this.#api = api;
    this.#profile = profile;
  }

  async create(request: LeaseRequest): Promise<Lease> {
    let deployment: Deployment;
    try {
      deployment = await this.#api.post(`${this.#api.account}/deployments`, {
        query: { deploymentId: request.name },
        body: {
          displayName: request.name,
          baseModel: modelId(this.#profile, request.baseModel),
          enableAddons: true,
          minReplicaCount: request.kept ? 1 : 0,
          maxReplicaCount: 1,
          ...(request.kept
            ? {}
            : { autoscalingPolicy: { scaleToZeroWindow: `${Number(this.#profile.settings.idle_minutes) * 60}s` } }),
        },
        answer: deploymentAnswer,
      });
    } catch (error) {
      if (!isStatus(error, 409)) throw error;
      deployment = await this.#existing(request, error);
    }
    return this.#leaseOf(request, deployment);
  }

  /** Loads models that are missing: the deployment takes none before it is ready, and nobody else waits for that. */
  async find(request: LeaseRequest): Promise<Lease | undefined> {
    const deployment = await this.#api.find(this.#nameOf(request.name), deploymentAnswer);
    return deployment && !isGone(deployment) ? this.#leaseOf(request, deployment) : undefined;
  }

  async list(prefix: string): Promise<ListedLease[]> {
    const leases: ListedLease[] = [];
    for await (const deployment of this.#api.list('deployments', deploymentAnswer)) {
      const name = idOf(deployment.name);
      if (name.startsWith(prefix) && !isGone(deployment)) leases.push({ name, models: [] });
    }
    return leases;
  }

  async remove({ name }: ListedLease): Promise<void> {
    const deployment = this.#nameOf(name);
    try {
      for (const loaded of await this.#loaded(deployment)) await deleted(this.#api.delete(loaded.name));
    } catch (error) {
      // Only the deployment costs money, and it takes its models along.
      if (!(error instanceof ProviderError)) throw error;
    }
    // `ignoreChecks`, because a deployment that was called a moment ago is kept otherwise; `hard`, so that its name can be used again.
    await deleted(this.#api.delete(deployment, { ignoreChecks: 'true', hard: 'true' }));
  }

  /** The deployment that has this name already: of an attempt that was interrupted, or whose answer was lost. */
  async #existing({ name }: LeaseRequest, conflict: ProviderError): Promise<Deployment> {
    const deployment = await this.#api.find(this.#nameOf(name), deploymentAnswer);
    // Not to be seen yet, or about to go: the same call succeeds later.
    if (!deployment || deployment.state === 'DELETING') throw conflict;
    if (!isGone(deployment)) return deployment;
    const message = `${this.#api.http.address} keeps the name of the deleted deployment ${name}`;
    throw new ProviderError('PROVIDER_REFUSED', message, { retryable: false, status: 409 });
  }

  async #leaseOf(request: LeaseRequest, deployment: Deployment): Promise<Lease> {
    const name = this.#nameOf(request.name);
    const base = modelId(this.#profile, request.baseModel);
    const models = request.models.map((model) => modelId(this.#profile, model));
    const tuned = [...new Set(models)].filter((model) => model !== base);
    const loaded = isReady(deployment) && tuned.length > 0 ? await this.#load(name, tuned) : [];
    return {
      ...stateOf(deployment, loaded, tuned.length),
      callAs: models.map((model) => `${model}#${name}`),
      createdAt: secondsOf(deployment.createTime),
      usdPerHour: null,
    };
  }

  /** Loads the models that are not there yet. Returns an entry for each model. */
  async #load(deployment: string, models: readonly string[]): Promise<DeployedModel[]> {
    const there = new Map((await this.#loaded(deployment)).map((entry) => [entry.model, entry]));
    const entries: DeployedModel[] = [];
    for (const model of models) entries.push(there.get(model) ?? (await this.#loadOne(deployment, model)));
    return entries;
  }

  /** A model that the provider refuses is no error here: the lease has failed, and has to be removed. */
  async #loadOne(deployment: string, model: string): Promise<DeployedModel> {
    try {
      return await this.#api.post(`${this.#api.account}/deployedModels`, {
        body: { model, deployment },
        answer: deployedModelAnswer,
      });
    } catch (error) {
      // Another attempt has loaded it since the list was read; the next look shows it.
      if (isStatus(error, 409)) return { name: '', model, deployment };
      if (!(error instanceof ProviderError) || error.retryable) throw error;
      return { name: '', model, deployment, status: { code: error.code, message: error.message } };
    }
  }

  async #loaded(deployment: string): Promise<DeployedModel[]> {
    const entries: DeployedModel[] = [];
    for await (const entry of this.#api.list('deployedModels', deployedModelAnswer)) {
      if (entry.deployment === deployment) entries.push(entry);
    }
    return entries;
  }

  #nameOf(name: string): string {
    return this.#api.nameOf('deployments', name);
  }
}

/** A lease is ready once its deployment is and all its models are loaded. */
function stateOf(
  deployment: Deployment,
  loaded: readonly DeployedModel[],
  wanted: number,
): Pick<Lease, 'state' | 'status' | 'failure'> {
  const state = deployment.state ?? 'STATE_UNSPECIFIED';
  const count = loaded.filter(isLoaded).length;
  const status = wanted === 0 ? state : `${state}, ${count} of ${wanted} models loaded`;
  const broken = [
    ...(state === 'FAILED' ? [failureOf(deployment) ?? state] : []),
    ...loaded.flatMap((model) => (isLoaded(model) ? [] : (failureOf(model) ?? []))),
  ];
  if (broken.length > 0) return { state: 'failed', status, failure: broken[0] ?? null };
  return { state: isReady(deployment) && count === wanted ? 'ready' : 'starting', status, failure: null };
}

function isGone({ state }: Deployment): boolean {
  return GONE.has(state ?? '');
}

/** A deployment goes on serving while its settings change. */
function isReady({ state }: Deployment): boolean {
  return state === 'READY' || state === 'UPDATING';
}

function isLoaded({ state }: DeployedModel): boolean {
  return state === 'DEPLOYED' || state === 'UPDATING';
}

/** The error that a resource names. */
function failureOf({ status }: Pick<Deployment, 'status'>): string | null {
  const code = status?.code ?? 'OK';
  return code === 'OK' ? null : redactMessage(`${code}: ${status?.message ?? ''}`, [], LONGEST_FAILURE);
}
