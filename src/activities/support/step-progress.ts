import { Context } from '@temporalio/activity';
import type { StepProgress } from '../../core/run/step-progress.ts';
import type { StepControl } from '../../planning/planning-step.ts';

const latest = new WeakMap<Context, StepProgress>();

export function reportStep(step: string, rows = 0, of: number | null = null): void {
  const context = Context.current();
  const progress = { step, rows, of };
  latest.set(context, progress);
  context.heartbeat(progress);
}

/** A heartbeat that repeats the last report. */
export function heartbeat(context: Context): void {
  context.heartbeat(latest.get(context));
}

/** The calling activity as a step sees it. */
export function stepControl(): StepControl {
  return { signal: Context.current().cancellationSignal, onProgress: reportStep };
}
