/** The money that all runs have spent and hold back in one month, in USD. */
export interface MonthlySpending {
  spentUsd: number;
  reservedUsd: number;
}
