import { isRecord } from '@tuneloop/app/internal/shared/json-body';
import { HostError, type Route } from '../front.ts';
import type { Host } from '../host.ts';
import { newId } from '../ids.ts';
import type { HostLease, LeaseState } from '../leases.ts';
import { textOf } from './openai-shape.ts';

/** In front of all paths. */
export const PREFIX = '/v1';
const KIND = 'endpoint';

const LEASE_WORDS: Readonly<Record<LeaseState, string>> = {
  starting: 'STARTING',
  ready: 'STARTED',
  asleep: 'STOPPED',
  failed: 'ERROR',
  removed: 'STOPPED',
};

/** The machines of dedicated endpoints: the one that the price list charges, a dearer one, and one that is not free. */
const MACHINES = [
  { id: '1x_nvidia_h100_80gb_sxm', factor: 1, status: 'available' },
  { id: '2x_nvidia_h100_80gb_sxm', factor: 2, status: 'available' },
  { id: '1x_nvidia_l40_48gb', factor: 0.5, status: 'unavailable' },
] as const;

export function route(
  method: Route['method'],
  path: string,
  operation: Route['operation'],
  handle: Route['handle'],
): Route {
  return { method, path: `${PREFIX}${path}`, operation, handle };
}

/** Endpoints, their machines, and questions to models. */
export const TOGETHER_SERVING: readonly Route[] = [
  route('GET', '/models', 'models.list', (_, { models }) => ({
    body: [...models.bases, ...models.tuned].map(({ id, createdAt }) => ({
      id,
      object: 'model',
      created: createdAt,
      type: 'chat',
    })),
  })),
  route('GET', '/hardware', 'leases.machines', ({ query }, host) => {
    const model = query.get('model');
    if (model !== null && !host.models.find(model)) throw new HostError(404, `${model} cannot be deployed`);
    const baseName = model === null ? anyBase(host) : host.models.get(model).baseName;
    return { body: { object: 'list', data: MACHINES.map((machine) => showMachine(machine, baseName, host)) } };
  }),
  route('POST', '/endpoints', 'leases.create', (call, host) => {
    const { body } = call;
    const model = host.models.get(textOf(body, 'model'));
    const machine = MACHINES.find(({ id }) => id === body.hardware);
    if (!machine) throw new HostError(400, `no machine ${body.hardware}`);
    const { inactive_timeout: idle, display_name: displayName } = body;
    if (!isRecord(body.autoscaling) || Number(body.autoscaling.max_replicas) < 1)
      throw new HostError(400, 'no replica');
    // Two endpoints may have one display name: what tells them apart is a name of the host's own.
    const lease = host.leases.create(call, {
      name: `tuneloop/${model.id.split('/').at(-1)}-${newId('', 4)}`,
      kind: KIND,
      baseName: model.baseName,
      models: [model.id],
      usdPerHour: host.tariff.perHour(model.baseName) * machine.factor,
      idleMinutes: typeof idle === 'number' && idle > 0 ? idle : null,
      extra: { displayName: typeof displayName === 'string' ? displayName : '', hardware: machine.id },
    });
    return { body: showEndpoint(lease) };
  }),
  route('GET', '/endpoints', 'leases.list', ({ query }, { leases }) => ({
    body: { object: 'list', data: query.get('type') === 'serverless' ? [] : leases.list(KIND).map(showListed) },
  })),
  route('GET', '/endpoints/{id}', 'leases.get', ({ params: { id = '' } }, { leases }) => ({
    body: showEndpoint(leases.get(id, KIND)),
  })),
  route('PATCH', '/endpoints/{id}', 'leases.load', ({ params: { id = '' }, body }, { leases }) => {
    const { name, models } = leases.get(id, KIND);
    if (body.state === 'STARTED') wake(() => leases.answering(models[0]?.model ?? '', name, KIND));
    return { body: showEndpoint(leases.get(id, KIND)) };
  }),
  route('DELETE', '/endpoints/{id}', 'leases.delete', ({ params: { id = '' } }, { leases }) => {
    leases.remove(id, KIND);
    return { status: 204 };
  }),
  route('POST', '/chat/completions', 'chat', (call, host) => {
    // A limit under the newer name is passed over, and the answer would grow as long as it likes.
    if ('max_completion_tokens' in call.body) host.misunderstood(call, 'max_completion_tokens is unknown here');
    const name = textOf(call.body, 'model');
    const base = host.models.bases.find(({ id }) => id === name);
    const endpoint = host.leases.find(name, KIND);
    // Base models of the catalogue are called by tokens; all others on their endpoint.
    if (base && !endpoint) return host.answer(call, base, null);
    const model = host.models.get(endpoint?.models[0]?.model ?? name);
    if (endpoint?.state === 'asleep') throw new HostError(404, `${name} is stopped`);
    return host.answer(call, model, host.leases.answering(model.id, name, KIND));
  }),
];

/** A stopped endpoint is woken by a question that is not answered yet. */
function wake(ask: () => unknown): void {
  try {
    ask();
  } catch (error) {
    if (!(error instanceof HostError && error.status === 404)) throw error;
  }
}

function anyBase({ models }: Host): string {
  return models.bases[0]?.baseName ?? '';
}

function showMachine({ id, factor, status }: (typeof MACHINES)[number], baseName: string, { tariff }: Host): object {
  return {
    object: 'hardware',
    id,
    pricing: { cents_per_minute: (tariff.perHour(baseName) * factor * 100) / 60 },
    specs: { gpu_type: 'h100', gpu_link: 'sxm', gpu_memory: 80, gpu_count: 1 },
    availability: { status },
    updated_at: timeOf(Date.now() / 1000),
  };
}

/** The list leaves the display name out. */
function showListed({ id, name, models, state, createdAt }: HostLease): object {
  return {
    object: 'endpoint',
    id,
    name,
    model: models[0]?.model ?? '',
    type: 'dedicated',
    owner: 'tuneloop',
    state: LEASE_WORDS[state],
    created_at: timeOf(createdAt / 1000),
  };
}

function showEndpoint(lease: HostLease): object {
  return {
    ...showListed(lease),
    display_name: lease.extra.displayName,
    hardware: lease.extra.hardware,
    autoscaling: { min_replicas: 1, max_replicas: 1 },
  };
}

export function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
