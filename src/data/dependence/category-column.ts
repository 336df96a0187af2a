/** A trait of each row as a small whole number, so that rows can be counted by it. */
export interface CategoryColumn {
  /** What the trait is, for people. */
  name: string;
  /** The number of each row's category, from 0. */
  codes: Uint16Array;
  categories: number;
}

/** With more categories than this, the rarest are counted as one. */
const MOST_CATEGORIES = 16;

/** Numbers the categories of a trait, the most frequent first. Undefined where all rows have the same one. */
export function categoryColumn(
  name: string,
  values: readonly string[],
  most = MOST_CATEGORIES,
): CategoryColumn | undefined {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  if (counts.size < 2) return undefined;
  const frequent = [...counts].sort(([a, rowsOfA], [b, rowsOfB]) => rowsOfB - rowsOfA || (a < b ? -1 : 1));
  const codes = new Map(frequent.slice(0, most).map(([value], code) => [value, code]));
  return {
    name,
    codes: Uint16Array.from(values, (value) => codes.get(value) ?? most),
    categories: Math.min(counts.size, most + 1),
  };
}

/** The quarter of all numbers that each number lies in, as text; unknown numbers have a category of their own. */
export function quarters(numbers: readonly (number | null)[]): string[] {
  const known = numbers.filter((number) => number !== null).sort((a, b) => a - b);
  const bounds = [0.25, 0.5, 0.75].map((share) => known[Math.floor(share * known.length)] ?? 0);
  return numbers.map((number) => (number === null ? 'unknown' : `${bounds.filter((bound) => number >= bound).length}`));
}
