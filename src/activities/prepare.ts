import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { Context } from '@temporalio/activity';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import type { Dataset } from '../core/run/dataset.ts';
import type { SnapshotRef } from '../core/run/snapshot.ts';
import { makeVersion } from '../planning/make-version.ts';
import { runFolder } from '../stores/run-folder.ts';
import { currentWorkflowId, type Dependencies, loadPipeline } from './support/dependencies.ts';
import { stepControl } from './support/step-progress.ts';

/** Makes the next dataset version from a snapshot. */
export function createPrepare(dependencies: Dependencies) {
  return async ({ definition, snapshot }: { definition: ArtifactRef; snapshot: SnapshotRef }): Promise<Dataset> =>
    makeVersion(await loadPipeline(dependencies, definition), snapshot, { ...dependencies, ...stepControl() }, (work) =>
      inScratchFolder(dependencies.home, work),
    );
}

async function inScratchFolder<T>(home: string, work: (folder: string) => Promise<T>): Promise<T> {
  const all = path.join(runFolder(home, currentWorkflowId()), 'scratch');
  await rm(all, { recursive: true, force: true });
  const folder = path.join(all, String(Context.current().info.attempt));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    return await work(folder);
  } finally {
    await rm(all, { recursive: true, force: true });
  }
}
