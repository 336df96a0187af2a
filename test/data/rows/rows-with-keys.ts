import { createHash } from 'node:crypto';
import { KEY_BYTES } from '../../../src/data/rows/row-key.ts';

/** Keys of texts, one after another, as the rows of a log have them. */
export function keysOf(texts: readonly string[]): Uint8Array {
  const keys = new Uint8Array(texts.length * KEY_BYTES);
  texts.forEach((text, row) => {
    keys.set(createHash('sha256').update(text).digest().subarray(0, KEY_BYTES), row * KEY_BYTES);
  });
  return keys;
}

export async function* asyncLines(lines: Iterable<string>): AsyncIterable<string> {
  yield* lines;
}
