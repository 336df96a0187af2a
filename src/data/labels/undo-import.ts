import { open } from 'node:fs/promises';
import { isRecord } from '../../contract/stored/format.ts';
import { TuneloopError } from '../../errors.ts';
import { readLines } from '../../stores/lines.ts';
import { isByModel } from './actuals-file.ts';

/** The import that was taken back. */
export interface UndoneImport {
  /** Answers that were removed. */
  removed: number;
  by: string;
  timestamp: string;
}

/**
 * Removes the answers of the latest import of a sheet from the end of a file of right answers. A log that was read meanwhile is read anew,
 * because its source is no longer what it was.
 *
 * @throws TuneloopError USAGE where the file does not end with an import
 */
export async function undoImport(file: string): Promise<UndoneImport> {
  let start = 0;
  let position = 0;
  let removed = 0;
  let last: { by: string; timestamp: string } | undefined;
  for await (const line of readLines(file)) {
    const import_ = importOf(line);
    if (!import_ || import_.by !== last?.by || import_.timestamp !== last.timestamp) {
      start = position;
      removed = 0;
      last = import_;
    }
    removed += 1;
    position += line.length + 1;
  }
  if (!last) {
    throw new TuneloopError(
      'USAGE',
      `${file} does not end with the answers of a sheet: there is no import to take back`,
    );
  }
  const handle = await open(file, 'r+');
  try {
    await handle.truncate(start);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { removed, ...last };
}

/** The author and the time of an imported line, which all lines of one import have in common. */
function importOf(line: Buffer): { by: string; timestamp: string } | undefined {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    if (!isRecord(value) || typeof value.by !== 'string' || typeof value.timestamp !== 'string') return undefined;
    return isByModel(value.by) ? undefined : { by: value.by, timestamp: value.timestamp };
  } catch {
    return undefined;
  }
}
