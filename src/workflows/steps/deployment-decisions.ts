import { ApplicationFailure, setHandler } from '@temporalio/workflow';
import {
  approveUpdate,
  deploymentQuery,
  proposeUpdate,
  rejectUpdate,
  remarksQuery,
  rollbackUpdate,
  setCanaryUpdate,
} from '../../contract/messages.ts';
import type { Decision, Deployment } from '../../core/deployment/deployment.ts';
import type { DeploymentStatus } from './deployment-status.ts';

/**
 * Takes the decisions of runs and people about a deployment, and answers questions about it.
 *
 * @param published resolves when applications can read the decision
 */
export function takeDecisions(
  entity: Deployment,
  status: DeploymentStatus,
  published: (decision: Decision) => Promise<void>,
): void {
  const decide = async (decision: Decision): Promise<Decision> => {
    status.show();
    await published(decision);
    return decision;
  };
  setHandler(deploymentQuery, () => entity.state, {
    description: 'The champion, the waiting winner, and the decisions that led there',
  });
  setHandler(remarksQuery, () => status.remarks, {
    description: 'The findings about the canary, and the reason why a decision has no effect yet',
  });
  setHandler(proposeUpdate, (input) => decide(entity.propose(input)), {
    validator: (input) => refuseFor(entity.cannotPropose(input)),
    description: 'Takes the result of a run, with its winner where there is one',
  });
  setHandler(approveUpdate, (input) => decide(entity.approve(input)), {
    validator: (input) => refuseFor(entity.cannotApprove(input)),
    description: 'Lets the winner that waits go on to production',
  });
  setHandler(rejectUpdate, (input) => decide(entity.reject(input)), {
    validator: (input) => refuseFor(entity.cannotReject(input)),
    description: 'Drops the winner that waits or is being tried',
  });
  setHandler(rollbackUpdate, (input) => decide(entity.rollBack(input)), {
    validator: (input) => refuseFor(entity.cannotRollBack(input)),
    description: 'Goes back to the model that served before',
  });
  setHandler(setCanaryUpdate, (input) => decide(entity.setCanary(input)), {
    validator: (input) => refuseFor(entity.cannotSetCanary(input)),
    description: 'Gives the winner a share of the calls',
  });
}

function refuseFor(reason: string | null): void {
  if (reason !== null) throw ApplicationFailure.nonRetryable(reason, 'DEPLOYMENT_CHANGED');
}
