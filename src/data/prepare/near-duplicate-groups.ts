import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { BANDS, SIGNATURE_WORDS, SKETCH_WORDS } from '../split/near-duplicates.ts';
import type { SearchTask } from './near-duplicate-thread.ts';
import { BLOCK_ROWS, DisjointSets, PairSearch, type Pairs, readColumn, type SearchData } from './pair-search.ts';

const MOST_THREADS = 4;
/** Smaller inputs are finished before threads have started. */
const THREADED_ROWS = 20_000;
const THREADED_BYTES = 16 * 2 ** 20;

// In a checkout the sources run themselves; built, they are JavaScript.
const EXTENSION = path.extname(import.meta.url);

export interface NearDuplicateOptions {
  /** Ends the search, which then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** With 0 the calling thread does the search. Default: the number of cores, at most 4, and 0 for small inputs. */
  threads?: number;
  /** Is called 22 times with the share that is done, from 0 to 1. */
  onProgress?: (share: number) => void;
}

/** Signed texts, one after another. */
export interface SignedTexts {
  /** Canonical inputs. */
  texts: readonly string[];
  /** The signatures that `Signer` wrote for them. */
  signatures: Uint32Array;
}

/**
 * Collects texts on disk and groups equal and nearly equal ones. Memory, besides the current batch: 8 bytes a row while rows are added,
 * some 45 while they are grouped and 16 more for each thread. Disk: the texts, and 104 bytes a row. The files have no name, so that the
 * system takes them away however the process ends.
 */
export class NearDuplicateIndex {
  readonly #signatures: FileHandle;
  readonly #texts: FileHandle;
  /** The signatures of the current batch, column after column. */
  readonly #block = new Uint32Array(BLOCK_ROWS * SIGNATURE_WORDS);
  /** See {@link SearchData}; in blocks. */
  readonly #places: Float64Array[] = [];
  #rows = 0;
  #textBytes = 0;

  private constructor(signatures: FileHandle, texts: FileHandle) {
    this.#signatures = signatures;
    this.#texts = texts;
  }

  /** @param folder an existing one, with space for the scratch files. */
  static async create(folder: string): Promise<NearDuplicateIndex> {
    const scratch = await mkdtemp(path.join(folder, 'near-duplicates-'));
    try {
      const signatures = await open(path.join(scratch, 'signatures'), 'wx+', 0o600);
      const texts = await open(path.join(scratch, 'texts'), 'wx+', 0o600).catch(async (error: unknown) => {
        await signatures.close();
        throw error;
      });
      return new NearDuplicateIndex(signatures, texts);
    } finally {
      await rm(scratch, { recursive: true });
    }
  }

  /** Adds rows; the first row of all is row 0. A batch has to wait for the one before it. */
  async add({ texts, signatures }: SignedTexts): Promise<void> {
    await this.#addTexts(texts);
    for (let row = 0; row < texts.length; row += 1) {
      const inBlock = this.#rows % BLOCK_ROWS;
      for (let word = 0; word < SIGNATURE_WORDS; word += 1) {
        this.#block[word * BLOCK_ROWS + inBlock] = signatures[row * SIGNATURE_WORDS + word] ?? 0;
      }
      this.#rows += 1;
      if (inBlock === BLOCK_ROWS - 1) await this.#writeBlock();
    }
  }

  /**
   * For each row the first row of its group. Groups join similar texts, directly or over other rows, and every pair was verified. {@link
   * PairSearch} says which pairs are found: that depends on the rows and their order, not on batches or threads.
   */
  async groups({ signal, threads, onProgress }: NearDuplicateOptions = {}): Promise<Uint32Array> {
    signal?.throwIfAborted();
    if (this.#rows % BLOCK_ROWS > 0) await this.#writeBlock();
    const data = this.#searchData();
    const sets = new DisjointSets(data.rows);
    let done = 0;
    const search = new Search(data, threads ?? this.#threads(), signal, (pairs) => {
      for (let index = 0; index < pairs.length; index += 2) sets.join(pairs[index] ?? 0, pairs[index + 1] ?? 0);
      done += 1;
      onProgress?.(done / (BANDS + 1));
    });
    await search.findEqual();
    for (let row = 0; row < data.rows; row += 1) if (sets.first(row) !== row) data.repeats[row] = 1;
    await search.findNear();
    const groups = new Uint32Array(data.rows);
    for (let row = 0; row < data.rows; row += 1) groups[row] = sets.first(row);
    return groups;
  }

  /** Removes the scratch files. */
  async close(): Promise<void> {
    await Promise.all([this.#signatures.close(), this.#texts.close()]);
  }

  async #addTexts(texts: readonly string[]): Promise<void> {
    const wide = texts.map((text) => BEYOND_LATIN_1.test(text));
    const bytes = Buffer.allocUnsafe(texts.reduce((sum, { length }, index) => sum + (wide[index] ? 2 : 1) * length, 0));
    let end = 0;
    texts.forEach((text, index) => {
      this.#addPlace((this.#textBytes + end) * 2 + (wide[index] ? 1 : 0), this.#rows + index);
      // Both keep any string unchanged, lone surrogates included, which UTF-8 would not.
      end += bytes.write(text, end, wide[index] ? 'utf16le' : 'latin1');
    });
    await writeAt(this.#texts, bytes, this.#textBytes);
    this.#textBytes += end;
  }

  #addPlace(place: number, row: number): void {
    const block = Math.floor(row / BLOCK_ROWS);
    this.#places[block] ??= new Float64Array(BLOCK_ROWS);
    this.#places[block][row % BLOCK_ROWS] = place;
  }

  async #writeBlock(): Promise<void> {
    const block = Math.ceil(this.#rows / BLOCK_ROWS) - 1;
    await writeAt(this.#signatures, new Uint8Array(this.#block.buffer), block * this.#block.byteLength);
  }

  #searchData(): SearchData {
    const rows = this.#rows;
    const places = new Float64Array(new SharedArrayBuffer((rows + 1) * 8));
    this.#places.forEach((block, index) => {
      const from = index * BLOCK_ROWS;
      places.set(block.subarray(0, rows - from), from);
    });
    places[rows] = this.#textBytes * 2;
    const signatures = this.#signatures.fd;
    const sketches = new Uint32Array(new SharedArrayBuffer(rows * SKETCH_WORDS * 4));
    const words = new Uint32Array(rows);
    for (let word = 0; word < SKETCH_WORDS; word += 1) {
      readColumn(signatures, BANDS + word, words);
      for (let row = 0; row < rows; row += 1) sketches[row * SKETCH_WORDS + word] = words[row] ?? 0;
    }
    const repeats = new Uint8Array(new SharedArrayBuffer(rows));
    return { rows, signatures, texts: this.#texts.fd, places, sketches, repeats };
  }

  #threads(): number {
    if (this.#rows < THREADED_ROWS && this.#textBytes < THREADED_BYTES) return 0;
    return Math.min(MOST_THREADS, availableParallelism());
  }
}

const BEYOND_LATIN_1 = /[^\0-\xff]/;

/** Looks for pairs, in the calling thread or in others. When a step has ended, in whatever way, its threads have ended too. */
class Search {
  readonly #data: SearchData;
  readonly #threads: number;
  readonly #signal: AbortSignal | undefined;
  readonly #take: (pairs: Pairs) => void;

  constructor(data: SearchData, threads: number, signal: AbortSignal | undefined, take: (pairs: Pairs) => void) {
    this.#data = data;
    this.#threads = threads;
    this.#signal = signal;
    this.#take = take;
  }

  async findEqual(): Promise<void> {
    if (this.#threads === 0) this.#take(new PairSearch(this.#data).equalPairs());
    else await this.#inThreads(['equal']);
  }

  async findNear(): Promise<void> {
    const bands = Array.from({ length: BANDS }, (_, band) => band);
    if (this.#threads > 0) {
      const hands = Array.from({ length: this.#threads }, (_, thread) =>
        bands.filter((band) => band % this.#threads === thread),
      );
      await this.#inThreads(hands);
      return;
    }
    const search = new PairSearch(this.#data);
    for (const band of bands) {
      await setImmediate();
      this.#signal?.throwIfAborted();
      this.#take(search.nearPairs(band));
    }
  }

  /** One thread for each piece of work. The first that fails ends the others. */
  async #inThreads(works: readonly SearchTask['work'][]): Promise<void> {
    const failed = new AbortController();
    const stop = AbortSignal.any([failed.signal, ...(this.#signal ? [this.#signal] : [])]);
    stop.throwIfAborted();
    const ends = works.map(async (work) => {
      try {
        await this.#inThread({ data: this.#data, work }, stop);
      } catch (error) {
        failed.abort(error);
      }
    });
    await Promise.all(ends);
    stop.throwIfAborted();
  }

  /** Settles when the thread has ended. */
  #inThread(task: SearchTask, stop: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const thread = new Worker(new URL(`./near-duplicate-thread${EXTENSION}`, import.meta.url), { workerData: task });
      const end = () => void thread.terminate();
      let failure: unknown;
      stop.addEventListener('abort', end, { once: true });
      const fail = (error: unknown) => {
        failure ??= error;
        end();
      };
      thread.on('message', (pairs: Pairs) => {
        try {
          this.#take(pairs);
        } catch (error) {
          fail(error);
        }
      });
      thread.on('error', fail);
      thread.on('exit', (code) => {
        stop.removeEventListener('abort', end);
        if (failure !== undefined) reject(failure);
        else if (code === 0 || stop.aborted) resolve();
        else reject(new Error(`a thread that looked for near duplicates ended with code ${code}`));
      });
    });
  }
}

/** A write may store fewer bytes than it was given. */
async function writeAt(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    written += (await handle.write(bytes, written, bytes.length - written, position + written)).bytesWritten;
  }
}
