// biome-ignore lint/correctness/noNodejsModules: hashing is pure; splitting happens in activities only
import { createHmac } from 'node:crypto';
import { TuneloopError } from '../errors.ts';
import { inCodeUnitOrder } from './order.ts';
import type { Example } from './row.ts';

export const SIDES = ['train', 'validation', 'test'] as const;
export type Side = (typeof SIDES)[number];
export type Split = Record<Side, Example[]>;

export interface SplitOptions {
  /** Shares of the groups, 0 to 1, together under 1. */
  validation: number;
  test: number;
  /** Another seed gives another split. */
  seed: number | string;
  /** Whether completions are labels, which every side should hold in the same shares. */
  stratify: boolean;
}

/** Under this many groups a share is taken exactly, by rank; above it, by a threshold that never moves a group. */
const RANKED_GROUPS = 500;

/**
 * Splits examples into sides. Equal inputs (see {@link canonicalText}) form a group and stay on one side. The side
 * follows from a keyed hash of the group, so it depends neither on the order of the rows nor on chance.
 *
 * @throws TuneloopError PIPELINE_INVALID if a share is under 0 or the shares leave nothing to train on.
 */
export function splitExamples(examples: readonly Example[], options: SplitOptions): Split {
  refuseShares(options);
  const groups = [...Map.groupBy(examples, ({ input }) => canonicalText(input))].map(([text, members]) => ({
    members,
    text,
    hash: createHmac('sha256', `tuneloop-split-${options.seed}`).update(text).digest('hex'),
  }));
  const split: Split = { train: [], validation: [], test: [] };
  const put = (side: Side, { members }: Group) => split[side].push(...members);
  if (!options.stratify && groups.length >= RANKED_GROUPS) {
    for (const group of groups) put(sideByThreshold(group, options), group);
  } else {
    const strata = [...Map.groupBy(groups, (group) => (options.stratify ? labelOf(group) : '')).entries()]
      .map(([, stratum]) => stratum.toSorted(byHash))
      // Labels of equal size take turns in an order that the seed decides and the alphabet does not.
      .toSorted(([a], [b]) => (a && b ? byHash(a, b) : 0));
    const sizes = strata.map(({ length }) => length);
    const test = shareOut(sizes, options.test, options.test / (options.test + options.validation));
    const validation = shareOut(sizes, options.validation, 1, test);
    strata.forEach((stratum, index) => {
      const tests = test[index] ?? 0;
      const chosen = tests + (validation[index] ?? 0);
      stratum.forEach((group, rank) => {
        put(rank < tests ? 'test' : rank < chosen ? 'validation' : 'train', group);
      });
    });
  }
  for (const side of SIDES)
    split[side].sort((a, b) => a.line - b.line || inCodeUnitOrder(JSON.stringify(a), JSON.stringify(b)));
  return split;
}

/** Takes out the examples whose input also occurs among rows that are kept for judging. */
export function excludeLeaks(
  examples: readonly Example[],
  heldOut: readonly Example[],
): { examples: Example[]; leaked: Example[] } {
  const judged = new Set(heldOut.map(({ input }) => canonicalText(input)));
  const { kept = [], leaked = [] } = Object.groupBy(examples, ({ input }) =>
    judged.has(canonicalText(input)) ? 'leaked' : 'kept',
  );
  return { examples: kept, leaked };
}

/** The form in which two inputs count as equal: NFKC, case folded, white space collapsed and trimmed. */
export function canonicalText(text: string): string {
  // Upper case first: it unites what lower case keeps apart (ß and ss, the two small sigmas). Folding may leave marks
  // uncomposed, hence the second normalization.
  const folded = PLAIN.test(text)
    ? text.toLowerCase()
    : text.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
  return folded.replace(/\s+/g, ' ').trim();
}

const PLAIN = /^[\x20-\x7e]*$/;

function refuseShares({ validation, test }: SplitOptions): void {
  if (validation >= 0 && test >= 0 && validation + test < 1) return;
  throw new TuneloopError(
    'PIPELINE_INVALID',
    `split.validation is ${validation} and split.test is ${test}: each must be at least 0, and together they must be under 1`,
  );
}

interface Group {
  members: Example[];
  /** The canonical input that the members share. */
  text: string;
  hash: string;
}

/** Texts with lone surrogates may have one hash, because it is taken over UTF-8. */
function byHash(a: Group, b: Group): number {
  if (a.hash !== b.hash) return a.hash < b.hash ? -1 : 1;
  return a.text < b.text ? -1 : 1;
}

function sideByThreshold({ hash }: Group, { validation, test }: SplitOptions): Side {
  const position = Number.parseInt(hash.slice(0, 12), 16) / 2 ** 48;
  if (position < test) return 'test';
  return position < test + validation ? 'validation' : 'train';
}

/** The most frequent answer of a group; of equally frequent ones the first in code unit order. */
function labelOf({ members }: Group): string {
  const counts = [...Map.groupBy(members, ({ completion }) => completion.trim())].map(
    ([label, { length }]) => [label, length] as const,
  );
  return counts.toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0]?.[0] ?? '';
}

/**
 * How many groups of each stratum go to a side, so that the side gets its share of all (at least one group) and every
 * stratum gives in proportion, by largest remainder. Each stratum keeps at least one group to train on; of the groups
 * that are then free the side takes at most `freeShare`, so that it leaves some for the other.
 */
function shareOut(sizes: readonly number[], share: number, freeShare: number, taken: readonly number[] = []): number[] {
  if (share === 0) return sizes.map(() => 0);
  const free = sizes.map((size, index) => Math.max(0, size - (taken[index] ?? 0) - 1));
  const counts = sizes.map((size, index) => Math.min(Math.floor(size * share), free[index] ?? 0));
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const total = Math.max(1, Math.min(Math.round(sum(sizes) * share), Math.floor(sum(free) * freeShare)));
  let missing = total - sum(counts);
  const byRemainder = sizes
    .map((size, index) => ({ index, remainder: (size * share) % 1, taken: taken[index] ?? 0 }))
    // Of labels with equal claims those come first that have given nothing yet: so more labels are judged at all.
    .toSorted((a, b) => b.remainder - a.remainder || a.taken - b.taken || a.index - b.index);
  while (missing > 0) {
    const before = missing;
    for (const { index } of byRemainder) {
      const count = counts[index] ?? 0;
      if (missing > 0 && count < (free[index] ?? 0)) {
        counts[index] = count + 1;
        missing -= 1;
      }
    }
    if (missing === before) break;
  }
  return counts;
}
