import { MANIFEST } from '../contract/stored/manifest.ts';
import { SNAPSHOT } from '../contract/stored/snapshot.ts';
import type { Manifest } from '../core/dataset/manifest.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import type { Dataset } from '../core/run/dataset.ts';
import type { Pipeline } from '../core/run/pipeline.ts';
import type { SnapshotRef } from '../core/run/snapshot.ts';
import { inputsOf } from '../data/prepare/dataset-inputs.ts';
import { prepareDataset } from '../data/prepare/prepare-dataset.ts';
import { droppedRows } from '../data/split/manifest.ts';
import { DatasetVersions } from '../stores/dataset-versions.ts';
import { ErasedRows } from '../stores/erased-rows.ts';
import { loadStored } from '../stores/stored-objects.ts';
import type { PlanningStep } from './planning-step.ts';

/**
 * Makes the next dataset version from a snapshot. If nothing has changed, the latest version is the result.
 *
 * @param scratch gives the work a folder of its own, and removes it afterwards
 */
export async function makeVersion(
  pipeline: Pipeline,
  { ref: snapshotRef }: SnapshotRef,
  { artifacts, home, signal, onProgress }: Omit<PlanningStep, 'connectProvider'>,
  scratch: <Result>(work: (folder: string) => Promise<Result>) => Promise<Result>,
): Promise<Dataset> {
  const snapshot = await loadStored(SNAPSHOT, artifacts, snapshotRef);
  const versions = new DatasetVersions(home);
  const latest = await versions.latest(pipeline.name);
  const parent = latest && {
    number: latest.number,
    ref: latest.manifest,
    manifest: await loadStored(MANIFEST, artifacts, latest.manifest),
  };
  const inputs = await inputsOf(pipeline, snapshotRef);
  // A second attempt, or a log without new rows.
  if (parent?.manifest.inputs === inputs) return datasetOf(parent.manifest, parent.ref);

  return scratch(async (folder) => {
    const { manifest, ref } = await prepareDataset({
      artifacts,
      pipeline,
      snapshot,
      snapshotRef,
      inputs,
      parent,
      erased: await ErasedRows.read(home),
      scratch: folder,
      signal,
      onProgress: (step, rows = 0) => onProgress(step, rows, snapshot.rows),
    });
    await versions.append(pipeline.name, parent?.number ?? 0, ref);
    return datasetOf(manifest, ref);
  });
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
