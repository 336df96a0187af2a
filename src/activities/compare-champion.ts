import { createHash } from 'node:crypto';
import { MANIFEST } from '../contract/stored/manifest.ts';
import { EXAMPLE } from '../contract/stored/rows.ts';
import { type Comparison, compareScores } from '../core/evaluation/comparison.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import { canonicalInput } from '../data/split/near-duplicates.ts';
import type { ArtifactStore } from '../stores/artifact-store.ts';
import { loadLines, loadStored } from '../stores/stored-objects.ts';
import { type Dependencies, loadPipeline } from './support/dependencies.ts';
import { pairScores, readScores } from './support/predictions.ts';
import { reportStep } from './support/step-progress.ts';

export interface CompareChampionInput {
  definition: ArtifactRef;
  /** The rows that both have answered. */
  examples: ArtifactRef;
  /** Predictions on them. */
  winner: ArtifactRef;
  champion: ArtifactRef;
  /** The dataset version that the champion was trained on. */
  championManifest: ArtifactRef;
  /** The number of contenders that these same rows chose among: 1 where other rows did. */
  chosenAmong: number;
}

const HEARTBEAT_ROWS = 5000;

/**
 * The winner against the champion on the rows that neither was trained on, nor chosen by. Usually these are all rows, because rows never
 * change sides; but under another seed, or with a split by time, rows of the champion's training may judge now. Rows are compared by their
 * inputs, after redaction. Null where no row is left.
 */
export function createCompareChampion(dependencies: Dependencies) {
  return async (input: CompareChampionInput): Promise<Comparison | null> => {
    const { artifacts } = dependencies;
    const { selection } = await loadPipeline(dependencies, input.definition);
    const { examples } = await loadStored(MANIFEST, artifacts, input.championManifest);
    const seen = new Set<string>();
    for (const side of [examples.train, examples.validation]) {
      for await (const key of inputKeys(artifacts, side)) seen.add(key);
    }
    const untouched = new Map<number, number>();
    const scores = await readScores(artifacts, input.winner);
    let index = 0;
    for await (const key of inputKeys(artifacts, input.examples)) {
      const score = scores.get(index);
      if (score !== undefined && !seen.has(key)) untouched.set(index, score);
      index += 1;
    }
    const { first, second } = pairScores(untouched, await readScores(artifacts, input.champion));
    return first.length === 0 ? null : compareScores(first, second, selection.margin, input.chosenAmong);
  };
}

async function* inputKeys(artifacts: ArtifactStore, examples: ArtifactRef): AsyncGenerator<string> {
  let rows = 0;
  for await (const { input } of loadLines(EXAMPLE, artifacts, examples)) {
    rows += 1;
    if (rows % HEARTBEAT_ROWS === 0) reportStep('compare with the champion', rows, examples.rows);
    yield createHash('sha256').update(canonicalInput(input)).digest('base64').slice(0, 22);
  }
}
