import type { ProviderChoice } from '../core/run/pipeline.ts';
import type { Provider } from '../providers/provider.ts';
import type { ArtifactStore } from '../stores/artifact-store.ts';

/** What the steps before any payment need from outside. None of them knows Temporal. */
export interface PlanningStep extends StepControl {
  artifacts: ArtifactStore;
  /** TUNELOOP_HOME. */
  home: string;
  connectProvider(choice: ProviderChoice): Provider;
}

/** How a step is stopped, and whom it tells how far it is: Temporal in a worker, the terminal in a command. */
export interface StepControl {
  signal: AbortSignal;
  /** @param of the number of rows; null where it is not known yet */
  onProgress(step: string, rows: number, of: number | null): void;
}
