import { SIDE_CODES } from '../../core/dataset/side.ts';

/** Groups of one label; all groups, where labels do not count. */
export interface Stratum {
  /** Known and new groups. */
  size: number;
  /** Known groups by side code. */
  held: [number, number, number, number];
  /** The new ones, as a range of the ranked groups. */
  from: number;
  to: number;
}

/** What a stratum may give to a side. */
interface Claim {
  size: number;
  /** Groups that are on this side already. */
  held: number;
  /** New groups that it may take. */
  free: number;
  /** Groups that judge already: of labels with equal claims those come first that have few of them. */
  judged: number;
}

/** Each label keeps a group to train on. */
export function claimOf(side: 2 | 3, tested = 0): (stratum: Stratum) => Claim {
  return ({ size, held, from, to }) => ({
    size,
    held: held[side],
    free: Math.max(0, to - from - tested - (held[SIDE_CODES.train] === 0 ? 1 : 0)),
    judged: side === SIDE_CODES.test ? 0 : held[SIDE_CODES.test] + tested,
  });
}

/**
 * How many new groups of each stratum go to a side, so that the side gets its share of all (at least one group) and
 * every stratum gives in proportion, by largest remainder. Of the free groups the side takes at most `freeShare`, so
 * that it leaves some for the other.
 */
export function shareOut(claims: readonly Claim[], share: number, freeShare: number): number[] {
  if (share === 0) return claims.map(() => 0);
  const sum = (countOf: (claim: Claim, index: number) => number) =>
    claims.reduce((total, claim, index) => total + countOf(claim, index), 0);
  const wanted = Math.max(
    1,
    Math.min(
      Math.round(sum(({ size }) => size) * share),
      sum(({ held }) => held) + Math.floor(sum(({ free }) => free) * freeShare),
    ),
  );
  const counts = claims.map(({ size, held, free }) => Math.min(Math.max(Math.floor(size * share), held), held + free));
  let missing = wanted - sum((_, index) => counts[index] ?? 0);
  const byRemainder = claims
    .map((claim, index) => ({ ...claim, index, remainder: claim.size * share - (counts[index] ?? 0) }))
    .toSorted((a, b) => b.remainder - a.remainder || a.judged - b.judged || a.index - b.index);
  while (missing > 0) {
    const before = missing;
    for (const { index, held, free } of byRemainder) {
      const count = counts[index] ?? 0;
      if (missing > 0 && count < held + free) {
        counts[index] = count + 1;
        missing -= 1;
      }
    }
    if (missing === before) break;
  }
  return claims.map(({ held }, index) => (counts[index] ?? 0) - held);
}
