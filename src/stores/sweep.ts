import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { hasCode } from '@tuneloop/app/internal/shared/files';
import { artifactsFolder, isLabellingScratch } from './home.ts';
import { isAlive } from './services-file.ts';
import { isTemporaryName, writerOf } from './temporary-files.ts';

const HOUR_MS = 3_600_000;
/** A process id may belong to another process by now, or to one on another machine. After a day no draft is in use. */
const DAY_MS = 24 * HOUR_MS;

const SWEPT: ReadonlySet<string> = new Set(['datasets', 'deployments', 'past-winners', 'runs']);

/**
 * Removes the drafts and scratch folders that killed processes have left in a home. A draft or folder counts as left if it was not written
 * to for an hour and its writer, if its name says which, does not run here. Links are not followed, and files of other names stay.
 *
 * @returns the files and folders that were removed.
 */
export async function sweepHome(home: string, now = Date.now()): Promise<string[]> {
  const removed: string[] = [];
  const walk = async (folder: string, deep: boolean): Promise<void> => {
    for (const entry of await entriesOf(folder)) {
      const place = path.join(folder, entry.name);
      if (entry.isFile() ? isTemporaryName(entry.name) : entry.isDirectory() && isScratch(home, folder, entry.name)) {
        if (await isLeft(place, entry.name, now)) {
          await rm(place, { recursive: true, force: true });
          removed.push(place);
        }
      } else if (deep && entry.isDirectory()) await walk(place, true);
    }
  };
  await walk(home, false);
  for (const { name } of (await entriesOf(home)).filter((entry) => entry.isDirectory())) {
    // Drafts of artifacts lie in the folder itself, and not among the thousands of artifacts below.
    if (path.join(home, name) === artifactsFolder(home)) await walk(artifactsFolder(home), false);
    else if (SWEPT.has(name)) await walk(path.join(home, name), true);
  }
  return removed;
}

function isScratch(home: string, folder: string, name: string): boolean {
  if (folder === home) return isLabellingScratch(name);
  return name === 'scratch' && folder.startsWith(path.join(home, 'runs') + path.sep);
}

async function isLeft(place: string, name: string, now: number): Promise<boolean> {
  const age = now - (await lastWrite(place));
  if (age < HOUR_MS) return false;
  const pid = writerOf(name);
  return age > DAY_MS || pid === null || !isAlive(pid);
}

/** The latest time of change of a file, or of a folder and everything in it. */
async function lastWrite(place: string): Promise<number> {
  try {
    const found = await stat(place);
    if (!found.isDirectory()) return found.mtimeMs;
    const times = await Promise.all((await entriesOf(place)).map(({ name }) => lastWrite(path.join(place, name))));
    return Math.max(found.mtimeMs, ...times);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return 0;
    throw error;
  }
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return [];
    throw error;
  }
}
