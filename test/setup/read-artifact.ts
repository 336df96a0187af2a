import type { ArtifactRef } from '../../src/core/run/artifact-ref.ts';
import type { ArtifactStore } from '../../src/stores/artifact-store.ts';
import { loadJson } from '../../src/stores/stored-objects.ts';

/** The JSON value of an artifact of one line; the test names its type. */
export async function readJson<T>(store: ArtifactStore, ref: ArtifactRef): Promise<T> {
  return (await loadJson(store, ref)) as T;
}

/** The values of an artifact of one JSON value a line; the test names their type. */
export async function readJsonRows<T>(store: ArtifactStore, ref: ArtifactRef): Promise<T[]> {
  const values: T[] = [];
  for await (const row of store.rows(ref)) values.push(JSON.parse(row) as T);
  return values;
}
