import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TuneloopError } from '../errors.ts';
import { hasCode, readIfThere } from './files.ts';

/**
 * Makes this process the only user of a folder, by a file `lock` with its process id. The lock of a process that is gone is
 * taken over.
 *
 * @returns releases the lock
 * @throws TuneloopError LOCKED with the process id and the folder
 */
export function lockFolder(dir: string): () => void {
  const path = join(dir, 'lock');
  const own = `${process.pid} ${startOf(process.pid)}`;
  for (let attempt = 0; ; attempt++) {
    // Written aside and linked, so that no process ever reads an empty lock.
    const draft = `${path}.${process.pid}.new`;
    try {
      writeFileSync(draft, own, { mode: 0o600 });
      linkSync(draft, path);
      return () => rmSync(path, { force: true });
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    } finally {
      rmSync(draft, { force: true });
    }
    const holder = readIfThere(path);
    const pid = Number.parseInt(holder ?? '', 10);
    if (attempt > 20 || (holder !== undefined && isAlive(pid, holder))) {
      throw new TuneloopError(
        'LOCKED',
        `The folder ${dir} is in use by the process with id ${pid}: stop that one, or choose another folder.`,
      );
    }
    if (holder !== undefined) takeAway(path, holder);
  }
}

/** Moves a stale lock aside; if another process put a live one in its place meanwhile, the live one goes back. */
function takeAway(path: string, stale: string): void {
  const aside = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, aside);
    if (readFileSync(aside, 'utf8') !== stale) linkSync(aside, path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT') && !hasCode(error, 'EEXIST')) throw error;
  }
  rmSync(aside, { force: true });
}

function isAlive(pid: number, holder: string): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
  // Process ids repeat, in a container at once: the start time tells the old process from a new one.
  return holder === `${pid} ${startOf(pid)}`;
}

/** The start of a process, in clock ticks since boot (field 22 of /proc/<pid>/stat); empty where the system does not say. */
function startOf(pid: number): string {
  const stat = readIfThere(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
