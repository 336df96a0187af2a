import { contentReader } from '../containers/content.ts';
import { csvReader } from '../containers/csv.ts';
import { FileSource } from '../file-source.ts';
import { columns, format, pathKey, rowOptions } from './keys.ts';
import { defineSource } from './kind.ts';

/** Files of log rows, one record a row. */
export const csv = defineSource({
  type: 'csv',
  keys: {
    path: pathKey(
      'a file or a glob, relative to this file; gzip and zstd are unpacked; the first line names the columns; fields end at commas, semicolons, tabs or |',
    ),
    columns,
    format,
    ...rowOptions,
  },
  open: ({ path, columns, ...options }, { rows }) =>
    new FileSource(
      path,
      contentReader({ ...options, ...rows }, (each) => csvReader(columns, each)),
    ),
});
