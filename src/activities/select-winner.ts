import { type Contender, type Selection, selectWinner } from '../core/evaluation/selection.ts';
import type { ArtifactRef } from '../stores/artifact-store.ts';
import { type Dependencies, loadPipeline } from './support/dependencies.ts';
import { readScores } from './support/predictions.ts';

export interface SelectWinnerInput {
  definition: ArtifactRef;
  /** Each with its predictions on the validation rows. */
  contenders: (Omit<Contender, 'scores'> & { predictions: ArtifactRef })[];
}

/** Chooses the winner by the scores of all contenders, row by row. */
export function createSelectWinner(dependencies: Dependencies) {
  return async ({ definition, contenders }: SelectWinnerInput): Promise<Selection> => {
    const { selection } = await loadPipeline(dependencies, definition);
    const scored: Contender[] = [];
    for (const { predictions, ...contender } of contenders) {
      scored.push({ ...contender, scores: [...(await readScores(dependencies.artifacts, predictions)).values()] });
    }
    return selectWinner(scored, selection);
  };
}
