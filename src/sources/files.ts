import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { glob, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { TuneloopError } from '../errors.ts';

const CHUNK_BYTES = 1 << 18;

/**
 * The files that a path or glob names, in the order of their names.
 *
 * @throws TuneloopError SOURCE_NOT_FOUND if there is none.
 */
export async function findFiles(pattern: string): Promise<string[]> {
  if (await isFile(pattern)) return [pattern];
  const files: string[] = [];
  for await (const file of glob(pattern)) if (await isFile(file)) files.push(file);
  if (files.length === 0) throw new TuneloopError('SOURCE_NOT_FOUND', `${pattern}: there is no such file`);
  return files.toSorted();
}

async function isFile(file: string): Promise<boolean> {
  return stat(file).then(
    (stats) => stats.isFile(),
    () => false,
  );
}

/** The name of a found file without the folders that all files of the pattern lie in: unique, and short for people. */
export function nameOf(file: string, pattern: string): string {
  if (file === pattern) return path.basename(file);
  const parts = pattern.split(path.sep);
  const fixed = parts.slice(
    0,
    parts.findIndex((part) => /[*?[\]{}()!+@]/.test(part)),
  );
  return path.relative(fixed.join(path.sep) || path.parse(pattern).root, file);
}

/** The first bytes of a file, hashed on their way and unpacked where the name ends in `.gz`. */
export class FileBytes {
  readonly #file: string;
  readonly #name: string;
  readonly #size: number;
  readonly #signal: AbortSignal;
  readonly #hash: Hash = createHash('sha256');
  #bytes = 0;

  constructor(file: string, { name, size, signal }: { name: string; size: number; signal: AbortSignal }) {
    this.#file = file;
    this.#name = name;
    this.#size = size;
    this.#signal = signal;
  }

  /**
   * The bytes, once; unpacked ones in pieces of bounded size, however high the compression.
   *
   * @throws TuneloopError SOURCE_UNREADABLE naming the file
   */
  chunks(): AsyncGenerator<Buffer> {
    return this.#withName(unpacked(this.#raw(), this.#file.endsWith('.gz')));
  }

  /** Hash of the bytes as they are in the file, for files that are not read otherwise. @throws as {@link chunks} */
  async hash(): Promise<string> {
    for await (const _ of this.#withName(this.#raw()));
    return this.digest().sha256;
  }

  /** Hash of the bytes as they are in the file, after all of them were read. */
  digest(): { bytes: number; sha256: string } {
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }

  async *#withName(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    try {
      yield* chunks;
    } catch (error) {
      this.#signal.throwIfAborted();
      throw new TuneloopError('SOURCE_UNREADABLE', `${this.#name} ${problemOf(error)}`);
    }
  }

  async *#raw(): AsyncGenerator<Buffer> {
    if (this.#size === 0) return;
    const stream = createReadStream(this.#file, { end: this.#size - 1, highWaterMark: CHUNK_BYTES });
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      this.#signal.throwIfAborted();
      this.#hash.update(chunk);
      this.#bytes += chunk.length;
      yield chunk;
    }
  }
}

const GZIP = [0x1f, 0x8b];
const ZSTD = [0x28, 0xb5, 0x2f, 0xfd];

/** The bytes of a file, unpacked where they begin as gzip or zstd do. @param packed whether the name says that it is gzip */
async function* unpacked(raw: AsyncGenerator<Buffer>, packed: boolean): AsyncGenerator<Buffer> {
  const first = await raw.next();
  const whole = chain(first, raw);
  const begins = (mark: readonly number[]) => mark.every((byte, at) => !first.done && first.value[at] === byte);
  const method = begins(ZSTD)
    ? createZstdDecompress({ chunkSize: CHUNK_BYTES })
    : packed || begins(GZIP)
      ? createGunzip({ chunkSize: CHUNK_BYTES })
      : null;
  if (method === null) {
    yield* whole;
    return;
  }
  // Its errors come out of the loop below; leaving the loop early ends the reading of the file.
  const stream: Readable = pipeline(whole, method, () => {});
  for await (const chunk of stream as AsyncIterable<Buffer>) yield chunk;
}

async function* chain(first: IteratorResult<Buffer>, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  try {
    for (let next = first; !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return(undefined);
  }
}

function problemOf(error: unknown): string {
  const hasCode = typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string';
  const code = hasCode ? String(error.code) : '';
  if (code === 'Z_BUF_ERROR' || code === 'ZSTD_error_srcSize_wrong')
    return 'ends in the middle of its packed data: unpack it to see what is left, or copy it again';
  if (code.startsWith('Z_') || code.startsWith('ZSTD_')) return 'is not packed with gzip or zstd, or was damaged';
  return `cannot be read (${code || String(error)})`;
}
