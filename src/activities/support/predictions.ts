import { PREDICTION, type ScoredPrediction } from '../../contract/stored/prediction.ts';
import type { ArtifactRef } from '../../core/run/artifact-ref.ts';
import type { ArtifactStore } from '../../stores/artifact-store.ts';
import { loadLines } from '../../stores/stored-objects.ts';

/** The predictions of an evaluation, one by one. */
export function readPredictions(artifacts: ArtifactStore, ref: ArtifactRef): AsyncIterable<ScoredPrediction> {
  return loadLines(PREDICTION, artifacts, ref);
}

/** Scores by the position of their row, in the order of the rows. */
export async function readScores(artifacts: ArtifactStore, ref: ArtifactRef): Promise<Map<number, number>> {
  const scores: [number, number][] = [];
  for await (const { index, score } of readPredictions(artifacts, ref)) scores.push([index, score]);
  return new Map(scores.sort(([a], [b]) => a - b));
}

/** The scores of two evaluations on the rows that both have, in the order of the rows. */
export function pairScores(
  first: ReadonlyMap<number, number>,
  second: ReadonlyMap<number, number>,
): { first: number[]; second: number[] } {
  const pairs: { first: number[]; second: number[] } = { first: [], second: [] };
  for (const [index, score] of first) {
    const other = second.get(index);
    if (other === undefined) continue;
    pairs.first.push(score);
    pairs.second.push(other);
  }
  return pairs;
}
