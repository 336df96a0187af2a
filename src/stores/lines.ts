import { createReadStream } from 'node:fs';
import { LINE_FEED, linesIn } from '@tuneloop/app/internal/shared/lines';

const READ_BYTES = 1 << 18;

/** The lines of a file, as bytes without the line feed; no more than one line and one read are held. */
export function readLines(file: string): AsyncGenerator<Buffer> {
  return linesOfStream(createReadStream(file, { highWaterMark: READ_BYTES }));
}

/** The lines of a stream, as {@link readLines}. */
export async function* linesOfStream(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const block of blocksOf(stream, 0)) for (const line of linesIn(block)) yield line;
}

/**
 * A file in blocks of whole lines, so that lines can be taken apart in another thread. Each block has memory of its own.
 *
 * @param bytes - the least size of a block, but for the last one; a longer line comes whole
 */
export function readBlocks(file: string, bytes: number): AsyncGenerator<Buffer> {
  return blocksOf(createReadStream(file, { highWaterMark: READ_BYTES }), bytes);
}

async function* blocksOf(stream: AsyncIterable<Buffer>, bytes: number): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let held = 0;
  for await (const part of stream) {
    parts.push(part);
    held += part.length;
    const end = part.lastIndexOf(LINE_FEED) + 1;
    if (held < bytes || end === 0) continue;
    const rest = part.length - end;
    yield joined(parts, held).subarray(0, held - rest);
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

/** The lines of a block as text; an empty line counts as none. */
export function* textLinesIn(block: Uint8Array): Generator<string> {
  for (const line of linesIn(block)) if (line.length > 0) yield line.toString('utf8');
}

/** A record as it stands in a file that somebody else wrote. */
export interface RawRecord {
  /** Number of the line that it begins on, from 1. */
  line: number;
  /** Without the line feed; null where it is longer than allowed. */
  bytes: Buffer | null;
  /** Whether a line feed follows; else the file ends here. */
  ended: boolean;
}

/**
 * The lines of a stream whose lines may have any length.
 *
 * @param longest - the most bytes of a line; no more than that and one chunk are held
 */
export async function* splitLines(stream: AsyncIterable<Buffer>, longest: number): AsyncGenerator<RawRecord> {
  const record = new RecordBuilder(longest);
  let line = 1;
  for await (const chunk of stream) {
    const end = chunk.lastIndexOf(LINE_FEED) + 1;
    for (const piece of linesIn(chunk.subarray(0, end))) {
      record.add(piece);
      yield { line, bytes: record.take(), ended: true };
      line += 1;
    }
    record.add(chunk.subarray(end));
  }
  if (!record.isEmpty) yield { line, bytes: record.take(), ended: false };
}

/** Puts a record together from pieces of chunks, or forgets it once it is too long. */
export class RecordBuilder {
  readonly #longest: number;
  #pieces: Buffer[] = [];
  #length = 0;

  constructor(longest: number) {
    this.#longest = longest;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  add(piece: Buffer): void {
    this.#length += piece.length;
    if (this.#length > this.#longest) this.#pieces = [];
    else if (piece.length > 0) this.#pieces.push(piece);
  }

  /** The record, null where it is too long; the next piece begins another one. */
  take(): Buffer | null {
    const [only] = this.#pieces;
    const whole = this.#pieces.length === 1 && only ? only : Buffer.concat(this.#pieces);
    const fits = this.#length <= this.#longest;
    this.#pieces = [];
    this.#length = 0;
    return fits ? whole : null;
  }
}
