/** Where a pipeline takes its log from, checked by `config/source.ts`. */
export type SourceChoice = (
  | { type: 'jsonl' | 'langfuse'; path: string }
  | { type: 'csv'; path: string; columns: ColumnNames }
  | {
      type: 'postgres';
      /** Name of the environment variable that holds the address of the database. */
      urlEnv: string;
      query: string;
      cursor?: string | undefined;
      columns: ColumnNames;
    }
  | { type: 'stored-completions' }
) & {
  filter?: RowFilter | undefined;
  /** A JSONL file or a glob of right answers that came later. */
  actuals?: string | undefined;
};

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
