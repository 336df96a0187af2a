import { ApplicationFailure } from '@temporalio/common';
import type { ArtifactRef } from '../storage/artifact-store.ts';
import { type Dependencies, loadPipeline } from './dependencies.ts';

/** Cancels every job that was created under a key and has not ended; tried again until all of them have. */
export function createCancelJobs(dependencies: Dependencies) {
  return async ({ definition, key }: { definition: ArtifactRef; key: string }): Promise<{ cancelled: string[] }> => {
    const { provider: choice } = await loadPipeline(dependencies, definition);
    const provider = dependencies.connectProvider(choice);
    const jobs = await provider.findJobs(key);
    const pending = jobs.filter(({ state }) => state === 'pending');
    const after = await Promise.all(pending.map(({ id }) => provider.cancelJob(id)));
    const running = after.filter(({ state }) => state === 'pending');
    if (running.length > 0) {
      throw ApplicationFailure.create({
        message: `not cancelled yet: ${running.map(({ id, status }) => `${id} is ${status}`).join(', ')}`,
        type: 'PROVIDER_UNAVAILABLE',
      });
    }
    return { cancelled: after.map(({ id }) => id) };
  };
}
