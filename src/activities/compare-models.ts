import { type Comparison, compareScores } from '../core/evaluation/comparison.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import { type Dependencies, loadPipeline } from './support/dependencies.ts';
import { pairScores, readScores } from './support/predictions.ts';

export interface CompareModelsInput {
  definition: ArtifactRef;
  /** Predictions of the winner. */
  winner: ArtifactRef;
  /** Predictions of the others, on the same rows; null for one without any. */
  others: (ArtifactRef | null)[];
  /** The number of contenders that these same rows chose among: 1 where other rows did. */
  chosenAmong: number;
}

/** Compares the winner with each of the others on the rows that both have a score for; null where there are none. */
export function createCompareModels(dependencies: Dependencies) {
  return async ({ definition, winner, others, chosenAmong }: CompareModelsInput): Promise<(Comparison | null)[]> => {
    const { selection } = await loadPipeline(dependencies, definition);
    const { artifacts } = dependencies;
    const scores = await readScores(artifacts, winner);
    return Promise.all(
      others.map(async (other) => {
        if (!other) return null;
        const { first, second } = pairScores(scores, await readScores(artifacts, other));
        return first.length === 0 ? null : compareScores(first, second, selection.margin, chosenAmong);
      }),
    );
  };
}
