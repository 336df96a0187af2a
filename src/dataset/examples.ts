// biome-ignore lint/correctness/noNodejsModules: hashing is pure; manifests are written in activities only
import { createHash } from 'node:crypto';

/** What identifies a file of one row a line. */
export interface ContentHash {
  sha256: string;
  bytes: number;
  rows: number;
}

/** The hash of lines as they stand in a file, each with its line break. */
export function hashLines(lines: Iterable<string>): ContentHash {
  const hash = createHash('sha256');
  let bytes = 0;
  let rows = 0;
  for (const line of lines) {
    hash.update(line);
    bytes += Buffer.byteLength(line);
    rows += 1;
  }
  return { sha256: hash.digest('hex'), bytes, rows };
}

/** SHA-256, in hex, of a JSON value; the order of keys and keys without a value make no difference. */
export function hashJson(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value, withSortedKeys)).digest('hex');
}

function withSortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
