import { createReadStream } from 'node:fs';

const LINE_FEED = 0x0a;

/**
 * The lines of a file, as bytes without the line feed, in bounded memory. Splits at line feeds only: Node's `readline`
 * would also split at U+2028 and U+2029, which may stand inside a JSON string.
 */
export async function* readLines(file: string): AsyncIterable<Buffer> {
  let rest: Buffer[] = [];
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      const line = chunk.subarray(start, end);
      yield rest.length === 0 ? line : Buffer.concat([...rest, line]);
      rest = [];
      start = end + 1;
    }
    if (start < chunk.length) rest.push(chunk.subarray(start));
  }
  if (rest.length > 0) yield Buffer.concat(rest);
}
