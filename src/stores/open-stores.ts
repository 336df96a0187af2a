import type { ArtifactStore } from './artifact-store.ts';
import { FileStore } from './file-store.ts';
import { artifactsFolder, datasetsFolder, deploymentsFolder } from './home.ts';
import { FileRecords, type RecordStore } from './records.ts';

/** The stores of a home folder. This module alone says which implementations are used. */

export function openArtifacts(home: string): ArtifactStore {
  return new FileStore(artifactsFolder(home));
}

/** The dataset versions of each pipeline. */
export function openDatasetRecords(home: string): RecordStore {
  return new FileRecords(datasetsFolder(home));
}

/** The aliases of each deployment. Applications read them as files (`@tuneloop/app/predict`). */
export function openAliasRecords(home: string): RecordStore {
  return new FileRecords(deploymentsFolder(home));
}
