import type { Metrics } from '../engine.ts';

/** What an event of a job says about a training step. */
export function stepMessage(metrics: Metrics): string {
  const parts = [`training loss=${metrics.train_loss.toFixed(2)}`];
  if (metrics.valid_loss !== undefined) parts.push(`validation loss=${metrics.valid_loss.toFixed(2)}`);
  if (metrics.full_valid_loss !== undefined) parts.push(`full validation loss=${metrics.full_valid_loss.toFixed(2)}`);
  return `Step ${metrics.step}/${metrics.total_steps}: ${parts.join(', ')}`;
}

/** The result file of a job, in OpenAI's columns; empty where there was no validation. */
export function resultCsv(rows: readonly Metrics[]): string {
  const lines = rows.map((metrics) =>
    [
      metrics.step,
      metrics.train_loss,
      metrics.train_mean_token_accuracy,
      metrics.full_valid_loss ?? metrics.valid_loss ?? '',
      metrics.full_valid_mean_token_accuracy ?? metrics.valid_mean_token_accuracy ?? '',
    ].join(','),
  );
  return `step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n${lines.join('\n')}\n`;
}
