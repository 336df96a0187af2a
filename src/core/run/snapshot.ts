import type { IssueCount } from '../dataset/issue.ts';
import type { ArtifactRef } from './artifact-ref.ts';

/** Names a snapshot, and holds the figures that a history shows of it. */
export interface SnapshotRef {
  ref: ArtifactRef;
  rows: number;
  /** Rows that no earlier dataset version had. */
  newRows: number;
}

/** The log as it was when the run read it: the segments of earlier runs, and the rows since. */
export interface Snapshot {
  names: string[];
  rows: number;
  /** One `LogRow` a line, the oldest segment first. */
  segments: ArtifactRef[];
  /** One `Actual` a line. */
  actuals: ArtifactRef[];
  /** Issues of the rows of all segments, under the key that stored snapshots have. */
  verdicts: IssueCount[];
  /** The position from which the next run reads on. */
  cursor: Cursor;
}

/** Plain JSON, which only the source understands. It holds positions and hashes, never rows or credentials. */
export type Cursor = { readonly type: string } & Record<string, unknown>;
