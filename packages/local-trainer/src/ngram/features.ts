import { spread } from '@tuneloop/app/internal/shared/random';

/** What a base model sees of a text. Sizes are in words (`wordOrder`) and UTF-16 code units (`characters`). */
export interface FeatureRecipe {
  /** 1 = single words, 2 = single words and pairs of neighbours. */
  readonly wordOrder: 1 | 2;
  /** Shortest and longest character n-gram; null = none. */
  readonly characters: readonly [shortest: number, longest: number] | null;
  /** Hash buckets (a power of two), or null to keep all 32 bits of the hash apart. */
  readonly buckets: number | null;
}

export const BASE_MODELS = ['local-nano', 'local-mini', 'local-base'] as const;
export type BaseModel = (typeof BASE_MODELS)[number];

export function isBaseModel(name: string): name is BaseModel {
  return BASE_MODELS.some((base) => base === name);
}

/** The three sizes see different parts, so that choosing between them is a real trade of quality for speed. */
export const RECIPES: Readonly<Record<BaseModel, FeatureRecipe>> = {
  'local-nano': { wordOrder: 1, characters: null, buckets: 512 },
  'local-mini': { wordOrder: 1, characters: null, buckets: null },
  'local-base': { wordOrder: 2, characters: [2, 5], buckets: null },
};

/** Text beyond this many UTF-16 code units is not read: a bound on the time of one prediction. */
export const LONGEST_TEXT = 32_768;

// Scripts written without spaces are read letter by letter (neighbours are paired below); the rest word by word, where a
// word keeps its combining marks and inner apostrophes; an emoji or another sign is a word of its own.
const WORD =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]|[\p{L}\p{N}_][\p{L}\p{N}\p{M}_]*(?:['’][\p{L}]+)*|[^\s\p{L}\p{N}\p{M}]/gu;
const UNSPACED =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

const ALL_BITS = 0xffffffff;
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
// Different starting points keep a word, a pair and a character n-gram with the same letters apart.
const WORD_SEED = FNV_OFFSET;
const PAIR_SEED = 0x2f0b4c47;
const CHARACTER_SEED = 0x5bd1e995;

/** Word features have odd hashes and character features even ones, so that {@link isWordFeature} can tell. */
function asWord(hash: number, mask: number): number {
  return (mask === ALL_BITS ? spread(hash) | 1 : spread(hash) & mask) >>> 0;
}

/** Whether a hash made with all 32 bits stands for a word or a pair of words. */
export function isWordFeature(hash: number): boolean {
  return (hash & 1) === 1;
}

function hashInto(seed: number, text: string): number {
  let hash = seed;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME);
  return hash;
}

/** Lower case, compatibility forms united (full-width letters, ligatures), runs of white space as one space. */
export function normalizeText(text: string): string {
  const cut = text.length > LONGEST_TEXT ? text.slice(0, LONGEST_TEXT) : text;
  return cut.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();
}

/** The words of a text after {@link normalizeText}, in order. */
export function wordsOf(text: string): string[] {
  return normalizeText(text).match(WORD) ?? [];
}

/** A growing list of 32-bit hashes that is filled again and again without allocating. */
export class HashList {
  hashes = new Uint32Array(1024);
  length = 0;

  push(hash: number): void {
    if (this.length === this.hashes.length) {
      const larger = new Uint32Array(this.hashes.length * 2);
      larger.set(this.hashes);
      this.hashes = larger;
    }
    this.hashes[this.length++] = hash;
  }
}

/**
 * Writes the hash of each feature of `text` to `list` (emptied first), with repeats, in the order of the text.
 * A text without any word, such as the empty one, has no features.
 */
export function hashFeatures(text: string, recipe: FeatureRecipe, list: HashList): void {
  list.length = 0;
  const normal = normalizeText(text);
  const mask = recipe.buckets === null ? ALL_BITS : recipe.buckets - 1;
  let previous = 0;
  let previousUnspaced = false;
  let hasPrevious = false;
  for (const word of normal.match(WORD) ?? []) {
    const hash = hashInto(WORD_SEED, word);
    list.push(asWord(hash, mask));
    const unspaced = word.charCodeAt(0) > 0x0e00 && UNSPACED.test(word);
    // A single letter of an unspaced script says little: its pairs stand in for words in every recipe.
    if (hasPrevious && (recipe.wordOrder === 2 || (unspaced && previousUnspaced))) {
      list.push(asWord(Math.imul(previous ^ PAIR_SEED, FNV_PRIME) ^ hash, mask));
    }
    previous = hash;
    previousUnspaced = unspaced;
    hasPrevious = true;
  }
  if (recipe.characters === null || normal.length === 0) return;
  const [shortest, longest] = recipe.characters;
  // Inside words only (each with a space before and after): fewer, better features than n-grams across words.
  for (const part of normal.split(' ')) {
    const padded = ` ${part} `;
    for (let start = 0; start < padded.length; start++) {
      const end = Math.min(padded.length, start + longest);
      let hash = CHARACTER_SEED;
      for (let at = start; at < end; at++) {
        hash = Math.imul(hash ^ padded.charCodeAt(at), FNV_PRIME);
        if (at - start + 1 >= shortest) list.push((spread(hash) & mask & ~1) >>> 0);
      }
    }
  }
}
