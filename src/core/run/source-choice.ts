/**
 * Where a pipeline takes its log from, checked by `config/source.ts`. `sources/kinds/` lists the kinds of source; each has keys
 * of its own beside these.
 */
export type SourceChoice = {
  type: string;
  /** A file or a glob, absolute once the pipeline was read; only for sources that are made of files. */
  path?: string | undefined;
  filter?: RowFilter | undefined;
  /** A JSONL file or a glob of right answers that came later. */
  actuals?: string | undefined;
  quality?: RatingScale | undefined;
} & Record<string, unknown>;

/** What ratings mean. */
export interface RatingScale {
  /** The key of a row, or the name of a score, that holds the rating. */
  field?: string | undefined;
  /** The worst and the best rating; 0 and 1 where it is absent. */
  scale?: [number, number] | undefined;
  /** On this scale. */
  at_least?: number | undefined;
}

/** The least rating of a row that is taken, from 0 to 1; null where every row is. */
export function leastQuality({ filter, quality }: SourceChoice): number | null {
  if (quality?.at_least === undefined) return filter?.min_quality ?? null;
  return onScale(quality.at_least, quality.scale);
}

/** A rating as a number from 0 to 1; beyond them where it is not on the scale. */
export function onScale(rating: number, [worst, best]: readonly [number, number] = [0, 1]): number {
  return (rating - worst) / (best - worst);
}

/** Which rows are taken. */
export interface RowFilter {
  /** ISO 8601; rows at this time or after it. */
  from?: string | undefined;
  /** ISO 8601; rows before this time. */
  to?: string | undefined;
  models?: string[] | undefined;
  metadata?: Record<string, string> | undefined;
  /** From 0 to 1. */
  min_quality?: number | undefined;
}

/** How the columns of a table are named, where they are not named like the keys of a log row. */
export interface ColumnNames {
  id?: string | undefined;
  timestamp?: string | undefined;
  messages?: string | undefined;
  prompt?: string | undefined;
  completion?: string | undefined;
  actual?: string | undefined;
  quality?: string | undefined;
  model?: string | undefined;
  prompt_tokens?: string | undefined;
  completion_tokens?: string | undefined;
  latency_ms?: string | undefined;
  metadata?: string | undefined;
}
