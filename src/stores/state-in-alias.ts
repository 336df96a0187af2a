import type { Alias } from '@tuneloop/app/internal/predict/alias';
import type { DeploymentState } from '../core/deployment/deployment.ts';
import { TuneloopError } from '../errors.ts';

/**
 * The deployment's state in an alias; undefined for an alias without one.
 *
 * @throws TuneloopError ALIAS_UNREADABLE for a state that this version does not know.
 */
export function stateInAlias({ pipeline, state }: Alias): DeploymentState | undefined {
  if (state === undefined) return undefined;
  if (isDeploymentState(state)) return state;
  throw new TuneloopError(
    'ALIAS_UNREADABLE',
    `the alias of ${pipeline} holds a state of its deployment that cannot be read: is this version of Tuneloop as new as the workers'?`,
  );
}

function isDeploymentState(value: unknown): value is DeploymentState {
  if (typeof value !== 'object' || value === null) return false;
  const { pipeline, decision, decisions, champion, previous } = value as Partial<DeploymentState>;
  return (
    typeof pipeline === 'string' &&
    Number.isSafeInteger(decision) &&
    Array.isArray(decisions) &&
    Array.isArray(previous) &&
    typeof champion === 'object'
  );
}
