import type { PauseReason } from './pause-reason.ts';

/** How far a labelling has come. */
export interface LabellingProgress {
  stage: 'read' | 'ask' | 'keep' | 'done';
  /** Null while it goes on. */
  paused: PauseReason | null;
  /** Rows that the teacher is asked for; null until they are known. */
  rows: number | null;
}

/** What was added to the file of right answers. */
export interface KeptAnswers {
  /** Rows that have an answer now. */
  labelled: number;
  /** Answers that were kept out, because they are empty, cut off, a refusal, or no label of the log. */
  doubtful: number;
  /** The file of the answers. */
  file: string;
}

/** What came of asking the teacher. */
export interface LabelledRows {
  /** Rows that were not asked for. */
  left: number;
  /** Null where no price is known. */
  spentUsd: number | null;
  /** Why rows are left; null where none is. */
  stopped: string | null;
}

/** What a labelling ends with. */
export interface LabellingResult extends KeptAnswers {
  /** Rows without an answer that nobody was asked for, because of the limit or the budget. */
  left: number;
  /** Rows without an answer that are left to people: what the teacher said about them was kept out, now or before. */
  forPeople: number;
  /** Null where no price is known. */
  spentUsd: number | null;
  /** Why some rows were not asked for although no limit kept them; null where all were. */
  stopped: string | null;
}
