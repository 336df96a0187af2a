import type { LogRow } from '../core/dataset/row.ts';
import type { RowFilter } from '../core/run/source-choice.ts';
import { parseTime } from './timestamp.ts';

/** The facts that a filter needs: they are known before the messages of a call. */
type Filtered = Pick<LogRow, 'timestamp' | 'model' | 'metadata'>;

/**
 * Whether a call lies in the time window, was answered by one of the models and has the metadata that a filter asks for. A call that lacks
 * a required fact stays out. Ratings may come later, so `min_quality` is not looked at here.
 */
export function accepts({ from, to, models, metadata }: RowFilter, row: Filtered): boolean {
  const time = row.timestamp === undefined ? Number.NaN : parseTime(row.timestamp);
  if (from !== undefined && !(time >= parseTime(from))) return false;
  if (to !== undefined && !(time < parseTime(to))) return false;
  if (models !== undefined && (row.model === undefined || !models.includes(row.model))) return false;
  return Object.entries(metadata ?? {}).every(
    ([key, value]) => Object.hasOwn(row.metadata ?? {}, key) && row.metadata?.[key] === value,
  );
}
