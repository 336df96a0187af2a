/**
 * The identity of a row across versions: the first 16 bytes of the SHA-256 of its canonical input. Keys of many rows stand one after
 * another in one array.
 */
export const KEY_BYTES = 16;

/** Compares two keys of an array by their bytes, which is the order of their texts too. */
export function compareKeys(keys: Uint8Array, a: number, b: number): number {
  for (let byte = 0; byte < KEY_BYTES; byte += 1) {
    const difference = (keys[a * KEY_BYTES + byte] ?? 0) - (keys[b * KEY_BYTES + byte] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** A key as 32 hex digits. */
export function keyText(keys: Uint8Array, row: number): string {
  let text = '';
  for (let at = row * KEY_BYTES; at < (row + 1) * KEY_BYTES; at += 1) text += HEX[keys[at] ?? 0];
  return text;
}

/** Puts the bytes of a {@link keyText} into `key`. */
export function readKey(text: string, key: Uint8Array): void {
  for (let byte = 0; byte < KEY_BYTES; byte += 1) key[byte] = digit(text, byte * 2) * 16 + digit(text, byte * 2 + 1);
}

function digit(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code <= NINE ? code - NINE + 9 : code - NINE - 30;
}

const NINE = '9'.charCodeAt(0);
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
