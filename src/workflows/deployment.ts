import { allHandlersFinished, condition, continueAsNew, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../activities/create-activities.ts';
import { DEPLOYMENT } from '../contract/activity-options.ts';
import type { DeploymentInput } from '../contract/messages.ts';
import { Deployment } from '../core/deployment/deployment.ts';
import type { DeploymentProgress } from '../core/run/deployment-progress.ts';
import { Announcements } from './steps/announcements.ts';
import { CanaryWatch } from './steps/canary-watch.ts';
import { takeDecisions } from './steps/deployment-decisions.ts';
import { DeploymentStatus } from './steps/deployment-status.ts';
import { reasonOf } from './steps/failure-reason.ts';
import { KeptLeases } from './steps/kept-leases.ts';

const { writeAlias } = proxyActivities<Activities>(DEPLOYMENT);

/** The wait before a step that has failed in all attempts is tried again. */
const AGAIN_MS = 60_000;

/**
 * The deployment of a pipeline, for as long as there is one. Decisions come one after another through this workflow; each is answered when
 * applications can read it.
 */
export async function deployment({ state, progress: before }: DeploymentInput): Promise<never> {
  const entity = new Deployment(state, Date.now);
  const progress: DeploymentProgress = before ?? {
    written: state.decision,
    told: state.decision,
    reminded: 0,
    canary: null,
  };
  const status = new DeploymentStatus(entity, progress);
  const announcements = new Announcements(entity, progress);
  const canary = new CanaryWatch(entity, progress);
  const leases = new KeptLeases(entity, progress);
  takeDecisions(entity, status, ({ number }) => condition(() => progress.written >= number));

  for (;;) {
    const { decision, challenger } = entity.state;
    const changed = () => entity.state.decision > decision;
    canary.follow();
    leases.follow();
    status.serving = leases.text;
    status.show();
    const step = nextStep();
    status.trouble = null;
    if (step) {
      try {
        await step();
      } catch (error) {
        status.trouble = reasonOf(error);
        status.show();
        await condition(changed, AGAIN_MS, { summary: 'until it is tried again' });
      }
      continue;
    }
    if (workflowInfo().continueAsNewSuggested) {
      leases.stop();
      await condition(() => allHandlersFinished() && announcements.idle && leases.idle);
      if (progress.written < entity.state.decision) continue;
      return continueAsNew<typeof deployment>({ state: entity.state, progress });
    }
    const wakeAt = earliest(entity.deadline, announcements.reminderAt, canary.nextAt, leases.nextAt);
    const woken = () => changed() || workflowInfo().continueAsNewSuggested;
    if (wakeAt === null) await condition(woken);
    else await condition(woken, Math.max(1, wakeAt - Date.now()), { summary: untilText(entity) });
    if (challenger && entity.state.decision === decision && isOver(entity.deadline)) entity.expire();
  }

  /** The next thing to do, applications first; undefined where there is nothing to do. */
  function nextStep(): (() => Promise<void>) | undefined {
    if (progress.written < entity.state.decision) return publish;
    if (progress.told < entity.state.decision) return async () => announcements.tell();
    if (isOver(announcements.reminderAt)) return async () => announcements.remind();
    if (isOver(canary.nextAt)) return () => canary.look();
    if (isOver(leases.nextAt)) return () => leases.settle();
    return undefined;
  }

  /** Writes the alias that applications read. */
  async function publish(): Promise<void> {
    await leases.serveChampion();
    const { decision } = entity.state;
    await writeAlias.executeWithOptions({ summary: `alias of decision ${decision}` }, [{ state: entity.state }]);
    progress.written = decision;
  }
}

function earliest(...times: (number | null)[]): number | null {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.min(...known);
}

/** The purpose of a timer, for the Web UI. */
function untilText({ canary, state }: Deployment): string {
  if (canary) return 'until the next look at the canary';
  if (!state.challenger) return 'until the cost of serving is booked';
  return `until a reminder or the deadline of ${state.challenger.model}`;
}

function isOver(time: number | null): boolean {
  return time !== null && Date.now() >= time;
}
