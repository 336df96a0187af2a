import { Context } from '@temporalio/activity';

/** How far a step of a run has come; travels as the details of a heartbeat. */
export interface StepProgress {
  step: string;
  rows: number;
  /** How many there are in all, where that is known. */
  of: number | null;
}

const latest = new WeakMap<Context, StepProgress>();

export function reportStep(step: string, rows = 0, of: number | null = null): void {
  const context = Context.current();
  const progress = { step, rows, of };
  latest.set(context, progress);
  context.heartbeat(progress);
}

/** A sign of life that repeats what was reported last. */
export function heartbeat(context: Context): void {
  context.heartbeat(latest.get(context));
}
