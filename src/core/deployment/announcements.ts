import type { Decision, DecisionKind, DeploymentState } from './deployment.ts';
import type { Notification } from './notification.ts';

/** The messages that people get about a decision; null for decisions that people need not know. */
const TYPES: Record<DecisionKind, Notification['type'] | null> = {
  kept: null,
  proposed: 'approval.needed',
  superseded: null,
  approved: null,
  starting: null,
  rejected: null,
  expired: 'approval.expired',
  canary: 'canary.started',
  promoted: 'model.promoted',
  'rolled-back': 'model.rolled_back',
};

/** The message about a decision; null where no person has to know. */
export function notificationOf(
  { pipeline, challenger, policy }: DeploymentState,
  decision: Decision,
): Notification | null {
  const type = TYPES[decision.kind];
  if (!type || (type === 'approval.needed' && policy?.automatic)) return null;
  const waits = type === 'approval.needed' && challenger?.state.kind === 'waiting';
  const { number, model, run, at, why } = decision;
  return {
    id: `${pipeline}-${number}`,
    type,
    pipeline,
    run,
    model,
    decision: number,
    at,
    text: why,
    ...(waits ? { command: `tuneloop approve ${pipeline}` } : {}),
  };
}

/** Reminds people that a winner waits for approval. */
export function approvalReminder({ pipeline, challenger, decision }: DeploymentState, at: string): Notification | null {
  if (challenger?.state.kind !== 'waiting') return null;
  return {
    id: `${pipeline}-${challenger.proposedBy}-reminder`,
    type: 'approval.reminder',
    pipeline,
    run: challenger.run,
    model: challenger.model,
    decision,
    at,
    text: `${challenger.model} waits for approval until ${challenger.state.deadline}; then it is rejected.`,
    command: `tuneloop approve ${pipeline}`,
  };
}
