import type { PiiType } from '../../core/dataset/pii-type.ts';
import { findCards, findIbans } from './account.ts';
import { findEmails } from './email.ts';
import { findIps } from './ip.ts';
import { phoneDetector } from './phone.ts';
import type { PiiDetector, PiiSpan, Span } from './pii.ts';
import { findProviderKeys, findWebTokens } from './secret.ts';

/** A find of another program, such as an analyzer of names. */
export interface ForeignSpan extends Span {
  /** Its type, which becomes the name of the placeholder, in capitals. A {@link PiiType} shares its numbers. */
  type: string;
}

export interface Redaction {
  texts: readonly string[];
  /** The number of different values that were replaced, by type in small letters. */
  found: Record<string, number>;
}

/** The most specific first: it wins over an equally long one. */
const SPECIFIC_FIRST = ['jwt', 'key', 'email', 'iban', 'card', 'ip', 'phone'] as const satisfies readonly PiiType[];

const PLACEHOLDER = /\[([A-Z][A-Z0-9_]{0,40})_(\d{1,9})\]/g;
const LONGEST_NAME = 40;

/**
 * A value that is found only after its neighbour was replaced is replaced in a further round. Only texts made for this purpose need more
 * rounds than this.
 */
const MOST_ROUNDS = 5;

/** A place and the type of its placeholder, before overlaps are resolved. */
interface Claim extends PiiSpan {
  name: string;
  foreign: boolean;
}

/**
 * Replaces personal data and secrets by typed placeholders, such as `[EMAIL_1]`. Time is linear in the length of the texts, whatever they
 * hold. No text is kept after a call.
 */
export class Redactor {
  readonly #detectors: readonly { name: string; detect: PiiDetector }[];

  /**
   * @param phoneRegion the region whose phone numbers are recognised without a country code, as two capital letters.
   * @throws TuneloopError PIPELINE_INVALID if phones are wanted and the region is unknown.
   */
  constructor({ types, phoneRegion }: { types: readonly PiiType[]; phoneRegion: string }) {
    this.#detectors = SPECIFIC_FIRST.filter((type) => types.includes(type)).map((type) => ({
      name: nameOf(type),
      detect: detectorOf(type, phoneRegion),
    }));
  }

  /**
   * Redacts the texts of one example together: a value has the same placeholder in all of them, in any spelling. Placeholders count from 1
   * for each type, by first appearance. Those that a text already holds stay, and their numbers are not given to other values; so a second
   * pass changes nothing.
   *
   * Of places that overlap, the longest counts, then the most specific type. The rest of a foreign find is replaced too, because it is not
   * looked at again.
   *
   * @param foreign the finds of another program in each text.
   */
  redact(texts: readonly string[], foreign: readonly (readonly ForeignSpan[])[] = []): Redaction {
    let placeholders: Placeholders | undefined;
    let current = texts;
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const claims = current.map((text, index) => this.#claims(text, round === 0 ? foreign[index] : undefined));
      if (claims.every(({ length }) => length === 0)) break;
      placeholders ??= new Placeholders(texts);
      const next = replaceAll(current, claims, placeholders);
      // All finds stand in placeholders.
      if (next.every((text, index) => text === current[index])) break;
      current = next;
    }
    return { texts: current, found: placeholders?.counts() ?? {} };
  }

  #claims(text: string, foreign: readonly ForeignSpan[] = []): Claim[] {
    const claims: Claim[] = [];
    for (const { name, detect } of this.#detectors) {
      for (const { start, end, value } of detect(text)) claims.push({ start, end, value, name, foreign: false });
    }
    for (const { start, end, type } of foreign) {
      claims.push({ start, end, value: text.slice(start, end).toLowerCase(), name: nameOf(type), foreign: true });
    }
    return claims;
  }
}

function detectorOf(type: PiiType, phoneRegion: string): PiiDetector {
  switch (type) {
    case 'email':
      return findEmails;
    case 'phone':
      return phoneDetector(phoneRegion);
    case 'card':
      return findCards;
    case 'iban':
      return findIbans;
    case 'ip':
      return findIps;
    case 'jwt':
      return findWebTokens;
    case 'key':
      return findProviderKeys;
  }
}

function replaceAll(texts: readonly string[], claims: readonly Claim[][], placeholders: Placeholders): string[] {
  return texts.map((text, index) => replace(text, claims[index] ?? [], placeholders));
}

/** The text with placeholders in place of the valid claims. */
function replace(text: string, claims: readonly Claim[], placeholders: Placeholders): string {
  if (claims.length === 0) return text;
  let clean = '';
  let from = 0;
  for (const { start, end, name, value } of settle(text, claims)) {
    clean += text.slice(from, start) + placeholders.of(name, value);
    from = end;
  }
  return clean + text.slice(from);
}

/** The valid claims, in order and without overlaps. None touches a placeholder. */
function settle(text: string, claims: readonly Claim[]): Claim[] {
  const taken = new Uint8Array(text.length);
  for (const { 0: placeholder, index } of text.matchAll(PLACEHOLDER)) {
    taken.fill(1, index, index + placeholder.length);
  }
  const settled: Claim[] = [];
  // Sorting is stable: of equally long ones, the first in the order of the types.
  for (const claim of claims.toSorted((a, b) => b.end - b.start - (a.end - a.start))) {
    const pieces = claim.foreign ? freePieces(text, claim, taken) : isFree(claim, taken) ? [claim] : [];
    for (const piece of pieces) taken.fill(1, piece.start, piece.end);
    settled.push(...pieces);
  }
  return settled.sort((a, b) => a.start - b.start);
}

/** Taken places are longer than the claim, or placeholders around it, so they cover one of its ends. */
function isFree({ start, end }: Claim, taken: Uint8Array): boolean {
  return taken[start] === 0 && taken[end - 1] === 0;
}

/** The parts of a claim that no other claim has taken, without the spaces around them. */
function freePieces(text: string, claim: Claim, taken: Uint8Array): Claim[] {
  const pieces: Claim[] = [];
  for (let start = claim.start; start < claim.end; ) {
    let end = start;
    while (end < claim.end && taken[end] === 0) end += 1;
    const piece = text.slice(start, end);
    const value = piece.trim();
    if (value !== '') {
      const from = start + piece.length - piece.trimStart().length;
      pieces.push({ ...claim, start: from, end: from + value.length, value: value.toLowerCase() });
    }
    start = end + 1;
  }
  return pieces;
}

/** Gives values their placeholders within one example. */
class Placeholders {
  /** By name, then by value. */
  readonly #given = new Map<string, Map<string, string>>();
  /** The numbers that the texts already hold. */
  readonly #used = new Set<string>();
  /** The last number of a name. */
  readonly #last = new Map<string, number>();

  constructor(texts: readonly string[]) {
    for (const text of texts) {
      for (const [placeholder] of text.matchAll(PLACEHOLDER)) this.#used.add(placeholder);
    }
  }

  of(name: string, value: string): string {
    const given = this.#given.get(name) ?? new Map<string, string>();
    const placeholder = given.get(value) ?? this.#next(name);
    given.set(value, placeholder);
    this.#given.set(name, given);
    return placeholder;
  }

  /** The number of values with a placeholder, by type. */
  counts(): Record<string, number> {
    return Object.fromEntries(Array.from(this.#given, ([name, given]) => [name.toLowerCase(), given.size]));
  }

  #next(name: string): string {
    for (let number = (this.#last.get(name) ?? 0) + 1; ; number += 1) {
      const placeholder = `[${name}_${number}]`;
      if (this.#used.has(placeholder)) continue;
      this.#last.set(name, number);
      return placeholder;
    }
  }
}

function nameOf(type: string): string {
  const name = type
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]+/g, '_')
    .slice(0, LONGEST_NAME);
  return /^[A-Z]/.test(name) ? name : `X${name}`;
}
