import type { DeployedModel } from '../deployment/deployed-model.ts';
import type { LastRun } from '../deployment/deployment.ts';

export interface ProposeWinnerInput extends Omit<LastRun, 'run'> {
  /** The model that should serve; null where the serving model stays. */
  winner: DeployedModel | null;
  /** The champion that the winner was compared with; null for the original prompt. */
  against: string | null;
  why: string;
}
