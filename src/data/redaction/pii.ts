/** A place in a text, in UTF-16 code units, `end` not included. */
export interface Span {
  start: number;
  end: number;
}

/** A place where personal data or a secret stands. */
export interface PiiSpan extends Span {
  /** The value in one spelling: the same for all spellings of one value, such as a number with and without spaces. */
  value: string;
}

/** Finds one type in a text: in order, without overlaps, in time linear in the length of the text. */
export type PiiDetector = (text: string) => PiiSpan[];

export function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** ASCII letters and digits. */
export function isAlphanumeric(code: number): boolean {
  return isDigit(code) || ((code | 32) >= 97 && (code | 32) <= 122);
}
