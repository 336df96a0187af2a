/** A record as it stands in a file. */
export interface RawRecord {
  /** Number of the line that it begins on, from 1. */
  line: number;
  /** Without the line feed; null where it is longer than allowed. */
  bytes: Buffer | null;
  /** Whether a line feed follows; else the file ends here. */
  ended: boolean;
}

export const LINE_FEED = 0x0a;

/**
 * The lines of a file.
 *
 * @param longest - the most bytes of a line; no more than that and one chunk are held
 */
export async function* splitLines(chunks: AsyncIterable<Buffer>, longest: number): AsyncGenerator<RawRecord> {
  const record = new RecordBuilder(longest);
  let line = 1;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      record.add(chunk.subarray(start, end));
      yield { line, bytes: record.take(), ended: true };
      line += 1;
      start = end + 1;
    }
    record.add(chunk.subarray(start));
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
