import { canonicalText } from '../../core/text/canonical-text.ts';

// Local names, because looking up a global within a sandbox, as tests use it, takes longer than the rest of the hash.
const { imul, min } = Math;

/** Two inputs are near duplicates from this Jaccard similarity on. */
export const SIMILARITY = 0.8;

/** Hash values of a text that make one key of a band. */
const BAND_ROWS = 7;
/** Keys of a text: two texts become candidates if they share a key in the same place. */
export const BANDS = 21;
const VALUES = BANDS * BAND_ROWS;
/** Words of a text's sketch, one bit of each of the first 128 hash values. */
export const SKETCH_WORDS = 4;
/**
 * 32-bit words of a signature: {@link BANDS} keys, then {@link SKETCH_WORDS} of sketch, then a hash of the whole text.
 */
export const SIGNATURE_WORDS = BANDS + SKETCH_WORDS + 1;

/**
 * The sketches of near duplicates have at least this many of 128 bits in common. Each bit agrees with probability (1 + s) / 2 at a
 * similarity of s: 115.2 +- 3.4 of them at 0.8, so that one pair in 7,000 is missed there and hardly any above; 96 +- 4.9 at 0.5, where one
 * pair in eight passes. (Li and König, b-bit minwise hashing, WWW 2010.)
 */
export const LEAST_AGREEMENT = 102;

const GRAM = 3;
/** Longer texts are compared as a whole, so that a hostile one takes no more memory than this allows. */
const LONGEST = 2 ** 20;

/**
 * The form in which inputs are compared: as {@link canonicalText}, and every digit is 0. Where figures make up the input, they stay: there
 * they tell inputs apart.
 */
export function canonicalInput(text: string): string {
  const folded = PLAIN.test(text) ? text.toLowerCase() : canonicalText(text);
  return isOfFigures(folded) ? folded : folded.replace(DIGIT, '0');
}

/** Share of the letters and digits of an input that are digits, from which on figures make it up, and the fewest such numbers. */
const SHARE_OF_FIGURES = 0.2;
const FEWEST_NUMBERS = 3;
/** A text with this many numbers, such as a price list, is told from another one by them. */
const MANY_NUMBERS = 20;

function isOfFigures(text: string): boolean {
  let [digits, signs, numbers] = [0, 0, 0];
  let inNumber = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    const isDigit = code >= 48 && code <= 57;
    if (isDigit && !inNumber) numbers += 1;
    inNumber = isDigit;
    if (isDigit) digits += 1;
    else if (code > 64) signs += 1;
  }
  if (numbers >= MANY_NUMBERS) return true;
  return numbers >= FEWEST_NUMBERS && digits >= (digits + signs) * SHARE_OF_FIGURES;
}

const DIGIT = /\p{Nd}/gu;
/** ASCII words with one space between them: most inputs are of this form, and only need lower case. */
const PLAIN = /^[!-~]+(?: [!-~]+)*$/;

/**
 * Jaccard similarity, 0 to 1, of the sets of 3-grams (of UTF-16 code units) of two canonical texts. A text of fewer than
 * 3 code units, or of more than 1,048,576, is similar to itself (1) and to nothing else (0).
 */
export function similarity(a: string, b: string): number {
  return new Comparison(a).similarity(b);
}

/** Whether {@link similarity} is at least {@link SIMILARITY}. A caller that compares many texts reuses a {@link Comparison}. */
export function isNear(a: string, b: string): boolean {
  return new Comparison(a).isNear(b);
}

/** How many of 128 bits the sketches have in common that stand at two places of an array. */
export function sketchAgreement(sketches: Uint32Array, a: number, b: number): number {
  let agreement = SKETCH_WORDS * 32;
  for (let word = 0; word < SKETCH_WORDS; word += 1) {
    agreement -= bitsOf((sketches[a + word] ?? 0) ^ (sketches[b + word] ?? 0));
  }
  return agreement;
}

/** Compares one text with others. Keeps its memory, so that it costs no allocation to load the next text. */
export class Comparison {
  readonly #grams = new GramSet();
  readonly #others = new GramSet();
  #text = '';
  #shared = 0;
  #missing = 0;

  constructor(text = '') {
    this.load(text);
  }

  load(text: string): void {
    this.#text = text;
    this.#grams.load(text);
  }

  similarity(other: string): number {
    if (other === this.#text) return 1;
    if (isWhole(other) || isWhole(this.#text)) return 0;
    this.#count(other, 0);
    return this.#shared / (this.#grams.size + this.#missing);
  }

  isNear(other: string): boolean {
    if (other === this.#text) return true;
    if (isWhole(other) || isWhole(this.#text)) return false;
    return this.#count(other, SIMILARITY);
  }

  /**
   * Counts the distinct grams of the other text that this one has, and those that it lacks; stops as soon as the rest cannot bring the
   * similarity to `least`.
   */
  #count(other: string, least: number): boolean {
    const { size } = this.#grams;
    const count = other.length - GRAM + 1;
    this.#others.reset(count);
    this.#shared = 0;
    this.#missing = 0;
    let [a, b] = [other.charCodeAt(0), other.charCodeAt(1)];
    for (let index = 0; index < count; index += 1) {
      const c = other.charCodeAt(index + 2);
      const hash = hashOfGram(a, b, c);
      const gram = idOfGram(a, b, c);
      if (this.#others.add(gram, hash)) {
        if (this.#grams.has(gram, hash)) this.#shared += 1;
        else {
          this.#missing += 1;
          const possible = min(this.#shared + count - index - 1, size);
          if (possible / (size + this.#missing) < least) return false;
        }
      }
      a = b;
      b = c;
    }
    return this.#shared / (size + this.#missing) >= least;
  }
}

/**
 * Signs texts, so that near duplicates can be found without comparing every pair.
 *
 * The hash values of a text are a Fast Similarity Sketch (Dahlgaard, Knudsen and Thorup, FOCS 2017), which is MinHash (Broder, On the
 * resemblance and containment of documents, 1997) at about 900 hashes a text of usual length in place of 147 a gram. In each round every
 * gram falls by chance into one of 147 bins, and a bin that the rounds before have left empty keeps the smallest of its hashes; at the end
 * no bin is empty. Two texts of similarity s have an equal value in a bin with probability s.
 *
 * A key of a band is made of 7 values, and there are 21 of them, so that texts share a key with probability 1 - (1 - s^7)^21 (Leskovec,
 * Rajaraman and Ullman, Mining of Massive Datasets, 3.4): 0.993 at s = 0.8, 0.999999 at 0.9, but 0.005 at 0.3, 0.0003 at 0.2 and 0.000002
 * at 0.1. Pairs of unrelated rows are mostly of the last kinds; of the 5 * 10^11 that a million rows make, some 10^8 share a key, and the
 * sketches tell those apart without reading a text.
 */
export class Signer {
  readonly #grams = new GramSet();
  readonly #values = new Int32Array(VALUES);
  /** The round that filled a bin; -1 for none. */
  readonly #rounds = new Int16Array(VALUES);

  /** Writes the {@link SIGNATURE_WORDS} words of a canonical text. */
  sign(canonical: string, out: Uint32Array, offset: number): void {
    this.#grams.load(canonical);
    this.#fillValues();
    const values = this.#values;
    for (let band = 0, value = 0; band < BANDS; band += 1) {
      let key = band;
      for (const end = value + BAND_ROWS; value < end; value += 1) key = mixed(imul(key, 31) + (values[value] ?? 0));
      out[offset + band] = key;
    }
    for (let word = 0, value = 0; word < SKETCH_WORDS; word += 1) {
      let bits = 0;
      for (const end = value + 32; value < end; value += 1) bits = (bits << 1) | ((values[value] ?? 0) & 1);
      out[offset + BANDS + word] = bits;
    }
    out[offset + BANDS + SKETCH_WORDS] = hashOfText(canonical);
  }

  #fillValues(): void {
    const [values, rounds] = [this.#values, this.#rounds];
    const { hashes, size } = this.#grams;
    rounds.fill(-1);
    let empty = VALUES;
    for (let round = 0; empty > 0; round += 1) {
      const [salt, factor] = [mixed(2 * round), mixed(2 * round + 1) | 1];
      for (let index = 0; index < size; index += 1) {
        const value = imul((hashes[index] ?? 0) ^ salt, factor);
        // After as many rounds as bins each round has a bin of its own, so that texts of few grams come to an end too.
        const bin = round < VALUES ? ((value >>> 16) * VALUES) >>> 16 : round - VALUES;
        const filled = rounds[bin] ?? 0;
        if (filled === -1) {
          rounds[bin] = round;
          values[bin] = value;
          empty -= 1;
        } else if (filled === round && value < (values[bin] ?? 0)) values[bin] = value;
      }
    }
  }
}

/** The distinct grams of one text: a hash table that is used again for the next. */
class GramSet {
  size = 0;
  /** 32-bit hashes of the grams, {@link size} of them. */
  hashes = new Int32Array(256);
  #table = new Float64Array(512);
  #mask = 511;

  load(text: string): void {
    if (isWhole(text)) {
      this.reset(1);
      this.add(0, hashOfText(text));
      return;
    }
    const count = text.length - GRAM + 1;
    this.reset(count);
    let [a, b] = [text.charCodeAt(0), text.charCodeAt(1)];
    for (let index = 0; index < count; index += 1) {
      const c = text.charCodeAt(index + 2);
      this.add(idOfGram(a, b, c), hashOfGram(a, b, c));
      a = b;
      b = c;
    }
  }

  /** Empties the set and makes room for this many grams. */
  reset(most: number): void {
    // At most half full.
    const slots = 2 ** Math.ceil(Math.log2(Math.max(most, 32) * 2));
    if (slots > this.#table.length) {
      this.#table = new Float64Array(slots);
      this.hashes = new Int32Array(slots / 2);
    }
    this.#mask = slots - 1;
    this.#table.fill(-1, 0, slots);
    this.size = 0;
  }

  /** Whether the gram is new to the set. */
  add(gram: number, hash: number): boolean {
    const table = this.#table;
    const mask = this.#mask;
    let slot = hash & mask;
    for (let found = table[slot]; found !== -1; found = table[slot]) {
      if (found === gram) return false;
      slot = (slot + 1) & mask;
    }
    table[slot] = gram;
    this.hashes[this.size] = hash;
    this.size += 1;
    return true;
  }

  has(gram: number, hash: number): boolean {
    const table = this.#table;
    const mask = this.#mask;
    let slot = hash & mask;
    for (let found = table[slot]; found !== -1; found = table[slot]) {
      if (found === gram) return true;
      slot = (slot + 1) & mask;
    }
    return false;
  }
}

/** Whether a text has too few grams for a comparison. */
function isWhole(text: string): boolean {
  return text.length < GRAM || text.length > LONGEST;
}

/** A number below 2^48: one for each gram. */
function idOfGram(a: number, b: number, c: number): number {
  return a * 2 ** 32 + b * 2 ** 16 + c;
}

function hashOfGram(a: number, b: number, c: number): number {
  return mixed(imul((a << 16) | b, 0x9e37_79b1) ^ imul(c, 0x85eb_ca6b));
}

function hashOfText(text: string): number {
  let hash = text.length;
  for (let index = 0; index < text.length; index += 1) hash = imul(hash ^ text.charCodeAt(index), 0x0100_0193);
  return mixed(hash);
}

/** Every bit of the number decides over every bit of the result (lowbias32 of C. Wellons' hash prospector). */
function mixed(number: number): number {
  let x = number;
  x = imul(x ^ (x >>> 16), 0x21f0_aaad);
  x = imul(x ^ (x >>> 15), 0x735a_2d97);
  return x ^ (x >>> 15);
}

/** How many bits of 32 are set (Warren, Hacker's Delight, 5-1). */
function bitsOf(word: number): number {
  let x = word - ((word >>> 1) & 0x5555_5555);
  x = (x & 0x3333_3333) + ((x >>> 2) & 0x3333_3333);
  return imul((x + (x >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
