import { type Call, HostError, type Route } from '../front.ts';
import type { Host } from '../host.ts';
import type { HostLease } from '../leases.ts';
import { catalogueId } from './crusoe-catalogue.ts';
import { textOf } from './openai-shape.ts';

/** A key is bound to one project. */
export const PROJECT = 'project-1';

/** Adapters on shared machines, and machines of one's own. @param foundry the path in front, with the name `{project}` in it */
export function servingRoutes(foundry: string): Route[] {
  return [...loraRoutes(foundry), ...deploymentRoutes(foundry)];
}

function loraRoutes(foundry: string): Route[] {
  const path = `${foundry}/loras`;
  return [
    {
      method: 'POST',
      path,
      operation: 'leases.create',
      handle: (call, host) => {
        needsProject(call);
        const model = host.models.get(textOf(call.body, 'model_id'));
        if (!model.tuned) throw new HostError(400, `${model.id} is no adapter`, { param: 'model_id' });
        const lora = { name: model.id, kind: 'lora', baseName: model.baseName, models: [model.id], usdPerHour: 0 };
        return { status: 202, body: showLora(host.leases.create(call, lora), host) };
      },
    },
    {
      method: 'GET',
      path,
      operation: 'leases.list',
      handle: (call, host) => {
        needsProject(call);
        return { body: { lora_adapters: host.leases.list('lora').map((lease) => showLora(lease, host)) } };
      },
    },
    {
      method: 'GET',
      path: `${path}/{id}`,
      operation: 'leases.get',
      handle: (call, host) => {
        needsProject(call);
        return { body: showLora(host.leases.get(call.params.id ?? '', 'lora'), host) };
      },
    },
    {
      method: 'DELETE',
      path: `${path}/{id}`,
      operation: 'leases.delete',
      handle: (call, host) => {
        needsProject(call);
        host.leases.remove(call.params.id ?? '', 'lora');
        return { status: 202 };
      },
    },
  ];
}

function showLora({ id, name, state, failure, createdAt }: HostLease, { options }: Host): object {
  const steps = ['pending', 'downloading', 'loading'];
  const part = (Date.now() - createdAt) / Math.max(1, options.leaseReadyMs);
  const status =
    state === 'starting' ? steps[Math.min(2, Math.floor(part * 3))] : state === 'failed' ? 'failed' : 'ready';
  return { id, model_id: name, status, last_error: failure };
}

function deploymentRoutes(foundry: string): Route[] {
  const path = `${foundry}/selfserve`;
  return [
    {
      method: 'GET',
      path: `${path}/flavors`,
      operation: 'leases.machines',
      handle: (call, host) => {
        needsProject(call);
        return { body: { flavors: flavorsOf(host) } };
      },
    },
    { method: 'POST', path: `${path}/deployments`, operation: 'leases.create', handle: createDeployment },
    {
      method: 'GET',
      path: `${path}/deployments`,
      operation: 'leases.list',
      handle: (call, { leases }) => {
        needsProject(call);
        return { body: { deployments: leases.list('deployment').map(showDeployment) } };
      },
    },
    {
      method: 'GET',
      path: `${path}/deployments/{id}`,
      operation: 'leases.get',
      handle: (call, { leases }) => {
        needsProject(call);
        return { body: showDeployment(leases.get(call.params.id ?? '', 'deployment')) };
      },
    },
    {
      method: 'DELETE',
      path: `${path}/deployments/{id}`,
      operation: 'leases.delete',
      handle: (call, { leases }) => {
        needsProject(call);
        return { status: 202, body: showDeployment(leases.remove(call.params.id ?? '', 'deployment')) };
      },
    },
  ];
}

function flavorsOf({ models, tariff }: Host) {
  return models.bases.flatMap((model) =>
    [true, false].map((isSuitable) => ({
      id: `${catalogueId(model)}-${isSuitable ? 'lora' : 'fp8'}`,
      model_name: model.id,
      gpu_type: 'h100',
      gpus_per_instance: 1,
      lora_suitable: isSuitable,
      price_per_hour: tariff.machineHour(model.baseName).toFixed(2),
      flavor_type: 'dedicated',
      quantization: isSuitable ? 'none' : 'fp8',
    })),
  );
}

/** Names are not unique here: only the ids are. */
function createDeployment(call: Call, host: Host) {
  needsProject(call);
  const { fine_tuned_model: tuned = '', flavor_id: flavorId, replicas } = call.body;
  const flavor = flavorsOf(host).find(({ id }) => id === flavorId);
  if (!flavor) throw new HostError(400, `unknown flavor ${flavorId}`, { param: 'flavor_id' });
  const model = host.models.get(tuned === '' ? flavor.model_name : String(tuned));
  if (host.models.baseId(model.baseName) !== flavor.model_name) {
    throw new HostError(400, `${flavorId} is no machine for ${model.id}`, { param: 'flavor_id' });
  }
  const lease = host.leases.create(call, {
    name: textOf(call.body, 'deployment_name'),
    kind: 'deployment',
    baseName: model.baseName,
    models: [model.id],
    usdPerHour: Number(flavor.price_per_hour),
    isUnique: false,
    extra: { tuned, replicas: replicas ?? 1 },
  });
  return { status: 202, body: showDeployment(lease) };
}

function showDeployment({ id, name, state, failure, usdPerHour, extra }: HostLease): object {
  const words = { starting: 'creating', ready: 'ready', asleep: 'ready', failed: 'failed', removed: 'deleting' };
  return {
    id,
    status: words[state],
    deployment_name: name,
    fine_tuned_model: extra.tuned,
    available_replicas: state === 'ready' ? 1 : 0,
    target_replicas: extra.replicas,
    hourly_cost: usdPerHour.toFixed(2),
    ...(failure === null ? {} : { error: failure }),
  };
}

function needsProject({ params }: Call): void {
  if (params.project !== PROJECT) throw new HostError(403, 'this key is of another project', { code: 'forbidden' });
}
