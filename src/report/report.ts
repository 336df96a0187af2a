import type { IssueCount } from '../core/dataset/issue.ts';
import type { LabelTable } from '../core/dataset/manifest.ts';
import type { ClassificationFigures } from '../core/evaluation/classification.ts';
import type { RunFindings } from '../core/run/run-result.ts';
import type { MetricPoint } from '../core/run/training-metrics.ts';

/**
 * All findings of a run, in the form of `report.json`: the result, and the parts that are too large for a history. It may hold excerpts of
 * rows, so it stays on the disk of the worker, readable by its owner only.
 */
export interface Report extends RunFindings {
  /** The number of this format; it counts up when a key changes its meaning. */
  format: 1;
  /** ISO 8601. */
  createdAt: string;
  curves: Curve[];
  /** The winner's, on the judging rows; null for generation and without a winner. */
  classification: ClassificationFigures | null;
  /** Rows on which winner and baseline differ; null where they were not compared. */
  flips: { gained: Flip[]; lost: Flip[] } | null;
  data: DataFigures;
  /** The price list: its date and source. */
  prices: { date: string; source: string };
}

/** Losses of one job over its steps. */
export interface Curve {
  candidate: string;
  points: MetricPoint[];
  plannedEpochs: number;
  /** The epoch after which it was stopped; null where it trained to its end. */
  stoppedAfterEpoch: number | null;
}

/** A row that the one answers better than the other; texts are cut to a few hundred characters. */
export interface Flip {
  id: string;
  input: string;
  expected: string;
  winner: string;
  baseline: string;
  /** The winner's score minus the baseline's. */
  difference: number;
}

/** The origin and the use of the run's rows. */
export interface DataFigures {
  rowsRead: number;
  /** Issues of rows, under the key that stored reports have. */
  verdicts: IssueCount[];
  labels: LabelTable | null;
  /** Groups of inputs that stay on one side, and the number of those with inputs that are similar but not equal. */
  groups: { all: number; nearDuplicates: number };
  split: { by: 'hash' | 'time'; seed: number };
  redactions: Record<string, number>;
  templateVersions: number;
}

/** Flips that a report shows each way, the largest differences first. */
export const FLIPS_SHOWN = 25;
