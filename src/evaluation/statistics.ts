/** The arithmetic mean; 0 for no values. */
export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * The smallest value that at least a share `p` of the values do not exceed (nearest-rank percentile, which is always
 * one of the values); 0 for no values.
 *
 * @param p in (0, 1].
 */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  // 0.07 * 100 is 7.000000000000001 in floating point: what is a whole rank but for rounding is that rank.
  return sorted[Math.max(0, Math.ceil(p * sorted.length - 1e-9) - 1)] ?? 0;
}
