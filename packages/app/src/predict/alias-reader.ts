import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { TuneloopError } from '../errors.ts';
import { fileName } from '../shared/file-name.ts';
import { hasCode } from '../shared/files.ts';
import type { Alias } from './alias.ts';
import { parseAlias } from './alias-form.ts';

/**
 * The aliases of a deployment, one a decision: `<home>/deployments/<pipeline>/000012.json`. The one with the highest number counts, so that
 * a late writer, after a worker that was thought dead, undoes nothing.
 */
export function aliasFolder(home: string, pipeline: string): string {
  return path.join(home, 'deployments', fileName(pipeline));
}

const ALIAS_FILE = /^(\d{6,15})\.json$/;

/**
 * The newest alias of a deployment; null where there is none yet.
 *
 * @throws TuneloopError ALIAS_UNREADABLE for a file that this version cannot read as an alias.
 */
export async function readAlias(home: string, pipeline: string): Promise<Alias | null> {
  const folder = aliasFolder(home, pipeline);
  let newest: string | undefined;
  try {
    newest = (await readdir(folder))
      .filter((name) => ALIAS_FILE.test(name))
      .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
      .at(-1);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw unreadable(folder, String(error));
  }
  if (newest === undefined) return null;
  const file = path.join(folder, newest);
  try {
    return parseAlias(await readFile(file, 'utf8'));
  } catch (error) {
    throw unreadable(file, error instanceof Error ? error.message : String(error));
  }
}

function unreadable(file: string, reason: string): TuneloopError {
  return new TuneloopError(
    'ALIAS_UNREADABLE',
    `${file} cannot be read as the alias of a deployment (${reason}): is this version of Tuneloop as new as the workers'?`,
  );
}
