import type { Job, Training } from '../../providers/training.ts';
import type { Dependencies } from './dependencies.ts';

/**
 * Keeps one of all jobs of an identity and cancels the others that have not ended. Others exist only if a job was missing from the
 * provider's list for longer than the settling time.
 */
export async function cancelExtras(
  { log }: Dependencies,
  training: Training,
  jobs: readonly Job[],
  keep: string,
): Promise<void> {
  for (const { id, state } of jobs) {
    if (id === keep) continue;
    if (state === 'pending') await training.cancelJob(id);
    log.warn({ kept: keep, extra: id, state }, 'a job exists twice; the extra one is cancelled unless it has ended');
  }
}
