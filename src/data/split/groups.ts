/**
 * Groups of rows that must stay on one side. They are given as a column: for each row the number of the first row of its group, so that a
 * row that stands alone names itself.
 */

/** The members of each group of two or more, in ascending order. Linear in the number of rows. */
export function* groupsOfSeveral(groups: Uint32Array): Iterable<Uint32Array> {
  const starts = new Uint32Array(groups.length + 1);
  for (const first of groups) starts[first + 1] = (starts[first + 1] ?? 0) + 1;
  for (let row = 0; row < groups.length; row += 1) starts[row + 1] = (starts[row + 1] ?? 0) + (starts[row] ?? 0);
  const next = starts.slice();
  const members = new Uint32Array(groups.length);
  groups.forEach((first, row) => {
    const position = next[first] ?? 0;
    members[position] = row;
    next[first] = position + 1;
  });
  for (let first = 0; first < groups.length; first += 1) {
    const [from = 0, to = 0] = [starts[first], starts[first + 1]];
    if (to - from > 1) yield members.subarray(from, to);
  }
}

/** Unites the groups of rows that share a value, such as a customer; rows with 0 have none. */
export function joinGroups(groups: Uint32Array, values: Float64Array): Uint32Array {
  const parents = groups.slice();
  const rootOf = (row: number) => {
    let root = row;
    for (let parent = parents[root] ?? root; parent !== root; parent = parents[root] ?? root) root = parent;
    for (let step = row; step !== root; ) {
      const parent = parents[step] ?? root;
      parents[step] = root;
      step = parent;
    }
    return root;
  };
  const firsts = new Map<number, number>();
  values.forEach((value, row) => {
    if (value === 0) return;
    const root = rootOf(row);
    const other = firsts.get(value);
    if (other === undefined) {
      firsts.set(value, root);
      return;
    }
    const [a, b] = [rootOf(other), root];
    // The smaller one, so that a group is still named after its first row.
    parents[Math.max(a, b)] = Math.min(a, b);
  });
  return parents.map((_, row) => rootOf(row));
}

/** The facts that decide which rows of a group stay. */
export const REPEAT = { none: 0, exact: 1, near: 2, inTestFile: 3 } as const;

export interface RepeatColumns {
  groups: Uint32Array;
  /** Hashes: rows with equal inputs (answers) have equal numbers. */
  inputs: Float64Array;
  answers: ArrayLike<number>;
  /** Milliseconds since 1970, NaN where unknown. */
  times: Float64Array;
  /** Not 0 for rows that were in an earlier dataset version. */
  known: Uint8Array;
}

/**
 * Marks, with the values of {@link REPEAT}, the rows to leave out: those in a group with one of the first `heldOut` rows, and, as `drop`
 * says, all but one of those that repeat input and answer (`exact`), or of all with the same answer within a group (`near`). The remaining
 * one is one that was in an earlier version, else the oldest.
 */
export function findRepeats(rows: RepeatColumns, heldOut: number, drop: 'near' | 'exact' | 'keep'): Uint8Array {
  const { groups, inputs, answers, times, known } = rows;
  const marks = new Uint8Array(groups.length);
  const timeOf = (row: number) => {
    const time = times[row];
    return time === undefined || Number.isNaN(time) ? Number.POSITIVE_INFINITY : time;
  };
  const goesFirst = (a: number, b: number) => {
    const [knownA, knownB] = [known[a] !== 0, known[b] !== 0];
    if (knownA !== knownB) return knownA;
    return timeOf(a) === timeOf(b) ? a < b : timeOf(a) < timeOf(b);
  };
  for (const members of groupsOfSeveral(groups)) {
    if ((members[0] ?? heldOut) < heldOut) {
      for (const row of members) if (row >= heldOut) marks[row] = REPEAT.inTestFile;
      continue;
    }
    if (drop === 'keep') continue;
    const kept = new Map<string, number>();
    for (const row of members) {
      const pair = drop === 'near' ? `${answers[row]}` : `${answers[row]} ${inputs[row]}`;
      const other = kept.get(pair);
      if (other === undefined || goesFirst(row, other)) kept.set(pair, row);
    }
    for (const row of members) {
      const pair = drop === 'near' ? `${answers[row]}` : `${answers[row]} ${inputs[row]}`;
      const stays = kept.get(pair);
      if (stays === row || stays === undefined) continue;
      marks[row] = inputs[row] === inputs[stays] ? REPEAT.exact : REPEAT.near;
    }
  }
  return marks;
}
