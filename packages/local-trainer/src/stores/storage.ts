import { appendFileSync, readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { TuneloopError } from '@tuneloop/app/errors';
import { readIfThere } from '@tuneloop/app/internal/shared/files';

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

  /** Waits for all writes; the caller of a failed one got its error. */
  async settle(): Promise<void> {
    while (this.#waiting.size > 0) await Promise.allSettled([...this.#waiting.values()].map(({ done }) => done));
    await Promise.allSettled(this.#active.values());
  }
}

/**
 * Reads a record of JSON.
 *
 * @param name what the record is, for the error
 * @throws TuneloopError STORED_FORMAT for a file that is no such record
 */
export function readRecord<T>(path: string, name: string, isRecordOfKind: (value: unknown) => value is T): T {
  const value = parsed(readFileSync(path, 'utf8'));
  if (isRecordOfKind(value)) return value;
  throw new TuneloopError(
    'STORED_FORMAT',
    `${path} is no ${name} as this version of the local trainer writes it: use the version that has written it, or remove the file`,
  );
}

/**
 * The values of a file that grows by one JSON line at a time. A line that SIGKILL cut short is left out, and so is one of
 * another form: whoever writes such a file can do without a line.
 */
export function readJsonLines<T>(path: string, isValue: (value: unknown) => value is T): T[] {
  const text = readIfThere(path) ?? '';
  // The next line must not join one that was cut short.
  if (text !== '' && !text.endsWith('\n')) appendFileSync(path, '\n');
  return text.split('\n').map(parsed).filter(isValue);
}

/** Undefined for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
