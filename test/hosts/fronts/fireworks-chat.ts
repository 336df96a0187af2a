import { HostError, type Route } from '../front.ts';
import type { Host } from '../host.ts';
import type { HostLease } from '../leases.ts';
import { noModel } from '../models.ts';
import { idIn } from './fireworks-resources.ts';
import { KIND, showState } from './fireworks-serving.ts';

/**
 * Questions by OpenAI's protocol. A model of a deployment is called `<model>#<deployment>`, and a base model of the shared pool by its
 * name.
 */
export function chatRoutes(): Route[] {
  return [
    {
      method: 'POST',
      path: '/inference/v1/chat/completions',
      operation: 'chat',
      handle: (call, host) => {
        const [name = '', deployment] = String(call.body.model).split('#');
        const model = host.models.find(name);
        if (!model) throw noModel(name);
        if (deployment === undefined) {
          if (model.tuned) throw noModel(name);
          return host.answer(call, model, null);
        }
        return host.answer(call, model, leaseOf(host, name, idIn('deployments', deployment)));
      },
    },
  ];
}

/** The first call of a deployment that has scaled to zero wakes it, and is refused. */
function leaseOf(host: Host, model: string, deployment: string): HostLease {
  const lease = host.leases.find(deployment, KIND);
  const hasScaledDown = lease && lease.state !== 'ready' && showState(lease, host) === 'READY';
  try {
    return host.leases.answering(model, deployment, KIND);
  } catch (error) {
    if (error instanceof HostError && hasScaledDown) {
      throw new HostError(503, 'DEPLOYMENT_SCALING_UP: the deployment is scaling up from zero, try again later');
    }
    throw error;
  }
}
