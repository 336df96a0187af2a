export const STATISTICS = [
  'label-psi',
  'label-js',
  'word-psi',
  'word-js',
  'length-psi',
  'unknown-words',
  'classifier',
] as const;
export type StatisticName = (typeof STATISTICS)[number];

export interface DriftStatistic {
  name: StatisticName;
  value: number;
  /** Against rows that change sides by chance; of this statistic alone. */
  pValue: number;
}

/** How far new rows differ from old ones. Small, because it travels through a history. */
export interface Drift {
  /** Whether {@link pValue} is at most 0.01. */
  significant: boolean;
  /** That any of the statistics is as unusual as the most unusual one, by chance. */
  pValue: number;
  statistics: DriftStatistic[];
  n: { old: number; new: number };
  /** The figures that matter, in words. */
  text: string;
}
