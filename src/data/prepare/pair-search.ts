import { readSync } from 'node:fs';
import {
  BANDS,
  Comparison,
  LEAST_AGREEMENT,
  SIGNATURE_WORDS,
  SKETCH_WORDS,
  sketchAgreement,
} from '../split/near-duplicates.ts';

/** Rows of a block of the signatures' file. */
export const BLOCK_ROWS = 16_384;

/** The data of a search. All threads share the files and the memory behind the arrays. */
export interface SearchData {
  rows: number;
  /** Open file: blocks of {@link BLOCK_ROWS} signatures, column after column, the last block as long as the others. */
  signatures: number;
  /** Open file: canonical texts one after another, in Latin-1 if that holds them, else in UTF-16. */
  texts: number;
  /** `rows` + 1 places: twice the position in bytes, and 1 more if the text is in UTF-16. */
  places: Float64Array;
  /** {@link SKETCH_WORDS} a row. */
  sketches: Uint32Array;
  /** 1 for rows whose text an earlier row has too. */
  repeats: Uint8Array;
}

/** Pairs of rows, one after the other. */
export type Pairs = Uint32Array;

/** The number of earlier rows of a run with which a row's sketch is compared. */
const MOST_SKETCHES = 64;
/** The number of those rows with which its text is compared. */
const MOST_COMPARISONS = 8;
/** The number of different texts of one hash with which a text is compared. */
const MOST_DISTINCT = 8;
/** Longer texts are read anew each time. */
const LONGEST_CACHED = 4096;
const CACHED_TEXTS = 4096;

/**
 * Finds pairs of equal and of nearly equal rows. Each pair has been verified on the texts themselves; a pair that follows from pairs found
 * before may be left out.
 *
 * A run holds the rows with the same key in a band, in the order of the rows. In a log of one template a run may hold all rows, so
 * comparisons are bounded: within each run, the sketch of a row is compared with those of the 64 rows before it, and its text with those of
 * the 8 whose sketches agree most. That takes linear time.
 */
export class PairSearch {
  readonly #data: SearchData;
  readonly #texts: Texts;
  readonly #joined: DisjointSets;
  readonly #comparison = new Comparison();
  /** Room for a column, and for its words beside their rows: used again for each band. */
  readonly #words: Uint32Array;
  readonly #sorted: BigUint64Array;

  constructor(data: SearchData) {
    this.#data = data;
    this.#words = new Uint32Array(data.rows);
    this.#sorted = new BigUint64Array(data.rows);
    this.#texts = new Texts(data.texts, data.places);
    this.#joined = new DisjointSets(data.rows);
  }

  /** Each row whose text stood in an earlier row, with that row. */
  equalPairs(): Pairs {
    const pairs: number[] = [];
    for (const run of this.#runs(BANDS + SKETCH_WORDS)) {
      // Mostly one; more where texts share a hash by chance or on purpose.
      const distinct: number[] = [];
      for (const row of run) {
        const equal = distinct.find((other) => this.#texts.equal(other, row));
        if (equal !== undefined) pairs.push(equal, row);
        else if (distinct.length < MOST_DISTINCT) distinct.push(row);
      }
    }
    return Uint32Array.from(pairs);
  }

  /** Pairs of near duplicates that share a key; rows that repeat another row are left out. */
  nearPairs(band: number): Pairs {
    const pairs: number[] = [];
    for (const run of this.#runs(band)) {
      for (let later = 1; later < run.length; later += 1) {
        const row = run[later] ?? 0;
        let loaded = false;
        for (const other of this.#closest(run, later)) {
          if (this.#joined.together(row, other)) continue;
          if (!loaded) this.#comparison.load(this.#texts.at(row));
          loaded = true;
          if (!this.#comparison.isNear(this.#texts.at(other))) continue;
          this.#joined.join(row, other);
          pairs.push(other, row);
        }
      }
    }
    return Uint32Array.from(pairs);
  }

  /**
   * The earlier rows of the run whose sketches agree most with the row's own. Pairs found before play no part in it, because groups would
   * otherwise depend on which thread searches which bands.
   */
  #closest(run: Uint32Array, later: number): readonly number[] {
    const { sketches } = this.#data;
    const own = (run[later] ?? 0) * SKETCH_WORDS;
    const rows: number[] = [];
    const agreements: number[] = [];
    for (let index = later - 1; index >= 0 && index >= later - MOST_SKETCHES; index -= 1) {
      const other = run[index] ?? 0;
      const agreement = sketchAgreement(sketches, own, other * SKETCH_WORDS);
      if (agreement < LEAST_AGREEMENT || agreement <= (agreements[MOST_COMPARISONS - 1] ?? 0)) continue;
      let place = rows.length < MOST_COMPARISONS ? rows.length : MOST_COMPARISONS - 1;
      for (; place > 0 && agreement > (agreements[place - 1] ?? 0); place -= 1) {
        rows[place] = rows[place - 1] ?? 0;
        agreements[place] = agreements[place - 1] ?? 0;
      }
      rows[place] = other;
      agreements[place] = agreement;
    }
    return rows;
  }

  /** Rows with the same word in a column, in ascending order, for each word that several rows have. */
  *#runs(column: number): Iterable<Uint32Array> {
    const { rows, repeats, signatures } = this.#data;
    const words = this.#words;
    readColumn(signatures, column, words);
    // Word and row side by side sort as one number of 64 bits, on machines whose low half comes first.
    const sorted = new Uint32Array(this.#sorted.buffer);
    let count = 0;
    for (let row = 0; row < rows; row += 1) {
      if (repeats[row] !== 0) continue;
      sorted[count * 2] = row;
      sorted[count * 2 + 1] = words[row] ?? 0;
      count += 1;
    }
    this.#sorted.subarray(0, count).sort();
    // The words that were read are sorted now, and leave their room to the rows.
    const order = words;
    for (let start = 0, end = 0; start < count; start = end) {
      const word = sorted[start * 2 + 1];
      for (; end < count && sorted[end * 2 + 1] === word; end += 1) order[end] = sorted[end * 2] ?? 0;
      if (end - start > 1) yield order.subarray(start, end);
    }
  }
}

/** Sets of rows that grow together; each is known by its first row. */
export class DisjointSets {
  readonly #parents: Uint32Array;

  constructor(rows: number) {
    this.#parents = new Uint32Array(rows).map((_, row) => row);
  }

  first(row: number): number {
    const parents = this.#parents;
    let each = row;
    for (let parent = parents[each] ?? each; parent !== each; parent = parents[each] ?? each) {
      // Halving the path keeps later ways short (Tarjan and van Leeuwen, 1984).
      const above = parents[parent] ?? parent;
      parents[each] = above;
      each = above;
    }
    return each;
  }

  together(a: number, b: number): boolean {
    return this.first(a) === this.first(b);
  }

  join(a: number, b: number): void {
    const [first, second] = [this.first(a), this.first(b)];
    this.#parents[Math.max(first, second)] = Math.min(first, second);
  }
}

/** Texts of rows, read from the scratch file on demand. */
class Texts {
  readonly #file: number;
  readonly #places: Float64Array;
  readonly #cachedRows = new Float64Array(CACHED_TEXTS).fill(-1);
  readonly #cached: string[] = new Array(CACHED_TEXTS).fill('');
  #buffer = Buffer.allocUnsafe(1 << 16);

  constructor(file: number, places: Float64Array) {
    this.#file = file;
    this.#places = places;
  }

  at(row: number): string {
    const slot = row % CACHED_TEXTS;
    if (this.#cachedRows[slot] === row) return this.#cached[slot] ?? '';
    const text = this.#read(row);
    if (text.length <= LONGEST_CACHED) {
      this.#cachedRows[slot] = row;
      this.#cached[slot] = text;
    }
    return text;
  }

  equal(a: number, b: number): boolean {
    return this.#bytes(a) === this.#bytes(b) && this.at(a) === this.at(b);
  }

  #read(row: number): string {
    const place = this.#places[row] ?? 0;
    const bytes = this.#bytes(row);
    const buffer = bytes <= this.#buffer.length ? this.#buffer : Buffer.allocUnsafe(bytes);
    readFully(this.#file, buffer, bytes, Math.floor(place / 2));
    return buffer.toString(place % 2 === 1 ? 'utf16le' : 'latin1', 0, bytes);
  }

  #bytes(row: number): number {
    return Math.floor((this.#places[row + 1] ?? 0) / 2) - Math.floor((this.#places[row] ?? 0) / 2);
  }
}

/** Reads one word of each row's signature. */
export function readColumn(signatures: number, column: number, words: Uint32Array): void {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  const columnBytes = BLOCK_ROWS * words.BYTES_PER_ELEMENT;
  for (let start = 0; start < bytes.length; start += columnBytes) {
    const block = start / columnBytes;
    const part = bytes.subarray(start, start + columnBytes);
    readFully(signatures, part, part.length, (block * SIGNATURE_WORDS + column) * columnBytes);
  }
}

function readFully(file: number, buffer: Uint8Array, bytes: number, position: number): void {
  for (let read = 0; read < bytes; ) {
    const count = readSync(file, buffer, read, bytes - read, position + read);
    if (count === 0) throw new Error('a scratch file of the search for near duplicates has become shorter');
    read += count;
  }
}
