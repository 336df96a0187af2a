/** 32 random bits a call, the same sequence for the same seed (G. Marsaglia 2003, xorshift). Not for secrets. */
export function randomBits(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state;
  };
}

/** As {@link randomBits}, but numbers at or over 0 and under 1. */
export function randomShares(seed: number): () => number {
  const bits = randomBits(seed);
  return () => (bits() >>> 0) / 2 ** 32;
}

/**
 * Spreads numbers over 32 bits, at or over 0 (A. Appleby 2011, the last step of MurmurHash3). Numbers that count up need it
 * before they are seeds: the first random bits of the seeds 1 and 2 are nearly the same.
 */
export function spread(number: number): number {
  let mixed = number ^ (number >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** Puts values into a random order, in place (Fisher-Yates). */
export function shuffle<Values extends Uint8Array | Uint32Array>(values: Values, bits: () => number): Values {
  for (let last = values.length - 1; last > 0; last -= 1) {
    const place = (bits() >>> 0) % (last + 1);
    const kept = values[last] ?? 0;
    values[last] = values[place] ?? 0;
    values[place] = kept;
  }
  return values;
}
