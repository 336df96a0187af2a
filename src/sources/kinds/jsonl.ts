import { jsonContentReader } from '../containers/content.ts';
import { FileSource } from '../file-source.ts';
import { format, pathKey, rowOptions } from './keys.ts';
import { defineSource } from './kind.ts';

/** Files of records in JSON, one a line or in one list. */
export const jsonl = defineSource({
  type: 'jsonl',
  keys: {
    path: pathKey(
      'a file or a glob, relative to this file; one JSON object a line or one list; gzip and zstd are unpacked',
    ),
    format,
    ...rowOptions,
  },
  open: ({ path, ...options }, { rows }) => new FileSource(path, jsonContentReader({ ...options, ...rows })),
});
