import type { Contender } from '../evaluation/selection.ts';
import type { ArtifactRef } from './artifact-ref.ts';

export interface SelectWinnerInput {
  definition: ArtifactRef;
  /** Each with its predictions on the validation rows. */
  contenders: (Omit<Contender, 'scores'> & { predictions: ArtifactRef })[];
}
