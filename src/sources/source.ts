import type { RowIssue } from '../core/dataset/issue.ts';
import type { Actual, LogRow } from '../core/dataset/row.ts';
import type { Cursor } from '../core/run/snapshot.ts';

/** Where production pairs come from. Every implementation keeps the rules of `tuneloop/testing` (`src/testing/sources.ts`). */
export interface Source {
  /**
   * Names of the inputs (files, a table's query, a provider), for people and for the manifest. No credentials.
   *
   * @throws TuneloopError SOURCE_NOT_FOUND if there is nothing to read.
   */
  describe(): Promise<string[]>;
  /**
   * Starts to read the part after a cursor, in the order of the source; `null` reads everything. Memory is bounded by one batch, whatever
   * the size of the source.
   */
  read(since: Cursor | null, signal: AbortSignal): Promise<Reading>;
}

export interface Reading {
  /**
   * Whether everything is read although a cursor was given, because the source has changed since (a file was rewritten, the configuration
   * changed). Rows that were read before are dropped.
   */
  anew: boolean;
  /** @throws TuneloopError SOURCE_UNREADABLE (file, table), PROVIDER_* (stored completions), never with row content. */
  items: AsyncIterable<SourceItem>;
  /** The position that the reading has reached; to be asked for after the last item. */
  cursor(): Cursor;
}

/** A row, a later answer to one, or the issue of a value that could not become a row; `detail` names its keys, never a value. */
export type SourceItem =
  | {
      kind: 'row';
      row: LogRow;
      issues: RowIssue[];
      details?: IssueDetails /** Of the record, where it is from a file. */;
      format?: string;
    }
  | { kind: 'actual'; actual: Actual; issues: RowIssue[]; details?: IssueDetails }
  | { kind: 'refused'; issue: RowIssue; place: Place; detail?: string };

/** The keys that an issue was found in, and what was found there; never a value. */
type IssueDetails = Partial<Record<RowIssue, string>>;

/** The place of a row, for messages. */
export interface Place {
  /** Name of the file, without the folders that all files of a glob share; absent where rows come from no file. */
  file?: string;
  line: number;
}
