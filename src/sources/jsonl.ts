import { glob, stat } from 'node:fs/promises';
import { TuneloopError } from '../errors.ts';
import { readLines } from '../storage/lines.ts';
import type { Place } from './log-row.ts';

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * The files that a path or glob names, in the order of their names.
 *
 * @throws TuneloopError SOURCE_NOT_FOUND if there is none.
 */
export async function findFiles(pattern: string): Promise<string[]> {
  if (await isFile(pattern)) return [pattern];
  const files: string[] = [];
  for await (const file of glob(pattern)) if (await isFile(file)) files.push(file);
  if (files.length === 0) throw new TuneloopError('SOURCE_NOT_FOUND', `${pattern}: there is no such file`);
  return files.toSorted();
}

async function isFile(file: string): Promise<boolean> {
  return stat(file).then(
    (stats) => stats.isFile(),
    () => false,
  );
}

/** The parsed rows of JSONL files, one after another; blank lines, a byte order mark and CR before LF are passed over. */
export async function* readJsonl<T>(
  files: readonly string[],
  parse: (text: Buffer, place: Place) => T,
): AsyncIterable<T> {
  for (const file of files) {
    let line = 0;
    for await (const bytes of readLines(file)) {
      line += 1;
      const text = line === 1 && bytes.subarray(0, 3).equals(BYTE_ORDER_MARK) ? bytes.subarray(3) : bytes;
      if (!isBlank(text)) yield parse(text, { file, line });
    }
  }
}

function isBlank(text: Buffer): boolean {
  return text.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
