import type { Job, JobIdentity, Provider } from '../providers/provider.ts';
import type { Dependencies } from './dependencies.ts';

/**
 * Of all jobs of one identity keeps the oldest and cancels the others that have not ended. There are others only where a
 * job had been missing from the provider's list for longer than anybody waits for it.
 *
 * @param known the job that the caller knows of, which the list may not show yet.
 * @returns the one that is kept.
 */
export async function cancelExtras(
  { log }: Dependencies,
  provider: Provider,
  identity: JobIdentity,
  known: Job,
): Promise<Job> {
  const listed = await provider.findJobs(identity);
  const [kept = known, ...extras] = listed;
  for (const { id, state } of extras) {
    if (state === 'pending') await provider.cancelJob(id);
    log.warn({ kept: kept.id, extra: id, state }, 'a job existed twice: the younger one was cancelled');
  }
  return kept;
}
