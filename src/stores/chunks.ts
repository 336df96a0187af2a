import { createReadStream } from 'node:fs';

const LINE_FEED = 0x0a;

/**
 * A file in pieces of about this many bytes that each end with a line feed (the last one may not), so that lines can be split in other
 * threads. A line that is longer than a piece comes whole. Each piece has memory of its own.
 */
export async function* readChunks(file: string, bytes: number): AsyncIterable<Buffer> {
  let parts: Buffer[] = [];
  let held = 0;
  for await (const part of createReadStream(file, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
    parts.push(part);
    held += part.length;
    const end = part.lastIndexOf(LINE_FEED) + 1;
    if (held < bytes || end === 0) continue;
    const rest = part.length - end;
    const whole = joined(parts, held);
    yield whole.subarray(0, held - rest);
    parts = rest === 0 ? [] : [Buffer.from(part.subarray(end))];
    held = rest;
  }
  if (held > 0) yield joined(parts, held);
}

/** Never from Node's pool, which could not be handed over to a thread. */
function joined(parts: readonly Buffer[], bytes: number): Buffer {
  const whole = Buffer.from(new ArrayBuffer(bytes));
  let offset = 0;
  for (const part of parts) offset += part.copy(whole, offset);
  return whole;
}

/** The lines of a piece, without line feeds; an empty line counts as none. */
export function* linesOf(chunk: Uint8Array): Iterable<string> {
  const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  let start = 0;
  while (start < buffer.length) {
    const feed = buffer.indexOf(LINE_FEED, start);
    const end = feed === -1 ? buffer.length : feed;
    if (end > start) yield buffer.toString('utf8', start, end);
    start = end + 1;
  }
}
