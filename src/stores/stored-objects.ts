import { readLine, readStored, type StoredKind, type StoredLine, withFormat } from '../contract/stored/format.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import { TuneloopError } from '../errors.ts';
import { type ArtifactStore, writeJson } from './artifact-store.ts';

/** Stores an object of a kind as an artifact of one line, with the number of its format. */
export function saveStored<T extends object>(
  kind: StoredKind<T>,
  artifacts: ArtifactStore,
  content: T,
): Promise<ArtifactRef> {
  return writeJson(artifacts, withFormat(kind, content));
}

/**
 * Reads a stored object of a kind.
 *
 * @throws TuneloopError ARTIFACT_CORRUPT for bytes that are missing or differ from the written ones, STORED_FORMAT for an object that this
 * version cannot read.
 */
export async function loadStored<T>(kind: StoredKind<T>, artifacts: ArtifactStore, ref: ArtifactRef): Promise<T> {
  return readStored(kind, await loadJson(artifacts, ref), ref.uri);
}

/** The JSON value of an artifact of one line, not yet checked. */
export async function loadJson(artifacts: ArtifactStore, ref: ArtifactRef): Promise<unknown> {
  for await (const row of artifacts.rows(ref)) return JSON.parse(row);
  throw new TuneloopError('STORED_FORMAT', `${ref.uri} is empty: make it again with a new run`);
}

/**
 * Reads the lines of an artifact.
 *
 * @throws TuneloopError as {@link loadStored}.
 */
export async function* loadLines<T>(
  kind: StoredLine<T>,
  artifacts: ArtifactStore,
  ref: ArtifactRef,
): AsyncGenerator<T> {
  for await (const row of artifacts.rows(ref)) yield readLine(kind, row, ref.uri);
}
