/** Points at stored bytes. Workflows carry this reference and never the bytes. */
export interface ArtifactRef {
  /** `sha256:` and the hash: an artifact's name follows from its content alone. */
  uri: string;
  sha256: string;
  bytes: number;
  /** Number of lines. */
  rows: number;
}
