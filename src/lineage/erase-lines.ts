import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { LINE_FEED } from '@tuneloop/app/internal/shared/lines';
import { splitCsv } from '../sources/containers/csv-records.ts';
import { linesOfStream, readLines } from '../stores/lines.ts';
import { temporaryName } from '../stores/temporary-files.ts';

/** The number of lines that each record of a file takes, by its first line, from 1. */
export type Spans = ReadonlyMap<number, number>;

const SPACE = 0x20;
/** The kernel writes this many bytes as a whole, however the process ends. */
const PAGE = 4096;

/**
 * Overwrites lines with spaces. Line numbers and positions of all other lines stay, so that programs which append to the file, or remember
 * positions in it, can continue. A packed file is packed again, with empty lines.
 */
export async function blankLines(file: string, spans: Spans): Promise<void> {
  const isBlanked = linesIn(spans);
  if (file.endsWith('.gz')) {
    await rewrite(file, blanked(linesOfStream(unpacked(file)), isBlanked), { packed: true });
    return;
  }
  const ranges: { start: number; length: number }[] = [];
  let line = 0;
  let start = 0;
  for await (const bytes of readLines(file)) {
    line += 1;
    if (isBlanked(line)) ranges.push({ start, length: bytes.length });
    start += bytes.length + 1;
  }
  const handle = await open(file, 'r+');
  try {
    for (const range of ranges) await blankBackwards(handle, range);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** From the end, because the id of a row stands at the beginning: after an interruption the rest is found again. */
async function blankBackwards(handle: FileHandle, { start, length }: { start: number; length: number }): Promise<void> {
  for (let end = start + length; end > start; ) {
    const from = Math.max(start, Math.floor((end - 1) / PAGE) * PAGE);
    await handle.write(Buffer.alloc(end - from, SPACE), 0, end - from, from);
    end = from;
  }
}

/** Rewrites a file without some lines; it is whole before and after. */
export async function removeLines(file: string, spans: Spans): Promise<void> {
  const isRemoved = linesIn(spans);
  const kept = async function* () {
    let line = 0;
    for await (const bytes of readLines(file)) {
      line += 1;
      if (!isRemoved(line)) yield Buffer.concat([bytes, Buffer.from([LINE_FEED])]);
    }
  };
  await rewrite(file, kept(), { packed: false });
}

/** The number of lines of the CSV records that begin on these lines: a quoted field may hold line breaks. */
export async function csvSpans(file: string, lines: Iterable<number>): Promise<Map<number, number>> {
  const wanted = new Set(lines);
  const spans = new Map<number, number>();
  const chunks: AsyncIterable<Buffer> = file.endsWith('.gz') ? unpacked(file) : createReadStream(file);
  for await (const { line, bytes } of splitCsv(chunks, Number.POSITIVE_INFINITY)) {
    if (wanted.has(line)) spans.set(line, 1 + (bytes?.filter((byte) => byte === LINE_FEED).length ?? 0));
  }
  return spans;
}

function linesIn(spans: Spans): (line: number) => boolean {
  const lines = new Set<number>();
  for (const [first, count] of spans) for (let line = first; line < first + count; line += 1) lines.add(line);
  return (line) => lines.has(line);
}

async function* blanked(lines: AsyncIterable<Buffer>, isBlanked: (line: number) => boolean): AsyncGenerator<Buffer> {
  let line = 0;
  for await (const bytes of lines) {
    line += 1;
    yield isBlanked(line) ? Buffer.from([LINE_FEED]) : Buffer.concat([bytes, Buffer.from([LINE_FEED])]);
  }
}

function unpacked(file: string): AsyncIterable<Buffer> {
  const source = createReadStream(file);
  const stream = createGunzip();
  source.on('error', (error) => stream.destroy(error));
  return source.pipe(stream);
}

async function rewrite(file: string, chunks: AsyncIterable<Buffer>, { packed }: { packed: boolean }): Promise<void> {
  const { mode } = await stat(file);
  const temporary = temporaryName(file);
  const target = createWriteStream(temporary, { flags: 'wx', mode: mode & 0o777, flush: true });
  try {
    const source = Readable.from(chunks);
    if (packed) await pipeline(source, createGzip(), target);
    else await pipeline(source, target);
    await rename(temporary, file);
  } finally {
    await rm(temporary, { force: true });
  }
}
