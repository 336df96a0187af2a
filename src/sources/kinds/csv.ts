import { csvReader } from '../csv.ts';
import { FileSource } from '../file-source.ts';
import { columns, pathKey } from './keys.ts';
import { defineSource } from './kind.ts';

/** Files of log rows, one record a row. */
export const csv = defineSource({
  type: 'csv',
  keys: {
    path: pathKey(
      'a file or a glob, relative to this file; .gz is unpacked; fields end at commas, the first line names the columns',
    ),
    columns,
  },
  open: ({ path, columns }) => new FileSource(path, csvReader(columns)),
});
