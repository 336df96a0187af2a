import {
  ApplicationFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  defineQuery,
  defineUpdate,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/create-activities.ts';
import { DEPLOYMENT, LOCAL_STEP, NOTIFY } from '../contract/activity-options.ts';
import { CHAMPION, STAGE } from '../contract/search-attributes.ts';
import { approvalReminder, notificationOf } from '../core/deployment/announcements.ts';
import { judgeCanary } from '../core/deployment/canary.ts';
import {
  type Decision,
  Deployment,
  type DeploymentState,
  type PersonalDecision,
  type Proposal,
} from '../core/deployment/deployment.ts';
import { type DeploymentRemarks, deploymentStage, renderDeployment } from '../core/deployment/render.ts';
import { reasonOf } from './steps/failure-reason.ts';

const { writeAlias } = proxyActivities<Activities>(DEPLOYMENT);
const { readCanary } = proxyActivities<Activities>(LOCAL_STEP);
const { notify } = proxyActivities<Activities>(NOTIFY);

export interface DeploymentInput {
  state: DeploymentState;
  /** What the workflow has done already; absent where it begins. */
  progress?: DeploymentProgress;
}

interface DeploymentProgress {
  /** Number of the decision that applications know. */
  written: number;
  /** Number of the decision that people have been told of. */
  told: number;
  /** Number of the proposal that people have been reminded of. */
  reminded: number;
  canary: CanaryLooks | null;
}

/** What the looks at one stage of a canary have found so far. */
interface CanaryLooks {
  decision: number;
  looks: number;
  /** When the next one is due, in milliseconds since 1970. */
  nextAt: number;
  /** In words. */
  text: string;
}

export type ProposeInput = Proposal & { decision: number };
export type SetCanaryInput = PersonalDecision & { share: number };

export const proposeUpdate = defineUpdate<Decision, [ProposeInput]>('propose');
export const approveUpdate = defineUpdate<Decision, [PersonalDecision]>('approve');
export const rejectUpdate = defineUpdate<Decision, [PersonalDecision]>('reject');
export const rollbackUpdate = defineUpdate<Decision, [PersonalDecision]>('rollback');
export const setCanaryUpdate = defineUpdate<Decision, [SetCanaryInput]>('setCanary');
export const deploymentQuery = defineQuery<DeploymentState>('deployment');
export const remarksQuery = defineQuery<DeploymentRemarks>('remarks');

/** How long it waits before it tries again what has failed in all attempts. */
const AGAIN_MS = 60_000;

/**
 * What serves for a pipeline, for as long as there is one. Decisions come one after another through this workflow; each is
 * answered when applications can read it.
 */
export async function deployment({ state, progress: before }: DeploymentInput): Promise<never> {
  const entity = new Deployment(state, Date.now);
  const progress: DeploymentProgress = before ?? {
    written: state.decision,
    told: state.decision,
    reminded: 0,
    canary: null,
  };
  let trouble: string | null = null;
  let shown: number | null = null;
  let sending = 0;
  const remarks = (): DeploymentRemarks => ({ canary: progress.canary?.text ?? null, trouble });
  const show = () => {
    setCurrentDetails(renderDeployment(entity.state, remarks()));
    // Each of these is an event of the history.
    if (shown === entity.state.decision) return;
    shown = entity.state.decision;
    upsertSearchAttributes([
      { key: STAGE, value: deploymentStage(entity.state) },
      { key: CHAMPION, value: entity.state.champion?.model ?? 'original prompt' },
    ]);
    upsertMemo({ decision: entity.state.decisions.at(-1) ?? null });
  };

  const decide = async (decision: Decision): Promise<Decision> => {
    show();
    await condition(() => progress.written >= decision.number);
    return decision;
  };
  setHandler(deploymentQuery, () => entity.state, { description: 'What serves, what waits, and how that came about' });
  setHandler(remarksQuery, remarks, {
    description: 'How the canary does, and what keeps a decision from having effect',
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
    description: 'Goes back to what served before',
  });
  setHandler(setCanaryUpdate, (input) => decide(entity.setCanary(input)), {
    validator: (input) => refuseFor(entity.cannotSetCanary(input)),
    description: 'Gives the winner a share of the calls',
  });

  const publish = async () => {
    const { decision } = entity.state;
    await writeAlias.executeWithOptions({ summary: `alias of decision ${decision}` }, [{ state: entity.state }]);
    progress.written = decision;
  };
  const tell = async () => {
    const news = entity.state.decisions.filter(({ number }) => number > progress.told);
    progress.told = entity.state.decision;
    for (const decision of news) send(notificationOf(entity.state, decision));
  };
  const remind = async () => {
    progress.reminded = entity.state.challenger?.proposedBy ?? 0;
    send(approvalReminder(entity.state, new Date().toISOString()));
  };
  /** Nothing waits for a message, and one that cannot be delivered changes nothing. */
  const send = (message: ReturnType<typeof notificationOf>) => {
    const definition = entity.state.lastRun?.definition;
    if (!message || !definition) return;
    sending += 1;
    notify
      .executeWithOptions({ summary: `${message.type}: ${message.model ?? ''}` }, [{ definition, message }])
      .catch(() => {})
      .finally(() => {
        sending -= 1;
      });
  };
  const look = async () => {
    const { canary, state } = entity;
    const looks = progress.canary;
    if (!canary || !looks || !state.challenger || !state.policy) return;
    const { pipeline, champion, challenger, policy } = state;
    looks.looks += 1;
    looks.nextAt = Date.now() + policy.everyMs;
    const seen = await readCanary.executeWithOptions(
      { summary: `canary of ${challenger.model}, look ${looks.looks}` },
      [
        {
          definition: challenger.definition,
          deployment: pipeline,
          stage: canary.decision,
          control: champion ? 'champion' : 'original',
        },
      ],
    );
    const { decision, reason } = judgeCanary({
      canary: seen.canary,
      control: seen.control,
      minCalls: canary.minCalls,
      limits: policy.limits,
    });
    looks.text = reason;
    // Somebody may have decided meanwhile.
    if (entity.canary?.decision !== canary.decision) return;
    if (decision === 'advance') entity.advance(reason);
    if (decision === 'rollback') entity.rollBack({ by: 'canary', why: reason });
  };

  for (;;) {
    const { decision, challenger } = entity.state;
    if (entity.canary?.decision !== progress.canary?.decision) {
      const { canary, state } = entity;
      progress.canary = canary && {
        decision: canary.decision,
        looks: 0,
        nextAt: Date.now() + (state.policy?.everyMs ?? 0),
        text: 'The log was not looked at yet.',
      };
    }
    show();
    const step = nextStep();
    trouble = null;
    if (step) {
      try {
        await step();
      } catch (error) {
        trouble = reasonOf(error);
        show();
        await condition(() => entity.state.decision > decision, AGAIN_MS, { summary: 'until it is tried again' });
      }
      continue;
    }
    const { continueAsNewSuggested } = workflowInfo();
    if (continueAsNewSuggested) {
      await condition(() => allHandlersFinished() && sending === 0);
      if (progress.written < entity.state.decision) continue;
      return continueAsNew<typeof deployment>({ state: entity.state, progress });
    }
    const wakeAt = nextTime();
    const changed = () => entity.state.decision > decision || workflowInfo().continueAsNewSuggested;
    if (wakeAt === null) await condition(changed);
    else await condition(changed, Math.max(1, wakeAt - Date.now()), { summary: untilText(entity) });
    if (challenger && entity.state.decision === decision && isOver(entity.deadline)) entity.expire();
  }

  /** What is to be done now, applications first; undefined where there is nothing. */
  function nextStep(): (() => Promise<void>) | undefined {
    if (progress.written < entity.state.decision) return publish;
    if (progress.told < entity.state.decision) return tell;
    if (isOver(reminderAt())) return remind;
    if (isOver(progress.canary?.nextAt ?? null)) return look;
    return undefined;
  }

  /** When something is to be done without anybody's asking; null for never. */
  function nextTime(): number | null {
    const times = [entity.deadline, reminderAt(), progress.canary?.nextAt ?? null].filter((time) => time !== null);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** In the middle of the time that a winner waits; null where nobody is to be reminded. */
  function reminderAt(): number | null {
    const { challenger, policy } = entity.state;
    const { deadline } = entity;
    if (deadline === null || !challenger || !policy || progress.reminded >= challenger.proposedBy) return null;
    return deadline - policy.deadlineMs / 2;
  }
}

/** What a timer is for, in the Web UI. */
function untilText({ canary, state }: Deployment): string {
  if (canary) return 'until the next look at the canary';
  return `until a reminder or the deadline of ${state.challenger?.model ?? 'nobody'}`;
}

function isOver(time: number | null): boolean {
  return time !== null && Date.now() >= time;
}

function refuseFor(reason: string | null): void {
  if (reason !== null) throw ApplicationFailure.nonRetryable(reason, 'DEPLOYMENT_CHANGED');
}
