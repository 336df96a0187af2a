import type { Dataset } from './dataset.ts';
import type { Plan } from './run-plan.ts';

/** What a run would do. */
export interface PlannedRun {
  dataset: Pick<Dataset, 'summary' | 'text' | 'warnings'>;
  plan: Plan;
}
