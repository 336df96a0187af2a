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
} & Record<string, unknown>;

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
