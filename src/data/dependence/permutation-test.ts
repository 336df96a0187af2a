import { randomBits, spread } from '@tuneloop/app/internal/shared/random';

/** A figure that is large where answers depend on a part of the prompt. */
export interface Statistic {
  /** What it compares, for people. */
  name: string;
  /** @param order for each row the row whose part of the prompt it is given. */
  of(order: Uint32Array): number;
  /** The greatest value that it can reach; the strength of a dependence is measured by it. */
  most: number;
}

export interface PermutationResult {
  /** Share of the random orders in which the parts fit the answers as well as they really do; never 0. */
  p: number;
  /** The statistic that stands out most. */
  by: string;
  /** How much of what it could reach the statistic reaches beyond chance, 0 to 1. */
  strength: number;
}

/** Orders from which the mean and the spread by chance are taken. */
const PILOT = 60;
/** With this many orders as good as the real one, it is certain enough that there is no dependence. */
const ENOUGH_AS_GOOD = 8;
const SEED = 20_261;

/**
 * Compares statistics with those of random orders of the parts within each stratum. The greatest of the standardized statistics counts
 * (Westfall and Young 1993), so that looking at many traits does not find more by chance than looking at one.
 */
export function permutationTest(
  statistics: readonly Statistic[],
  strata: Uint16Array,
  orders: number,
): PermutationResult {
  const shuffler = new Shuffler(strata);
  const real = Uint32Array.from(strata, (_, row) => row);
  const observed = statistics.map((statistic) => statistic.of(real));
  const moments = statistics.map(() => ({ sum: 0, squares: 0 }));
  for (let round = 0; round < PILOT; round += 1) {
    const order = shuffler.next();
    statistics.forEach((statistic, index) => {
      const value = statistic.of(order);
      const moment = moments[index];
      if (!moment) return;
      moment.sum += value;
      moment.squares += value * value;
    });
  }
  const spreads = moments.map(({ sum, squares }) => {
    const mean = sum / PILOT;
    return { mean, deviation: Math.sqrt(Math.max(0, squares / PILOT - mean * mean)) };
  });
  const greatest = (values: readonly number[]) => {
    let best = { at: -1, z: 0 };
    values.forEach((value, at) => {
      const { mean = 0, deviation = 0 } = spreads[at] ?? {};
      const z = deviation < 1e-9 ? 0 : (value - mean) / deviation;
      if (z > best.z) best = { at, z };
    });
    return best;
  };
  const found = greatest(observed);
  let asGood = 0;
  let done = 0;
  while (done < orders && asGood < ENOUGH_AS_GOOD) {
    const order = shuffler.next();
    if (greatest(statistics.map((statistic) => statistic.of(order))).z >= found.z) asGood += 1;
    done += 1;
  }
  const most = statistics[found.at]?.most ?? 0;
  const beyond = (observed[found.at] ?? 0) - (spreads[found.at]?.mean ?? 0);
  return {
    p: (asGood + 1) / (done + 1),
    by: statistics[found.at]?.name ?? '',
    strength: most > 0 ? Math.max(0, Math.min(1, beyond / most)) : 0,
  };
}

/** Random orders that leave each row in its stratum. */
class Shuffler {
  readonly #bits = randomBits(spread(SEED));
  readonly #members: Uint32Array[];
  readonly #order: Uint32Array;

  constructor(strata: Uint16Array) {
    this.#members = [...Map.groupBy(strata.keys(), (row) => strata[row] ?? 0).values()].map((rows) =>
      Uint32Array.from(rows),
    );
    this.#order = new Uint32Array(strata.length);
  }

  /** The same array each time, with other contents. */
  next(): Uint32Array {
    for (const rows of this.#members) {
      const given = rows.slice();
      for (let last = given.length - 1; last > 0; last -= 1) {
        const place = (this.#bits() >>> 0) % (last + 1);
        const kept = given[last] ?? 0;
        given[last] = given[place] ?? 0;
        given[place] = kept;
      }
      rows.forEach((row, index) => {
        this.#order[row] = given[index] ?? row;
      });
    }
    return this.#order;
  }
}
