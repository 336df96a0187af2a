import { lstat } from 'node:fs/promises';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import { TuneloopError } from '../errors.ts';
import type { ArtifactStore } from '../stores/artifact-store.ts';
import { readErasureMark } from '../stores/erased-artifacts.ts';
import { artifactFile } from '../stores/home.ts';
import type { ArtifactState } from './model-lineage.ts';

const HASH = /^[0-9a-f]{64}$/;

/**
 * The states of artifacts, by hash.
 *
 * @param verify whether their bytes are read and hashed; otherwise only their size is checked.
 */
export async function artifactStates(
  home: string,
  artifacts: ArtifactStore,
  refs: readonly ArtifactRef[],
  { verify, onRead }: { verify: boolean; onRead: (ref: ArtifactRef) => void },
): Promise<Map<string, ArtifactState>> {
  const states = new Map<string, ArtifactState>();
  for (const ref of refs) {
    if (states.has(ref.sha256)) continue;
    const bytes = await sizeOf(home, ref);
    if (bytes === null) states.set(ref.sha256, (await isErased(home, ref)) ? 'erased' : 'missing');
    else if (bytes !== ref.bytes) states.set(ref.sha256, 'damaged');
    else if (!verify) states.set(ref.sha256, 'there');
    else {
      onRead(ref);
      states.set(ref.sha256, (await isIntact(artifacts, ref)) ? 'intact' : 'damaged');
    }
  }
  return states;
}

/** Null where there is no such plain file. */
async function sizeOf(home: string, { sha256 }: ArtifactRef): Promise<number | null> {
  if (!HASH.test(sha256)) return null;
  const found = await lstat(artifactFile(home, sha256)).catch(() => null);
  return found?.isFile() ? found.size : null;
}

async function isErased(home: string, { sha256 }: ArtifactRef): Promise<boolean> {
  return HASH.test(sha256) && (await readErasureMark(artifactFile(home, sha256))) !== null;
}

async function isIntact(artifacts: ArtifactStore, ref: ArtifactRef): Promise<boolean> {
  try {
    await artifacts.file(ref);
    return true;
  } catch (error) {
    if (error instanceof TuneloopError && error.code === 'ARTIFACT_CORRUPT') return false;
    throw error;
  }
}
