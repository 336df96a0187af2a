import type { ArtifactRef } from '../core/run/artifact-ref.ts';
/** Keeps immutable, content-addressed text files of one row a line. */
export interface ArtifactStore {
  /**
   * Stores rows; each string is one row without its line break. The same rows give the same reference. Afterwards either the whole artifact
   * exists or none of it.
   */
  write(rows: Iterable<string> | AsyncIterable<string>): Promise<ArtifactRef>;
  /** The same for rows that arrive one by one, for several artifacts at a time. */
  open(): Promise<ArtifactWriter>;
  /**
   * The rows of an artifact, without line breaks.
   *
   * @throws TuneloopError ARTIFACT_CORRUPT before the first row if the bytes are missing or differ from the written ones, ARTIFACT_ERASED
   * if they were erased together with a row and have no successor.
   */
  rows(ref: ArtifactRef): AsyncIterable<string>;
  /**
   * A local file with exactly these bytes, checked; if a row was erased from them, the successor without that row.
   *
   * @throws TuneloopError as {@link rows}
   */
  file(ref: ArtifactRef): Promise<string>;
}

/** Takes rows until it is committed, or discarded without a trace. */
export interface ArtifactWriter {
  /** Resolves once there is room for more; one call at a time. */
  add(row: string): Promise<void> | void;
  commit(): Promise<ArtifactRef>;
  /** After a commit it does nothing. */
  discard(): Promise<void>;
}

/** Stores one JSON value as an artifact of one row. */
export function writeJson(store: ArtifactStore, value: unknown): Promise<ArtifactRef> {
  return store.write([JSON.stringify(value)]);
}
