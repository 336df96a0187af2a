import { jsonContentReader } from '../containers/content.ts';
import { FileSource } from '../file-source.ts';
import { format, pathKey, rowOptions } from './keys.ts';
import { defineSource } from './kind.ts';

/** Parquet files, one record a row. */
export const parquet = defineSource({
  type: 'parquet',
  keys: {
    path: pathKey(
      'a file or a glob, relative to this file; columns are named as the keys of a log row, or as the format says',
    ),
    format,
    ...rowOptions,
  },
  open: ({ path, ...options }, { rows }) => new FileSource(path, jsonContentReader({ ...options, ...rows })),
});
