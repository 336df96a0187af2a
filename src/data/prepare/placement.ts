import type { RowIssue } from '../../core/dataset/issue.ts';
import { SIDE_CODES, sideCode } from '../../core/dataset/side.ts';
import { compareKeys, KEY_BYTES } from '../rows/row-key.ts';
import { findRepeats, groupsOfSeveral, joinGroups, REPEAT } from '../split/groups.ts';
import type { SideLedger } from '../split/side-ledger.ts';
import { assignSides, type SideOptions } from '../split/sides.ts';
import { isDropped, type JudgedLabels } from './judged-labels.ts';
import type { PreparedRows } from './prepared-rows.ts';

/** The side of each row, or the reason why it has none. */
export interface Placement {
  /** By `SIDE_CODES`; 0 for rows that are left out. */
  sides: Uint8Array;
  /** Why a row is left out. */
  issueOf(row: number): RowIssue | undefined;
  quarantined: number;
  /** Groups that stay on one side, and the number of groups whose inputs are similar but not equal. */
  groups: { all: number; nearDuplicates: number };
}

/** Leaves out repeats and leaks, gives the other rows a side, and notes it in the ledger. */
export function placeRows(
  rows: PreparedRows,
  labels: JudgedLabels,
  ledger: SideLedger,
  { duplicates, ...options }: SideOptions & { duplicates: 'near' | 'exact' | 'keep' },
): Placement {
  const { count, heldOut, keys } = rows;
  const known = new Uint8Array(count);
  for (let row = heldOut; row < count; row += 1) known[row] = ledger.get(keys, row);
  const answers = labels.names.length > 0 ? labels.indices : rows.answers;
  const repeats = findRepeats({ ...rows, answers, known }, heldOut, duplicates);

  const stays = (row: number) =>
    repeats[row] === REPEAT.none && !isDropped(labels.issueOf(row)) && !rows.isEarlierTurn(row);
  const placed: number[] = [];
  for (let row = heldOut; row < count; row += 1) {
    // A row that is left out now, but was on a side, still keeps its group on that side.
    if (stays(row) || known[row] !== 0) placed.push(row);
  }
  const remaining = Uint32Array.from(placed);
  const assigned = assignSides(
    {
      groups: renumbered(joinGroups(rows.groups, rows.userGroups), remaining),
      keys: gatherKeys(keys, remaining),
      labels: remaining.map((row) => labels.indices[row] ?? 0),
      times: Float64Array.from(remaining, (row) => rows.times[row] ?? Number.NaN),
      known: Uint8Array.from(remaining, (row) => known[row] ?? 0),
    },
    options,
  );
  const sides = new Uint8Array(count).fill(SIDE_CODES.test, 0, heldOut);
  let quarantined = 0;
  remaining.forEach((row, position) => {
    if (!stays(row)) return;
    const side = sideCode(assigned.sides[position] ?? 0);
    sides[row] = side;
    if (side === 0) quarantined += 1;
    else ledger.set(keys, row, side);
  });
  return {
    sides,
    quarantined,
    groups: { all: assigned.groups, nearDuplicates: countAlike(rows) },
    issueOf: (row) => {
      if (sides[row] !== 0) return undefined;
      const label = labels.issueOf(row);
      if (isDropped(label)) return label;
      if (rows.isEarlierTurn(row)) return 'earlier-turn';
      return REPEAT_ISSUES.get(repeats[row] ?? 0) ?? 'quarantined';
    },
  };
}

const REPEAT_ISSUES: ReadonlyMap<number, RowIssue> = new Map<number, RowIssue>([
  [REPEAT.exact, 'exact-duplicate'],
  [REPEAT.near, 'near-duplicate'],
  [REPEAT.inTestFile, 'in-test-file'],
]);

/** Groups in the numbers of the remaining rows: the first remaining row names a group. */
function renumbered(groups: Uint32Array, remaining: Uint32Array): Uint32Array {
  const firsts = new Map<number, number>();
  return remaining.map((row, position) => {
    const group = groups[row] ?? row;
    const first = firsts.get(group) ?? position;
    if (first === position) firsts.set(group, position);
    return first;
  });
}

/** Groups whose inputs are not all equal. */
function countAlike({ groups, keys }: PreparedRows): number {
  let count = 0;
  for (const members of groupsOfSeveral(groups)) {
    const [first = 0] = members;
    if (members.some((row) => compareKeys(keys, row, first) !== 0)) count += 1;
  }
  return count;
}

function gatherKeys(keys: Uint8Array, rows: Uint32Array): Uint8Array {
  const gathered = new Uint8Array(rows.length * KEY_BYTES);
  rows.forEach((row, position) => {
    gathered.set(keys.subarray(row * KEY_BYTES, (row + 1) * KEY_BYTES), position * KEY_BYTES);
  });
  return gathered;
}
