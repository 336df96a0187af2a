import { isAlphanumeric, isDigit, type PiiSpan } from './pii.ts';

const IPV4 = /\d{1,3}(?:\.\d{1,3}){3}/g;
const OCTET = /^(?:0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])$/;
/** After these words, four numbers are a version (`v1.2.3.4`, `Chrome/120.0.0.0`) or a heading. Searched for from the right. */
const NOT_AN_ADDRESS =
  /(?<=\b(?:v|ver|vers|version|release|build|firmware|driver|section|chapter|clause)[ .:=#]{0,3}|[a-z]\/)/iy;

/** The longest way to write an IPv6 address. */
const LONGEST_IPV6 = 'ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255'.length;
const GROUPS = 8;
const COLON = 58;
const DOT = 46;

/**
 * IPv4 and IPv6 addresses. Four numbers behind a word such as `version`, or behind a product's name and a slash, are a
 * version and stay. An IPv6 address has a digit and two groups at least: `abc::def` is code, and `::1` is any machine.
 */
export function findIps(text: string): PiiSpan[] {
  return [...(text.includes('.') ? ipv4s(text) : []), ...ipv6s(text)];
}

function* ipv4s(text: string): Iterable<PiiSpan> {
  for (const { 0: address, index: start } of text.matchAll(IPV4)) {
    const end = start + address.length;
    if (isGlued(text, start, end) || !isIPv4(address)) continue;
    NOT_AN_ADDRESS.lastIndex = start;
    if (NOT_AN_ADDRESS.test(text)) continue;
    yield { start, end, value: address };
  }
}

/** Whether a number with dots continues to the left or to the right. */
function isGlued(text: string, start: number, end: number): boolean {
  const before = text.charCodeAt(start - 1);
  const after = text.charCodeAt(end);
  return (
    isWord(before) ||
    isWord(after) ||
    (before === DOT && isDigit(text.charCodeAt(start - 2))) ||
    (after === DOT && isDigit(text.charCodeAt(end + 1)))
  );
}

function isIPv4(text: string): boolean {
  const octets = text.split('.');
  return octets.length === 4 && octets.every((octet) => OCTET.test(octet));
}

function* ipv6s(text: string): Iterable<PiiSpan> {
  let from = 0;
  for (let colon = text.indexOf(':'); colon !== -1; colon = text.indexOf(':', from)) {
    let start = colon;
    while (start > from && isHex(text.charCodeAt(start - 1))) start -= 1;
    let end = colon;
    while (isHex(text.charCodeAt(end)) || text.charCodeAt(end) === COLON || isDotInside(text, end)) end += 1;
    from = end;
    // The colon of `from:` or of `fe80::1: no route` belongs to the sentence.
    if (text.charCodeAt(start) === COLON && text.charCodeAt(start + 1) !== COLON) start += 1;
    if (text.charCodeAt(end - 1) === COLON && text.charCodeAt(end - 2) !== COLON) end -= 1;
    if (end - start > LONGEST_IPV6 || isWord(text.charCodeAt(start - 1)) || isWord(text.charCodeAt(end))) continue;
    const address = text.slice(start, end).toLowerCase();
    if (isIPv6(address)) yield { start, end, value: address };
  }
}

/** Of an IPv4 address at the end of an IPv6 address. */
function isDotInside(text: string, index: number): boolean {
  return text.charCodeAt(index) === DOT && isDigit(text.charCodeAt(index - 1)) && isDigit(text.charCodeAt(index + 1));
}

/** RFC 4291, section 2.2, with a digit and two groups at least. */
function isIPv6(address: string): boolean {
  const [left = '', right, ...more] = address.split('::');
  if (more.length > 0 || !/\d/.test(address)) return false;
  const groups = [left, right ?? ''].flatMap((side) => (side === '' ? [] : side.split(':')));
  const last = groups.at(-1) ?? '';
  const mapped = last.includes('.');
  if (mapped && !isIPv4(last)) return false;
  const hextets = mapped ? groups.slice(0, -1) : groups;
  if (!hextets.every((hextet) => /^[0-9a-f]{1,4}$/.test(hextet))) return false;
  const length = hextets.length + (mapped ? 2 : 0);
  return right === undefined ? length === GROUPS : length >= 2 && length < GROUPS;
}

function isHex(code: number): boolean {
  return isDigit(code) || ((code | 32) >= 97 && (code | 32) <= 102);
}

function isWord(code: number): boolean {
  return isAlphanumeric(code) || code === 95;
}
