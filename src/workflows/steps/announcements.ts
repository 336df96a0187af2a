import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../../activities/create-activities.ts';
import { NOTIFY } from '../../contract/activity-options.ts';
import { approvalReminder, notificationOf } from '../../core/deployment/announcements.ts';
import type { Deployment } from '../../core/deployment/deployment.ts';
import type { Notification } from '../../core/deployment/notification.ts';
import type { DeploymentProgress } from '../../core/run/deployment-progress.ts';

const { notify } = proxyActivities<Activities>(NOTIFY);

/** The messages of a deployment to people. No step waits for a message, and a lost message changes nothing. */
export class Announcements {
  readonly #entity: Deployment;
  readonly #progress: DeploymentProgress;
  #sending = 0;

  constructor(entity: Deployment, progress: DeploymentProgress) {
    this.#entity = entity;
    this.#progress = progress;
  }

  /** Whether no message is on its way. */
  get idle(): boolean {
    return this.#sending === 0;
  }

  /** The time of the reminder: the middle of the time that a winner waits; null where no winner waits. */
  get reminderAt(): number | null {
    const { deadline, state } = this.#entity;
    const { challenger, policy } = state;
    if (deadline === null || !challenger || !policy || this.#progress.reminded >= challenger.proposedBy) return null;
    return deadline - policy.deadlineMs / 2;
  }

  /** Tells people of the decisions that they have not been told of. */
  tell(): void {
    const { state } = this.#entity;
    const news = state.decisions.filter(({ number }) => number > this.#progress.told);
    this.#progress.told = state.decision;
    for (const decision of news) this.#send(notificationOf(state, decision));
  }

  /** Reminds people of the winner that waits for approval. */
  remind(): void {
    const { state } = this.#entity;
    this.#progress.reminded = state.challenger?.proposedBy ?? 0;
    this.#send(approvalReminder(state, new Date().toISOString()));
  }

  #send(message: Notification | null): void {
    const definition = this.#entity.state.lastRun?.definition;
    if (!message || !definition) return;
    this.#sending += 1;
    notify
      .executeWithOptions({ summary: `${message.type}: ${message.model ?? ''}` }, [{ definition, message }])
      .catch(() => {})
      .finally(() => {
        this.#sending -= 1;
      });
  }
}
