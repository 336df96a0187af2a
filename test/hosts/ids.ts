import { randomBytes } from 'node:crypto';

/** A new id: a prefix and random hexadecimal digits. */
export function newId(prefix: string, bytes = 12): string {
  return `${prefix}${randomBytes(bytes).toString('hex')}`;
}
