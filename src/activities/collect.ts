import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import type { SnapshotRef } from '../core/run/snapshot.ts';
import { collectLog } from '../planning/collect-log.ts';
import { type Dependencies, loadPipeline } from './support/dependencies.ts';
import { stepControl } from './support/step-progress.ts';

/** Reads the new rows of the log. */
export function createCollect(dependencies: Dependencies) {
  return async ({ definition }: { definition: ArtifactRef }): Promise<SnapshotRef> =>
    collectLog(await loadPipeline(dependencies, definition), { ...dependencies, ...stepControl() });
}
