import {
  type CountryCode,
  isSupportedCountry,
  type PhoneNumber,
  parsePhoneNumberFromString,
} from 'libphonenumber-js/max';
import { TuneloopError } from '../../errors.ts';
import { isAlphanumeric, isDigit, type PiiDetector, type PiiSpan } from './pii.ts';

/** ITU-T E.164 has 15 digits at most; a prefix for calls abroad (`00`, `011`) stands in front of them. */
const MOST_DIGITS = 18;
/** Shorter ones are numbers within a town, which cannot be told from other numbers. */
const FEWEST_DIGITS = 7;
/** Groups of one digit, as in `00 49 (0) 30`; a later single digit is a count. */
const MOST_SINGLES = 3;
const LONGEST_SEPARATOR = 3;
const SEPARATORS = codesOf(' \u00a0\u2009\u202f-\u2010\u2011\u2012\u2013./()');
/** Between a word and a number, these make one word of both. */
const GLUE = codesOf('-/\\\u2010\u2011\u2012\u2013');
const NOT_IN_FRONT = codesOf('#$€£¥');
const NOT_BEHIND = codesOf('%$€£¥');
const SPACE = 32;
const OPEN = 40;
const COMMA = 44;
const HYPHEN = 45;
const DOT = 46;
const COLON = 58;
const UNDERSCORE = 95;

/**
 * At most this many numbers of a text are looked up in their country's plan, which takes about 15 microseconds each. In a text with more of
 * them, every later number that could be a phone number counts as one, so that time is bounded and no phone number is left.
 */
const MOST_LOOKS = 300;

/** `20240131`, `2024-01-31`, `31.01.2024`, `1/31/24`, with a time behind it. */
const DATE =
  /^(?:(?:19|20)\d\d([-./ ]?)(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])|(?:0?[1-9]|[12]\d|3[01])([-./])(?:0?[1-9]|[12]\d|3[01])\2(?:19|20)?\d\d)(?: |$)/;
/** After these words, a number in one piece is a number of another kind. Searched for from the right. */
const NUMBER_OF =
  /(?<=(?:#|№|\b(?:order|invoice|ticket|case|ref|reference|account|acct|transaction|tracking|booking|customer|serial|item|sku|id|isbn|imei)(?:[ _-]?(?:no|nr|num|number|id|code))?)[ .:=#-]{0,3}(?:is[ :]{1,2})?)/iy;

/** A number as it is written: its digits, and how many stand before each of its separators. */
interface Written {
  start: number;
  end: number;
  digits: string;
  cuts: readonly number[];
}

/**
 * Finds phone numbers: with a country code those of the whole world, without one those of a region. Only numbers that the region's plan
 * allows count, written as people write them: with the prefix that the region asks for, and in groups that could be a number's. Dates,
 * decimal numbers, and numbers behind `#` or a word such as `order` stay.
 *
 * @throws TuneloopError PIPELINE_INVALID if the region is unknown.
 */
export function phoneDetector(region: string): PiiDetector {
  if (!isSupportedCountry(region)) {
    throw new TuneloopError(
      'PIPELINE_INVALID',
      `clean.phone_region: ${region} is not the code of a country, such as DE`,
    );
  }
  return (text) => findPhones(text, region);
}

function findPhones(text: string, region: CountryCode): PiiSpan[] {
  const found: PiiSpan[] = [];
  let looks = 0;
  let from = 0;
  for (let index = 0; index < text.length; ) {
    if (!isDigit(text.charCodeAt(index))) {
      index += 1;
      continue;
    }
    const start = startOfNumber(text, index, from);
    const phone = start === undefined || !hasEnoughDigits(text, index) ? undefined : phoneAt(start, index);
    if (phone) {
      found.push(phone);
      from = phone.end;
    }
    index = phone?.end ?? endOfDigits(text, index);
  }
  return found;

  function phoneAt(start: number, first: number): PiiSpan | undefined {
    const candidates = candidatesAt(text, start, first);
    for (let written = candidates.pop(); written !== undefined; written = candidates.pop()) {
      if (isOtherNumber(text, written)) continue;
      if (looks < MOST_LOOKS && isNumberOfSomething(text, written)) continue;
      const value = looks < MOST_LOOKS ? phoneNumber(text, written, region) : written.digits;
      looks += 1;
      if (value !== undefined) return { start: written.start, end: written.end, value };
    }
    return undefined;
  }
}

/** Possible phone numbers whose first digit is at an index, the longest last. */
function candidatesAt(text: string, start: number, first: number): Written[] {
  const candidates: Written[] = [];
  let cuts: readonly number[] = [];
  let digits = '';
  for (let group = first; ; ) {
    const end = endOfDigits(text, group, MOST_DIGITS + 1);
    const single = end - group === 1;
    if ((single && cuts.length >= MOST_SINGLES) || digits.length + end - group > MOST_DIGITS) break;
    digits += text.slice(group, end);
    if (digits.length >= FEWEST_DIGITS && !(single && text[group - 1] === ' ') && isNumberEnd(text, end)) {
      candidates.push({ start: withoutOpenBracket(text, start, end), end, digits, cuts });
    }
    const next = endOfSeparator(text, end);
    if (next === end || !isDigit(text.charCodeAt(next))) break;
    cuts = [...cuts, digits.length];
    group = next;
  }
  return candidates;
}

/** Cheaper than collecting candidates, and usually the answer is no. */
function hasEnoughDigits(text: string, first: number): boolean {
  let digits = 0;
  let singles = 0;
  for (let group = first; digits < FEWEST_DIGITS; ) {
    const end = endOfDigits(text, group, FEWEST_DIGITS);
    digits += end - group;
    if (end - group === 1) singles += 1;
    if (end === group || singles > MOST_SINGLES) return false;
    group = endOfSeparator(text, end);
  }
  return true;
}

/**
 * The start of a number with this first digit, with its plus and its bracket; undefined inside other text. The text before `from` is
 * another number.
 */
function startOfNumber(text: string, first: number, from: number): number | undefined {
  let start = first;
  if (text.charCodeAt(start - 1) === OPEN) start -= 1;
  if (isPlus(text.charCodeAt(start - 1))) {
    start -= 1;
    if (text.charCodeAt(start - 1) === OPEN) start -= 1;
    return isAlphanumeric(text.charCodeAt(start - 1)) ? undefined : start;
  }
  const before = text.charCodeAt(start - 1);
  if (before === SPACE) return start;
  if (isWord(before) || NOT_IN_FRONT.has(before)) return undefined;
  const glue = start - 2 < from ? SPACE : text.charCodeAt(start - 2);
  if (before === DOT ? isDigit(glue) : GLUE.has(before) && isWord(glue)) return undefined;
  return start;
}

/** Whether a number may end here: the word ends, and it is not the hour of a time or the whole part of an amount. */
function isNumberEnd(text: string, end: number): boolean {
  const after = text.charCodeAt(end);
  if (after === SPACE) return true;
  if (isWord(after)) return /^(?:x|ext)\W{0,2}\d/i.test(text.slice(end, end + 6));
  if (NOT_BEHIND.has(after)) return false;
  if (after === DOT || after === COLON) return !isDigit(text.charCodeAt(end + 1));
  if (after === COMMA) return !/^,\d\d(?!\d)/.test(text.slice(end, end + 4));
  return after !== HYPHEN || !isWord(text.charCodeAt(end + 1));
}

/** The bracket in front of a number belongs to it only if it closes inside. */
function withoutOpenBracket(text: string, start: number, end: number): number {
  if (text.charCodeAt(start) !== OPEN) return start;
  const written = text.slice(start, end);
  return written.split('(').length > written.split(')').length ? start + 1 : start;
}

/** The number in one spelling (E.164); undefined if it is none. */
function phoneNumber(text: string, { start, end, digits, cuts }: Written, region: CountryCode): string | undefined {
  const international = isInternational(text, start);
  const number = parsePhoneNumberFromString(international ? `+${digits}` : digits, {
    defaultCountry: region,
    extract: false,
  });
  if (!number?.isValid()) return undefined;
  return international || isWrittenAsPhone(text.slice(start, end), digits, cuts, number) ? number.number : undefined;
}

/** Whether a number is plainly a date or a decimal number. */
function isOtherNumber(text: string, { start, end, cuts }: Written): boolean {
  if (isInternational(text, start)) return false;
  const written = text.slice(start, end);
  return DATE.test(written) || /^0\./.test(written) || (cuts.length === 1 && /^[1-9]\d*\.\d+$/.test(written));
}

function isNumberOfSomething(text: string, { start, cuts }: Written): boolean {
  NUMBER_OF.lastIndex = start;
  return cuts.length === 0 && !isInternational(text, start) && NUMBER_OF.test(text);
}

/** Whether a number without a plus has the prefix that its region asks for, and groups that are a phone number's. */
function isWrittenAsPhone(written: string, digits: string, cuts: readonly number[], number: PhoneNumber): boolean {
  const { nationalNumber } = number;
  // Ranges of pagers are wide and hardly used; milliseconds since 1970 fall into Germany's.
  if (number.getType() === 'PAGER') return false;
  if (digits !== nationalNumber) return true;
  const format = number.formatNational({ nationalPrefix: false });
  if (format.replaceAll(/\D/g, '') !== nationalNumber) return false;
  if (cuts.length === 0 || written.includes('(')) return true;
  const usual = cutsOf(format);
  return cuts.every((cut) => usual.has(cut)) || isInShortGroups(digits, cuts);
}

/** How many digits stand before each separator. */
function cutsOf(format: string): Set<number> {
  const groups = format.split(/\D+/).filter(Boolean);
  let digits = 0;
  return new Set(groups.map((group) => (digits += group.length)));
}

/** Three groups at least, each of two or three digits. */
function isInShortGroups(digits: string, cuts: readonly number[]): boolean {
  const ends = [...cuts, digits.length];
  return cuts.length >= 2 && ends.every((end, group) => [2, 3].includes(end - (ends[group - 1] ?? 0)));
}

/** With a plus, in brackets or not. */
function isInternational(text: string, start: number): boolean {
  return isPlus(text.charCodeAt(start)) || isPlus(text.charCodeAt(start + 1));
}

function isPlus(code: number): boolean {
  return code === 0x2b || code === 0xff0b;
}

function isWord(code: number): boolean {
  if (code < 128) return isAlphanumeric(code) || code === UNDERSCORE;
  return code >= 128 && /[\p{L}\p{N}]/u.test(String.fromCharCode(code));
}

function endOfDigits(text: string, from: number, limit = Number.POSITIVE_INFINITY): number {
  let end = from;
  while (end - from < limit && isDigit(text.charCodeAt(end))) end += 1;
  return end;
}

function endOfSeparator(text: string, from: number): number {
  // The end of a sentence.
  if (text.startsWith('. ', from)) return from;
  let end = from;
  while (end - from < LONGEST_SEPARATOR && SEPARATORS.has(text.charCodeAt(end))) end += 1;
  return end;
}

function codesOf(signs: string): Set<number> {
  return new Set([...signs].map((sign) => sign.charCodeAt(0)));
}
