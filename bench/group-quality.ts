import { canonicalInput, SIMILARITY, similarity } from '../src/data/split/near-duplicates.ts';
import type { DataRow } from './data-rows.ts';

export interface GroupQuality {
  /** Pairs of a row and the one it was made from whose similarity is 0.8 or more, computed exactly. */
  pairs: number;
  /** Share of these pairs whose rows are in one group. */
  recall: number;
  /** Share of the rows in a group with an earlier row that come from the same original as the group's first row. */
  precision: number;
}

/**
 * How well groups fit the rows that they were made of.
 *
 * @param groups for each row the first row of its group.
 */
export function groupQuality(groups: ArrayLike<number>, rows: Iterable<DataRow>): GroupQuality {
  const originals = new Uint32Array(groups.length);
  let [number, pairs, found, joined, right] = [0, 0, 0, 0, 0];
  for (const { input, original, originalInput } of rows) {
    originals[number] = original;
    const first = groups[number] ?? number;
    if (first !== number) {
      joined += 1;
      if (originals[first] === original) right += 1;
    }
    if (original !== number && similarity(canonicalInput(input), canonicalInput(originalInput)) >= SIMILARITY) {
      pairs += 1;
      if (first === groups[original]) found += 1;
    }
    number += 1;
  }
  return { pairs, recall: pairs === 0 ? 1 : found / pairs, precision: joined === 0 ? 1 : right / joined };
}
