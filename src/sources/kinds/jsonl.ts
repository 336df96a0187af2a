import { FileSource } from '../file-source.ts';
import { jsonlReader } from '../jsonl.ts';
import { pathKey } from './keys.ts';
import { defineSource } from './kind.ts';

/** Files of log rows, one JSON object a line. */
export const jsonl = defineSource({
  type: 'jsonl',
  keys: { path: pathKey('a file or a glob, relative to this file; .gz is unpacked') },
  open: ({ path }) => new FileSource(path, jsonlReader()),
});
