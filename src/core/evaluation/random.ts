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
