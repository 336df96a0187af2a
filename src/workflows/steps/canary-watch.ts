import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../../activities/create-activities.ts';
import { LOCAL_STEP } from '../../contract/activity-options.ts';
import { judgeCanary } from '../../core/deployment/canary.ts';
import type { Deployment } from '../../core/deployment/deployment.ts';
import type { DeploymentProgress } from '../../core/run/deployment-progress.ts';

const { readCanary } = proxyActivities<Activities>(LOCAL_STEP);

/** Looks at the log while a challenger gets a share of the calls, and lets it advance or rolls it back. */
export class CanaryWatch {
  readonly #entity: Deployment;
  readonly #progress: DeploymentProgress;

  constructor(entity: Deployment, progress: DeploymentProgress) {
    this.#entity = entity;
    this.#progress = progress;
  }

  /** When the next look is due, in milliseconds since 1970; null without a canary. */
  get nextAt(): number | null {
    return this.#progress.canary?.nextAt ?? null;
  }

  /** Starts to count looks anew when a stage of the canary has begun or ended. */
  follow(): void {
    const { canary, state } = this.#entity;
    if (canary?.decision === this.#progress.canary?.decision) return;
    this.#progress.canary = canary && {
      decision: canary.decision,
      looks: 0,
      nextAt: Date.now() + (state.policy?.everyMs ?? 0),
      text: 'The first look at the log is still to come.',
    };
  }

  async look(): Promise<void> {
    const { canary, state } = this.#entity;
    const looks = this.#progress.canary;
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
    // A person may have decided meanwhile.
    if (this.#entity.canary?.decision !== canary.decision) return;
    if (decision === 'advance') this.#entity.advance(reason);
    if (decision === 'rollback') this.#entity.rollBack({ by: 'canary', why: reason });
  }
}
