import type { Dataset } from './dataset.ts';
import type { Plan } from './run-plan.ts';

/** The plan of a run before it starts. */
export interface PlannedRun {
  dataset: Pick<Dataset, 'summary' | 'text' | 'warnings'>;
  plan: Plan;
}
