import { FileSource } from '../file-source.ts';
import { jsonlReader } from '../jsonl.ts';
import { fromLangfuse } from '../langfuse.ts';
import { pathKey } from './keys.ts';
import { defineSource } from './kind.ts';

/** Exports of Langfuse. */
export const langfuse = defineSource({
  type: 'langfuse',
  keys: {
    path: pathKey(
      'a JSONL export of observations, file or glob, relative to this file; .gz is unpacked; numeric scores from 0 to 1 count as ratings',
    ),
  },
  open: ({ path }) => new FileSource(path, jsonlReader(fromLangfuse)),
});
