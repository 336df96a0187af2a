import { isRecord } from '@tuneloop/app/internal/shared/json-body';
import { type Call, HostError, type Route } from '../front.ts';
import type { Host } from '../host.ts';
import type { HostLease, LoadedModel } from '../leases.ts';
import { chosenId, idIn, page, resourceName, route, timeOf, unknownFields } from './fireworks-resources.ts';

export const KIND = 'deployment';
const MOST_MODELS = 100;
const SHORTEST_WINDOW_SECONDS = 300;

/** What a deployment's front remembers, by host: names of deleted ones that are kept, and those that were ready once. */
const deleted = new WeakMap<Host, Map<string, HostLease>>();
const woken = new WeakMap<Host, Set<string>>();

/** Deployments, and the adapters that are loaded into them. */
export function servingRoutes(): Route[] {
  return [...deploymentRoutes(), ...deployedModelRoutes()];
}

function deploymentRoutes(): Route[] {
  return [
    route('POST', '/deployments', 'leases.create', (call, host) => {
      const known = [
        'displayName',
        'baseModel',
        'enableAddons',
        'minReplicaCount',
        'maxReplicaCount',
        'autoscalingPolicy',
      ];
      const problems = unknownFields(call.body, known);
      if (problems.length > 0) host.misunderstood(call, ...problems);
      const name = chosenId(call.query.get('deploymentId'));
      if (deleted.get(host)?.has(name)) throw new HostError(409, `${name} already exists`);
      const baseModel = String(call.body.baseModel);
      const base = host.models.bases.find(({ id }) => id === baseModel);
      if (!base) throw new HostError(400, `${baseModel} cannot be deployed`);
      const lease = host.leases.create(call, {
        name,
        kind: KIND,
        baseName: base.baseName,
        models: [baseModel],
        idleMinutes: idleMinutesOf(call),
        extra: { baseModel, enableAddons: call.body.enableAddons === true },
      });
      return { body: showDeployment(lease, host) };
    }),
    route('GET', '/deployments', 'leases.list', ({ query }, host) => ({
      body: page(
        'deployments',
        host.leases.list(KIND).map((lease) => showDeployment(lease, host)),
        query,
      ),
    })),
    route('GET', '/deployments/{id}', 'leases.get', ({ params: { id = '' } }, host) => {
      const lease = deleted.get(host)?.get(id) ?? host.leases.get(id, KIND);
      return { body: showDeployment(lease, host) };
    }),
    route('DELETE', '/deployments/{id}', 'leases.delete', ({ params: { id = '' }, query }, host) => {
      const { models } = host.leases.get(id, KIND);
      if (models.length > 1 && query.get('ignoreChecks') !== 'true') throw new HostError(412, `${id} is in use`);
      const lease = host.leases.remove(id, KIND);
      if (query.get('hard') !== 'true') deleted.set(host, new Map(deleted.get(host)).set(id, lease));
      return { body: {} };
    }),
  ];
}

function deployedModelRoutes(): Route[] {
  return [
    route('POST', '/deployedModels', 'leases.load', (call, host) => {
      const problems = unknownFields(call.body, ['model', 'deployment', 'displayName']);
      if (problems.length > 0) host.misunderstood(call, ...problems);
      const lease = host.leases.get(idIn('deployments', call.body.deployment), KIND);
      const model = host.models.get(String(call.body.model));
      if (!lease.extra.enableAddons) throw new HostError(400, 'the deployment takes no addons');
      if (showState(lease, host) !== 'READY') throw new HostError(412, `${lease.name} is not ready`);
      if (!model.tuned || model.baseName !== lease.baseName) throw new HostError(400, 'the base model is another one');
      if (lease.models.length > MOST_MODELS) throw new HostError(429, `at most ${MOST_MODELS} addons`);
      return { body: showLoaded(host.leases.load(call, lease.name, KIND, model.id), lease) };
    }),
    route('GET', '/deployedModels', 'leases.list', ({ query }, host) => ({
      body: page(
        'deployedModels',
        loadedIn(host).map(({ lease, loaded }) => showLoaded(loaded, lease)),
        query,
      ),
    })),
    route('DELETE', '/deployedModels/{id}', 'leases.delete', ({ params: { id = '' } }, host) => {
      const found = loadedIn(host).find(({ loaded }) => loaded.id === id);
      if (!found) throw new HostError(404, `${id} was not found`);
      host.leases.unload(found.lease.name, KIND, id);
      return { body: {} };
    }),
  ];
}

/** The adapters; the base model of a deployment is always there, and is none. */
function loadedIn({ leases }: Host): { lease: HostLease; loaded: LoadedModel }[] {
  return leases.list(KIND).flatMap((lease) => {
    const adapters = lease.models.filter(({ model }) => model !== lease.extra.baseModel);
    return adapters.map((loaded) => ({ lease, loaded }));
  });
}

/** Null for a deployment that always keeps a machine. @throws HostError 400 for a time that is too short */
function idleMinutesOf({ body }: Call): number | null {
  const window = isRecord(body.autoscalingPolicy) ? body.autoscalingPolicy.scaleToZeroWindow : '3600s';
  const seconds = Number(/^(\d+)s$/.exec(String(window))?.[1]);
  if (!(seconds >= SHORTEST_WINDOW_SECONDS)) throw new HostError(400, 'scaleToZeroWindow is at least 300s');
  return (body.minReplicaCount ?? 0) === 0 ? seconds / 60 : null;
}

/** The state as the host shows it. A deployment without a machine is ready still, and so is one whose machine starts again. */
export function showState({ name, state }: HostLease, host: Host): string {
  const ready = woken.get(host) ?? new Set<string>();
  woken.set(host, ready);
  if (state === 'removed') ready.delete(name);
  if (state === 'ready' || state === 'asleep') ready.add(name);
  if (state === 'starting') return ready.has(name) ? 'READY' : 'CREATING';
  return { ready: 'READY', asleep: 'READY', failed: 'FAILED', removed: 'DELETED' }[state];
}

function showDeployment(lease: HostLease, host: Host): object {
  const { name, createdAt, failure, extra, state } = lease;
  return {
    name: resourceName('deployments', name),
    displayName: name,
    baseModel: String(extra.baseModel),
    createTime: timeOf(createdAt / 1000),
    state: showState(lease, host),
    status: failure === null ? { code: 'OK', message: '' } : { code: 'RESOURCE_EXHAUSTED', message: failure },
    enableAddons: extra.enableAddons === true,
    minReplicaCount: 0,
    replicaCount: state === 'ready' ? 1 : 0,
  };
}

function showLoaded({ id, model, state, failure }: LoadedModel, { name }: HostLease): object {
  return {
    name: resourceName('deployedModels', id),
    model,
    deployment: resourceName('deployments', name),
    state: state === 'ready' ? 'DEPLOYED' : 'DEPLOYING',
    status: failure === null ? { code: 'OK', message: '' } : { code: 'INTERNAL', message: failure },
  };
}
