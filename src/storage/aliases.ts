import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Alias } from '../deployment/alias.ts';
import { TuneloopError } from '../errors.ts';
import { hasCode, writeFileAtomically } from './files.ts';
import { fileName } from './run-folder.ts';

/**
 * The aliases of a deployment, one a decision: `<home>/deployments/<pipeline>/000012.json`. The one with the highest number
 * counts. So a writer that comes late, after a worker that was thought dead, puts nothing back.
 */
function folderOf(home: string, pipeline: string): string {
  return path.join(home, 'deployments', fileName(pipeline));
}

const ALIAS_FILE = /^(\d{6,15})\.json$/;

/**
 * The newest alias of a deployment; null where there is none yet.
 *
 * @throws TuneloopError ALIAS_UNREADABLE for what is no alias that this version knows.
 */
export async function readAlias(home: string, pipeline: string): Promise<Alias | null> {
  const folder = folderOf(home, pipeline);
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
    const alias: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (!isAlias(alias)) throw new Error('it is not of format 1');
    return alias;
  } catch (error) {
    throw unreadable(file, error instanceof Error ? error.message : String(error));
  }
}

/** Adds the alias of a decision, whole or not at all. One that is there already stays, because a decision has one alias. */
export async function writeAlias(home: string, alias: Alias): Promise<void> {
  const folder = folderOf(home, alias.pipeline);
  const file = path.join(folder, `${String(alias.decision).padStart(6, '0')}.json`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const written = path.join(folder, `.alias-${randomUUID()}`);
  try {
    await writeFileAtomically(written, `${JSON.stringify(alias)}\n`);
    // Unlike a rename, a link never replaces what another process has put there.
    await link(written, file);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  } finally {
    await rm(written, { force: true });
  }
}

function isAlias(value: unknown): value is Alias {
  if (typeof value !== 'object' || value === null) return false;
  const { format, pipeline, decision, original } = value as Partial<Alias>;
  return (
    format === 1 &&
    typeof pipeline === 'string' &&
    Number.isSafeInteger(decision) &&
    typeof original === 'object' &&
    original !== null
  );
}

function unreadable(file: string, reason: string): TuneloopError {
  return new TuneloopError(
    'ALIAS_UNREADABLE',
    `${file} cannot be read as the alias of a deployment (${reason}): is this version of Tuneloop as new as the workers'?`,
  );
}
