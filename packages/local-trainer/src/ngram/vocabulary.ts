import { type FeatureRecipe, HashList, hashFeatures, isWordFeature } from './features.ts';

/** Rows of a sparse matrix: row r holds `indices` and `values` from `starts[r]` up to `starts[r + 1]`. */
export interface SparseRows {
  readonly starts: Uint32Array;
  readonly indices: Uint32Array;
  readonly values: Float32Array;
}

/** One sparse row in buffers that are used again by the next call: the first `length` entries count. */
export interface SparseVector {
  indices: Uint32Array;
  values: Float32Array;
  length: number;
}

/** The limits of a vocabulary. */
export interface VocabularyLimits {
  /** A feature in fewer rows than this is dropped. */
  readonly fewestRows: number;
  /** The most features kept; those in most rows stay. */
  readonly mostFeatures: number;
}

/** Entries kept of one row, heaviest first: bounds the time of a step on very long texts. */
const MOST_PER_ROW = 1024;

/** A word has many character n-grams: it counts this much more than one of them (the best of 1, 1.5, 2, 2.5, 3 measured). */
const WORD_WEIGHT = 1.5;

/** From a 32-bit feature hash to a dense number from 0: open addressing with linear probing. */
class HashIndex {
  #keys: Uint32Array;
  #numbers: Int32Array;
  #mask: number;
  size = 0;

  constructor(expected: number) {
    let capacity = 1024;
    while (capacity < expected * 2) capacity *= 2;
    this.#keys = new Uint32Array(capacity);
    this.#numbers = new Int32Array(capacity).fill(-1);
    this.#mask = capacity - 1;
  }

  get(hash: number): number {
    const numbers = this.#numbers;
    const keys = this.#keys;
    let slot = hash & this.#mask;
    for (;;) {
      const number = numbers[slot] as number;
      if (number < 0 || keys[slot] === hash) return number;
      slot = (slot + 1) & this.#mask;
    }
  }

  /** The number of `hash`; an unknown one gets the next free number. */
  add(hash: number): number {
    const found = this.get(hash);
    if (found >= 0) return found;
    if (this.size * 2 >= this.#keys.length) this.#grow();
    this.#place(hash, this.size);
    return this.size++;
  }

  #place(hash: number, number: number): void {
    let slot = hash & this.#mask;
    while ((this.#numbers[slot] as number) >= 0) slot = (slot + 1) & this.#mask;
    this.#keys[slot] = hash;
    this.#numbers[slot] = number;
  }

  #grow(): void {
    const keys = this.#keys;
    const numbers = this.#numbers;
    this.#keys = new Uint32Array(keys.length * 2);
    this.#numbers = new Int32Array(keys.length * 2).fill(-1);
    this.#mask = this.#keys.length - 1;
    for (let slot = 0; slot < keys.length; slot++) {
      const number = numbers[slot] as number;
      if (number >= 0) this.#place(keys[slot] as number, number);
    }
  }
}

/**
 * The features that a set of texts made known, with the weight of each: a text becomes a TF-IDF vector of unit length.
 * Weight of a feature in a row: (1 + ln tf) x idf with idf = ln((1 + rows) / (1 + rows holding it)) + 1 (the smoothed form of
 * scikit-learn's TfidfTransformer). Features are numbered from the most to the least frequent, so that the hot ones
 * lie together in memory.
 */
export class Vocabulary {
  readonly recipe: FeatureRecipe;
  readonly hashes: Uint32Array;
  readonly idf: Float32Array;
  readonly #index: HashIndex;
  readonly #list = new HashList();
  readonly #seenAt: Int32Array;
  readonly #vector: SparseVector = { indices: new Uint32Array(1024), values: new Float32Array(1024), length: 0 };

  constructor(recipe: FeatureRecipe, hashes: Uint32Array, idf: Float32Array) {
    this.recipe = recipe;
    this.hashes = hashes;
    this.idf = idf;
    this.#index = new HashIndex(hashes.length);
    for (const hash of hashes) this.#index.add(hash);
    this.#seenAt = new Int32Array(hashes.length).fill(-1);
  }

  get size(): number {
    return this.hashes.length;
  }

  /** The vector of `text`; valid until the next call. Unknown features are left out; none known = length 0. */
  vectorize(text: string): SparseVector {
    hashFeatures(text, this.recipe, this.#list);
    const { hashes, length } = this.#list;
    const vector = this.#vector;
    if (vector.indices.length < length) {
      vector.indices = new Uint32Array(length * 2);
      vector.values = new Float32Array(length * 2);
    }
    const { indices, values } = vector;
    const seenAt = this.#seenAt;
    let used = 0;
    for (let at = 0; at < length; at++) {
      const number = this.#index.get(hashes[at] as number);
      if (number < 0) continue;
      const seen = seenAt[number] as number;
      if (seen >= 0) {
        values[seen] = (values[seen] as number) + 1;
      } else {
        seenAt[number] = used;
        indices[used] = number;
        values[used++] = 1;
      }
    }
    for (let at = 0; at < used; at++) seenAt[indices[at] as number] = -1;
    vector.length = weigh(indices, values, used, this.idf);
    return vector;
  }
}

/** Turns counts into TF-IDF weights of unit length, in place; returns how many entries are left. */
function weigh(indices: Uint32Array, values: Float32Array, used: number, idf: Float32Array): number {
  for (let at = 0; at < used; at++) {
    const count = values[at] as number;
    values[at] = (count === 1 ? 1 : 1 + Math.log(count)) * (idf[indices[at] as number] as number);
  }
  const left = used > MOST_PER_ROW ? keepHeaviest(indices, values, used) : used;
  let squares = 0;
  for (let at = 0; at < left; at++) squares += (values[at] as number) ** 2;
  const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
  for (let at = 0; at < left; at++) values[at] = (values[at] as number) * scale;
  return left;
}

function keepHeaviest(indices: Uint32Array, values: Float32Array, used: number): number {
  const threshold = values.slice(0, used).sort()[used - MOST_PER_ROW] as number;
  let left = 0;
  for (let at = 0; at < used && left < MOST_PER_ROW; at++) {
    if ((values[at] as number) < threshold) continue;
    indices[left] = indices[at] as number;
    values[left++] = values[at] as number;
  }
  return left;
}

/**
 * Learns the vocabulary of `texts` and gives their rows.
 * A feature that all of at least ten texts hold tells none apart and is dropped, so that an instruction repeated in every
 * input costs nothing.
 */
export function fitVocabulary(
  texts: readonly string[],
  recipe: FeatureRecipe,
  limits: VocabularyLimits,
): { vocabulary: Vocabulary; rows: SparseRows } {
  const list = new HashList();
  const index = new HashIndex(65_536);
  let rowsHolding = new Uint32Array(65_536);
  let lastRow = new Int32Array(65_536).fill(-1);
  let hashOf = new Uint32Array(65_536);
  for (const [row, text] of texts.entries()) {
    hashFeatures(text, recipe, list);
    for (let at = 0; at < list.length; at++) {
      const hash = list.hashes[at] as number;
      const number = index.add(hash);
      if (number >= rowsHolding.length) {
        rowsHolding = grown(rowsHolding, new Uint32Array(number * 2));
        hashOf = grown(hashOf, new Uint32Array(number * 2));
        lastRow = grown(lastRow, new Int32Array(number * 2).fill(-1));
      }
      if (lastRow[number] === row) continue;
      lastRow[number] = row;
      hashOf[number] = hash;
      rowsHolding[number] = (rowsHolding[number] as number) + 1;
    }
  }

  const kept: number[] = [];
  for (let number = 0; number < index.size; number++) {
    const holding = rowsHolding[number] as number;
    const everywhere = texts.length >= 10 && holding === texts.length;
    if (holding >= limits.fewestRows && !everywhere) kept.push(number);
  }
  kept.sort((a, b) => (rowsHolding[b] as number) - (rowsHolding[a] as number) || a - b);
  if (kept.length > limits.mostFeatures) kept.length = limits.mostFeatures;
  const hashes = Uint32Array.from(kept, (number) => hashOf[number] as number);
  const idf = Float32Array.from(kept, (number) => {
    const smoothed = Math.log((1 + texts.length) / (1 + (rowsHolding[number] as number))) + 1;
    const besideCharacters = recipe.characters !== null && isWordFeature(hashOf[number] as number);
    return besideCharacters ? smoothed * WORD_WEIGHT : smoothed;
  });
  const vocabulary = new Vocabulary(recipe, hashes, idf);
  return { vocabulary, rows: vectorizeAll(texts, vocabulary) };
}

/** The rows of many texts in one matrix. */
export function vectorizeAll(texts: readonly string[], vocabulary: Vocabulary): SparseRows {
  const starts = new Uint32Array(texts.length + 1);
  let indices = new Uint32Array(texts.length * 64 + 1024);
  let values = new Float32Array(texts.length * 64 + 1024);
  let used = 0;
  for (const [row, text] of texts.entries()) {
    const vector = vocabulary.vectorize(text);
    if (used + vector.length > indices.length) {
      indices = grown(indices, new Uint32Array((used + vector.length) * 2));
      values = grown(values, new Float32Array((used + vector.length) * 2));
    }
    indices.set(vector.indices.subarray(0, vector.length), used);
    values.set(vector.values.subarray(0, vector.length), used);
    used += vector.length;
    starts[row + 1] = used;
  }
  return { starts, indices: indices.subarray(0, used), values: values.subarray(0, used) };
}

function grown<T extends Uint32Array | Int32Array | Float32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
