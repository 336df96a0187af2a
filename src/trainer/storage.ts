import { appendFileSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { TuneloopError } from '../errors.ts';

let temporaryFiles = 0;

/**
 * Writes a file so that a reader, or a start after SIGKILL, finds the old bytes or the new ones and never a part; on disk (fsync) before
 * the promise resolves. Mode 0600.
 */
export async function writeDurably(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}-${temporaryFiles++}.tmp`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

/** Writes of one path happen one after another, and only the newest of those waiting. */
export class RecordWriter {
  readonly #waiting = new Map<string, { text: string; done: Promise<void> }>();
  readonly #active = new Map<string, Promise<void>>();

  /** Resolves when `value`, or a newer one for the same path, is on disk. */
  write(path: string, value: unknown): Promise<void> {
    const text = `${JSON.stringify(value)}\n`;
    const waiting = this.#waiting.get(path);
    if (waiting !== undefined) {
      waiting.text = text;
      return waiting.done;
    }
    const before = this.#active.get(path) ?? Promise.resolve();
    const next = {
      text,
      done: before
        .catch(() => undefined)
        .then(() => {
          this.#waiting.delete(path);
          const writing = writeDurably(path, next.text);
          this.#active.set(path, writing);
          return writing.finally(() => {
            if (this.#active.get(path) === writing) this.#active.delete(path);
          });
        }),
    };
    this.#waiting.set(path, next);
    return next.done;
  }

  /** Waits for all writes; a failed one was told to whoever asked for it. */
  async settle(): Promise<void> {
    while (this.#waiting.size > 0) await Promise.allSettled([...this.#waiting.values()].map(({ done }) => done));
    await Promise.allSettled(this.#active.values());
  }
}

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
    // Written aside and linked: nobody ever reads a lock that is still empty.
    const draft = `${path}.${process.pid}.new`;
    try {
      writeFileSync(draft, own, { mode: 0o600 });
      linkSync(draft, path);
      return () => rmSync(path, { force: true });
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
    } finally {
      rmSync(draft, { force: true });
    }
    const holder = readIfThere(path);
    const pid = Number.parseInt(holder ?? '', 10);
    if (attempt > 20 || (holder !== undefined && isAlive(pid, holder))) {
      throw new TuneloopError(
        'LOCKED',
        `The folder ${dir} is in use by the trainer with process id ${pid}: stop that one, or choose another folder.`,
      );
    }
    if (holder !== undefined) takeAway(path, holder);
  }
}

/** Moves a stale lock aside; when another process put a live one in its place meanwhile, that one goes back. */
function takeAway(path: string, stale: string): void {
  const aside = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, aside);
    if (readFileSync(aside, 'utf8') !== stale) linkSync(aside, path);
  } catch (error) {
    if (!isCode(error, 'ENOENT') && !isCode(error, 'EEXIST')) throw error;
  }
  rmSync(aside, { force: true });
}

function isAlive(pid: number, holder: string): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return isCode(error, 'EPERM');
  }
  // Process ids come round again, in a container at once: the start time tells the old process from a new one.
  return holder === `${pid} ${startOf(pid)}`;
}

/** When a process started, in clock ticks since boot (field 22 of /proc/<pid>/stat); empty where the system does not tell. */
function startOf(pid: number): string {
  const stat = readIfThere(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

/** The text of a file, or undefined when there is none. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** The values of a file that grows by one JSON line at a time; a line that SIGKILL cut short is left out. */
export function readJsonLines<T>(path: string): T[] {
  const values: T[] = [];
  const text = readIfThere(path) ?? '';
  for (const line of text.split('\n')) {
    if (line === '') continue;
    try {
      values.push(JSON.parse(line) as T);
    } catch {
      // Cut short: whoever writes this file can do without the line.
    }
  }
  // The next line must not join one that was cut short.
  if (text !== '' && !text.endsWith('\n')) appendFileSync(path, '\n');
  return values;
}

export function isCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
