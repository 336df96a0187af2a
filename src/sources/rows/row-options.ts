/** The settings of `source` that decide how a row is read. */
export interface RowOptions {
  /** The key, or the name of the score, that holds the rating, where it is not `quality`. */
  qualityField?: string | undefined;
  /** How times are written that are neither ISO 8601 nor seconds since 1970. */
  timestampFormat?: string | undefined;
  /** Keys beside the messages that hold no part of the prompt, although their names say so. */
  ignore?: readonly string[] | undefined;
}
