import { isDigit, type PiiSpan } from './pii.ts';

/** RFC 5321, section 4.5.3.1; counted in UTF-16 code units here. */
const LONGEST_LOCAL_PART = 64;
const LONGEST_DOMAIN = 255;
const LONGEST_LABEL = 63;

/** Signs of a local part that stand in today's addresses; RFC 5321 has more, which elsewhere end a word. */
const LOCAL_SIGNS = new Set([..."!#$%'*+-.^_`~"].map((sign) => sign.charCodeAt(0)));
const HYPHEN = 45;
const DOT = 46;
const UNDERSCORE = 95;

/** The script of a letter: a word of a script without spaces may touch an address that it does not belong to. */
type Script = 'spaced' | 'unspaced';
/** Letters alone, or their ASCII form. */
const TOP_LEVEL = /^(?:[A-Za-z\p{L}\p{M}]{2,}|[Xx][Nn]--.+)$/u;
const LETTER = /[\p{L}\p{M}]/u;
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

/**
 * E-mail addresses, with international names and domains too. The domain must have a dot and end like a top-level
 * domain. Quoted local parts (`"a b"@example.com`) are not found.
 */
export function findEmails(text: string): PiiSpan[] {
  const found: PiiSpan[] = [];
  let from = 0;
  for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', at + 1)) {
    const start = startOfLocalPart(text, at, from);
    if (start === at) continue;
    const end = endOfDomain(text, at + 1);
    if (end === at + 1) continue;
    found.push({ start, end, value: text.slice(start, end).toLowerCase() });
    from = end;
  }
  return found;
}

/** The place where the local part in front of an `@` starts; the `@` itself if there is none. */
function startOfLocalPart(text: string, at: number, from: number): number {
  const last = Math.max(from, at - LONGEST_LOCAL_PART);
  let script: Script | undefined;
  let start = at;
  for (let index = at - 1; index >= from; index -= 1) {
    const code = text.charCodeAt(index);
    if (!isDigit(code) && !LOCAL_SIGNS.has(code)) {
      const other = scriptOf(code);
      if (other === undefined || (script !== undefined && other !== script)) break;
      script = other;
    }
    if (code === DOT && text.charCodeAt(index + 1) === DOT) break;
    // Longer than any local part, so it is no address.
    if (index < last) return at;
    start = index;
  }
  // Quotes and emphasis around an address are no part of it.
  while (start < at && isLocalSignAtEdge(text.charCodeAt(start))) start += 1;
  return start;
}

function isLocalSignAtEdge(code: number): boolean {
  return code !== UNDERSCORE && LOCAL_SIGNS.has(code);
}

/** The place where the longest domain from an index ends; the index itself if there is none. */
function endOfDomain(text: string, from: number): number {
  let end = from;
  for (let start = from; ; ) {
    const label = labelAt(text, start);
    if (label.end === start || label.end - from > LONGEST_DOMAIN) return end;
    if (start > from && label.topLevel) end = label.end;
    if (text.charCodeAt(label.end) !== DOT) return end;
    start = label.end + 1;
  }
}

/** The label of a domain at an index; empty if there is none. */
function labelAt(text: string, start: number): { end: number; topLevel: boolean } {
  const none = { end: start, topLevel: false };
  if (text.charCodeAt(start) === HYPHEN) return none;
  let script: Script | undefined;
  let index = start;
  for (; ; index += 1) {
    const code = text.charCodeAt(index);
    if (!isDigit(code) && code !== HYPHEN) {
      const other = scriptOf(code);
      if (other === undefined || (script !== undefined && other !== script)) break;
      script = other;
    }
    if (index - start >= LONGEST_LABEL) return none;
  }
  // A dash behind an address is no part of it.
  let end = index;
  while (end > start && text.charCodeAt(end - 1) === HYPHEN) end -= 1;
  const word = text.slice(start, end);
  return { end, topLevel: TOP_LEVEL.test(word) };
}

function scriptOf(code: number): Script | undefined {
  if (code < 128) return (code | 32) >= 97 && (code | 32) <= 122 ? 'spaced' : undefined;
  const letter = String.fromCharCode(code);
  if (!LETTER.test(letter)) return undefined;
  return UNSPACED.test(letter) ? 'unspaced' : 'spaced';
}
