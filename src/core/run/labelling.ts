import type { PauseReason } from './pause-reason.ts';

/** The progress of a labelling. */
export interface LabellingProgress {
  stage: 'read' | 'ask' | 'keep' | 'done';
  /** Null while the labelling runs. */
  paused: PauseReason | null;
  /** Rows that the teacher is asked for; null until they are known. */
  rows: number | null;
}

/** The answers that were added to the file of right answers. */
export interface KeptAnswers {
  /** Rows that have an answer now. */
  labelled: number;
  /** Answers that were rejected, because they are empty, cut off, a refusal, or no label of the log. */
  doubtful: number;
  /** The file of the answers. */
  file: string;
}

/** The result of asking the teacher. */
export interface LabelledRows {
  /** Rows that were not asked for. */
  left: number;
  /** Null where no price is known. */
  spentUsd: number | null;
  /** Why rows are left; null where no row is left. */
  stopped: string | null;
}

/** The result of a labelling. */
export interface LabellingResult extends KeptAnswers {
  /** Rows without an answer that the teacher was not asked for, because of the limit or the budget. */
  left: number;
  /** Rows without an answer that are left to people, because the teacher's answer was rejected, now or before. */
  forPeople: number;
  /** Null where no price is known. */
  spentUsd: number | null;
  /** Why some rows were not asked for within the limit; null where all were. */
  stopped: string | null;
}
