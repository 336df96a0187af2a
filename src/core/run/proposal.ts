import type { DeployedModel } from '../deployment/deployed-model.ts';
import type { LastRun } from '../deployment/deployment.ts';

export interface ProposeWinnerInput extends Omit<LastRun, 'run'> {
  /** What should serve; null where all stays as it is. */
  winner: DeployedModel | null;
  /** The champion that the winner was compared with; null for the original prompt. */
  against: string | null;
  why: string;
}
