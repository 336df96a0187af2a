/** Points at stored bytes. This, and never the bytes, is what workflows carry. */
export interface ArtifactRef {
  /** `sha256:` and the hash: an artifact's name follows from its content alone. */
  uri: string;
  sha256: string;
  bytes: number;
  /** Number of lines. */
  rows: number;
}

/** Keeps immutable, content-addressed text files of one row a line. */
export interface ArtifactStore {
  /**
   * Stores rows; each string is one row without its line break. The same rows give the same reference.
   * Either the whole artifact is there afterwards or none of it.
   */
  write(rows: Iterable<string> | AsyncIterable<string>): Promise<ArtifactRef>;
  /**
   * The rows of an artifact, without line breaks.
   *
   * @throws TuneloopError ARTIFACT_CORRUPT before the first row if the bytes are missing or not those that were written.
   */
  rows(ref: ArtifactRef): AsyncIterable<string>;
  /** A local file that holds exactly these bytes, checked. @throws TuneloopError ARTIFACT_CORRUPT as {@link rows}. */
  file(ref: ArtifactRef): Promise<string>;
}

/** Stores one JSON value as an artifact of one row. */
export function writeJson(store: ArtifactStore, value: unknown): Promise<ArtifactRef> {
  return store.write([JSON.stringify(value)]);
}

/** Reads what {@link writeJson} stored; the caller names its type. */
export async function readJson<T>(store: ArtifactStore, ref: ArtifactRef): Promise<T> {
  for await (const row of store.rows(ref)) return JSON.parse(row) as T;
  throw new Error(`${ref.uri} is empty`);
}

/** Reads an artifact of one JSON value a row into memory. */
export async function readJsonRows<T>(store: ArtifactStore, ref: ArtifactRef): Promise<T[]> {
  const values: T[] = [];
  for await (const row of store.rows(ref)) values.push(JSON.parse(row) as T);
  return values;
}
