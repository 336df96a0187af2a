import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { Context } from '@temporalio/activity';
import { MANIFEST } from '../contract/stored/manifest.ts';
import { SNAPSHOT } from '../contract/stored/snapshot.ts';
import type { Manifest } from '../core/dataset/manifest.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import type { Dataset } from '../core/run/dataset.ts';
import type { SnapshotRef } from '../core/run/snapshot.ts';
import { inputsOf } from '../data/prepare/dataset-inputs.ts';
import { prepareDataset } from '../data/prepare/prepare-dataset.ts';
import { droppedRows } from '../data/split/manifest.ts';
import { DatasetVersions } from '../stores/dataset-versions.ts';
import { ErasedRows } from '../stores/erased-rows.ts';
import { runFolder } from '../stores/run-folder.ts';
import { loadStored } from '../stores/stored-objects.ts';
import { currentWorkflowId, type Dependencies, loadPipeline } from './support/dependencies.ts';
import { reportStep } from './support/step-progress.ts';

/** Makes the next dataset version from a snapshot. If nothing has changed, the latest version is the result. */
export function createPrepare(dependencies: Dependencies) {
  const { artifacts, home } = dependencies;
  return async (input: { definition: ArtifactRef; snapshot: SnapshotRef }): Promise<Dataset> => {
    const pipeline = await loadPipeline(dependencies, input.definition);
    const snapshot = await loadStored(SNAPSHOT, artifacts, input.snapshot.ref);
    const versions = new DatasetVersions(home);
    const latest = await versions.latest(pipeline.name);
    const parent = latest && {
      number: latest.number,
      ref: latest.manifest,
      manifest: await loadStored(MANIFEST, artifacts, latest.manifest),
    };
    const inputs = await inputsOf(pipeline, input.snapshot.ref);
    // A second attempt, or a log without new rows.
    if (parent?.manifest.inputs === inputs) return datasetOf(parent.manifest, parent.ref);

    return inScratchFolder(home, async (scratch) => {
      const { manifest, ref } = await prepareDataset({
        artifacts,
        pipeline,
        snapshot,
        snapshotRef: input.snapshot.ref,
        inputs,
        parent,
        erased: await ErasedRows.read(home),
        scratch,
        signal: Context.current().cancellationSignal,
        onProgress: (step, rows = 0) => reportStep(step, rows, snapshot.rows),
      });
      await versions.append(pipeline.name, parent?.number ?? 0, ref);
      return datasetOf(manifest, ref);
    });
  };
}

function datasetOf(manifest: Manifest, ref: ArtifactRef): Dataset {
  const { counts, files, tokens, examples, warnings } = manifest;
  const dropped = droppedRows(manifest.verdicts);
  return {
    summary: { version: ref.sha256.slice(0, 16), ...counts, dropped },
    manifest: ref,
    template: manifest.template.ref,
    examples,
    files,
    tokens,
    warnings,
    text: `${counts.train} examples to train on, ${counts.validation} to choose, ${counts.test} to judge; ${dropped} rows dropped`,
  };
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
