import { setCurrentDetails, upsertMemo, upsertSearchAttributes } from '@temporalio/workflow';
import { CHAMPION, STAGE } from '../../contract/search-attributes.ts';
import type { Deployment } from '../../core/deployment/deployment.ts';
import { type DeploymentRemarks, deploymentStage, renderDeployment } from '../../core/deployment/render.ts';
import type { DeploymentProgress } from '../../core/run/deployment-progress.ts';

/** The state of a deployment in the Web UI. */
export class DeploymentStatus {
  /** The reason why the newest decision has no effect yet; null where it has. */
  trouble: string | null = null;
  /** The state of the serving leases, in words; null without any. */
  serving: string | null = null;
  readonly #entity: Deployment;
  readonly #progress: DeploymentProgress;
  /** Number of the decision whose search attributes were written. */
  #shown: number | null = null;

  constructor(entity: Deployment, progress: DeploymentProgress) {
    this.#entity = entity;
    this.#progress = progress;
  }

  get remarks(): DeploymentRemarks {
    return { canary: this.#progress.canary?.text ?? null, trouble: this.trouble, serving: this.serving };
  }

  show(): void {
    const { state } = this.#entity;
    setCurrentDetails(renderDeployment(state, this.remarks));
    // Once for each decision, because each of these is an event of the history.
    if (this.#shown === state.decision) return;
    this.#shown = state.decision;
    upsertSearchAttributes([
      { key: STAGE, value: deploymentStage(state) },
      { key: CHAMPION, value: state.champion?.model ?? 'original prompt' },
    ]);
    upsertMemo({ decision: state.decisions.at(-1) ?? null });
  }
}
