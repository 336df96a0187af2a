import { type Contender, type Selection, selectWinner } from '../core/evaluation/selection.ts';
import type { SelectWinnerInput } from '../core/run/winner-choice.ts';
import { type Dependencies, loadPipeline } from './support/dependencies.ts';
import { readScores } from './support/predictions.ts';

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
