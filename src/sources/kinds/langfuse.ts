import { contentReader } from '../containers/content.ts';
import { csvReader } from '../containers/csv.ts';
import { jsonlReader } from '../containers/jsonl.ts';
import type { RecordOptions } from '../containers/record-items.ts';
import { FileSource, type RecordReader } from '../file-source.ts';
import { pathKey, rowOptions } from './keys.ts';
import { defineSource } from './kind.ts';

/** Exports of Langfuse. */
export const langfuse = defineSource({
  type: 'langfuse',
  keys: {
    path: pathKey(
      'exported observations and scores as JSONL, JSON or CSV, file or glob, relative to this file; gzip and zstd are unpacked',
    ),
    ...rowOptions,
  },
  open: ({ path, ...options }, { rows }) =>
    new FileSource(path, contentReader({ ...options, ...rows, format: 'langfuse' }, textReader)),
});

/** JSON lines begin with a brace, a table with the names of its columns. */
function textReader(options: RecordOptions): RecordReader {
  return async function* (chunks, place) {
    const iterator = chunks[Symbol.asyncIterator]();
    const first = await iterator.next();
    const isJson = first.done || /^(?:\ufeff|\s)*(?:\{|$)/.test(first.value.toString('utf8', 0, 64));
    async function* whole(): AsyncGenerator<Buffer> {
      try {
        for (let next = first; !next.done; next = await iterator.next()) yield next.value;
      } finally {
        await iterator.return?.();
      }
    }
    return yield* (isJson ? jsonlReader(options) : csvReader({}, options))(whole(), place);
  };
}
