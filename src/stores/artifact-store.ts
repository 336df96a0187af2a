import type { ArtifactRef } from '../core/run/artifact-ref.ts';
/** Keeps immutable, content-addressed text files of one row a line. */
export interface ArtifactStore {
  /**
   * Stores rows; each string is one row without its line break. The same rows give the same reference.
   * Either the whole artifact is there afterwards or none of it.
   */
  write(rows: Iterable<string> | AsyncIterable<string>): Promise<ArtifactRef>;
  /** The same for rows that come one by one, for several artifacts at a time. */
  open(): Promise<ArtifactWriter>;
  /**
   * The rows of an artifact, without line breaks.
   *
   * @throws TuneloopError ARTIFACT_CORRUPT before the first row if the bytes are missing or not those that were written,
   * ARTIFACT_ERASED if they were erased together with a row and nothing takes their place.
   */
  rows(ref: ArtifactRef): AsyncIterable<string>;
  /**
   * A local file that holds exactly these bytes, checked; where a row was erased from them, the same without that row.
   *
   * @throws TuneloopError as {@link rows}
   */
  file(ref: ArtifactRef): Promise<string>;
}

/** Takes rows until it is committed, or discarded: then nothing is left. */
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
