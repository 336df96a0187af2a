/** The progress of a step of a run; travels as the details of a heartbeat. */
export interface StepProgress {
  step: string;
  rows: number;
  /** The total, where it is known. */
  of: number | null;
}
