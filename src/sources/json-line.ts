import { isUtf8 } from 'node:buffer';
import type { RowIssue } from '../core/dataset/issue.ts';

/** Bytes. Longer lines are refused; line readers do not even keep them. */
export const LONGEST_LINE = 10_000_000;
/** Bytes. Longer lines are noted. */
const LARGE_LINE = 100_000;
/** Objects and lists within one another. */
const DEEPEST = 32;

type JsonLine = { value: unknown; issues: RowIssue[] } | { refused: RowIssue };

const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
const CARRIAGE_RETURN = 0x0d;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Reads one line of JSON. Never throws, and takes time in proportion to the line.
 *
 * @param bytes of the line, without its line feed.
 * @param first whether it is the first line of its file, which may begin with a byte order mark.
 */
export function readJsonLine(bytes: Buffer, first: boolean): JsonLine {
  const issues: RowIssue[] = [];
  let line = bytes;
  if (first && startsWithMark(line)) {
    line = line.subarray(BYTE_ORDER_MARK.length);
    issues.push('byte-order-mark');
  }
  if (isBlank(line)) return { refused: 'blank-line' };
  if (line.at(-1) === CARRIAGE_RETURN) {
    line = line.subarray(0, -1);
    issues.push('crlf');
  }
  if (line.length > LONGEST_LINE) return { refused: 'too-large' };
  if (line.length > LARGE_LINE) issues.push('large-row');
  if (!isUtf8(line)) return { refused: 'not-utf8' };

  const text = line.toString('utf8');
  const { members, tooDeep } = survey(text);
  if (tooDeep) return { refused: 'too-deep' };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message quotes the line, which is production data.
    return { refused: whyBroken(text) };
  }
  return members > countMembers(value) ? { refused: 'duplicate-key' } : { value, issues };
}

function startsWithMark(line: Buffer): boolean {
  return line.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
}

function isBlank(line: Buffer): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === CARRIAGE_RETURN);
}

/** The facts that need no parsing: the number of members of its objects as written, and whether it is too deep. */
function survey(text: string): { members: number; tooDeep: boolean } {
  let members = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at);
        break;
      case COLON:
        members += 1;
        break;
      case OPENING_BRACE:
      case OPENING_BRACKET:
        depth += 1;
        if (depth > DEEPEST) return { members, tooDeep: true };
        break;
      case CLOSING_BRACE:
      case CLOSING_BRACKET:
        depth -= 1;
        break;
    }
  }
  return { members, tooDeep: false };
}

/** The end of the string that starts at a quote; the end of the text if it does not end. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}

/** Counts the members of all objects in a value. If the text had more, the parser has dropped the first of two equal keys. */
function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const items: unknown[] = Object.values(value);
  let members = Array.isArray(value) ? 0 : items.length;
  for (const item of items) members += countMembers(item);
  return members;
}

/** The reason why a text is not JSON, for people. */
function whyBroken(text: string): RowIssue {
  if (text.includes('\0')) return 'nul-character';
  if (/NaN|Infinity/.test(text) && isJson(withoutNan(text))) return 'nan';
  const end = endOfValue(text);
  const rest = text.slice(end).trimStart();
  return /^[{[]/.test(rest) && isJson(text.slice(0, end)) ? 'several-values' : 'broken-json';
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** With null in place of the numbers that Python and others write although JSON does not have them. */
function withoutNan(text: string): string {
  const parts: string[] = [];
  let from = 0;
  while (from < text.length) {
    const quote = text.indexOf('"', from);
    const start = quote === -1 ? text.length : quote;
    parts.push(text.slice(from, start).replace(/\bNaN\b|-?\bInfinity\b/g, 'null'));
    from = quote === -1 ? text.length : endOfString(text, quote) + 1;
    parts.push(text.slice(start, from));
  }
  return parts.join('');
}

/** The end of the object or list that the text begins with. */
function endOfValue(text: string): number {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === OPENING_BRACE || code === OPENING_BRACKET) depth += 1;
    else if (code === CLOSING_BRACE || code === CLOSING_BRACKET) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return text.length;
}
