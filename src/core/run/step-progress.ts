/** How far a step of a run has come; travels as the details of a heartbeat. */
export interface StepProgress {
  step: string;
  rows: number;
  /** How many there are in all, where that is known. */
  of: number | null;
}
