import { randomUUID } from 'node:crypto';

/**
 * A name beside a file, for a draft that gets the name of the file once it is whole. It tells which process writes, so
 * that the drafts of killed processes can be swept.
 */
export function temporaryName(file: string): string {
  return `${file}${MARK}${process.pid}-${randomUUID()}`;
}

const MARK = '.writing-';
