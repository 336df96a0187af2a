import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { readIfThere } from '@tuneloop/app/internal/shared/files';
import { writeFileAtomically } from '../../stores/files.ts';

/** A provider repeats an unanswered delivery for at most this time. */
const REMEMBERED_MS = 72 * 60 * 60 * 1000;
/** Rewrite the file once it holds this many expired lines. */
const MOST_STALE_LINES = 1000;

const LINE = /^(\d{1,15}) ([\w-]{1,256})$/;

/**
 * The deliveries of the last 72 hours that were handled, by `webhook-id`, across restarts: a file of lines `<time> <id>`. For one process
 * at a time. A line that was cut short is left out, and its delivery counts as new.
 */
export class DeliveryMemory {
  readonly #file: string;
  /** The time at which each was handled, in milliseconds, oldest first. */
  readonly #seen = new Map<string, number>();
  #lines = 0;

  /** @param folder made if it does not exist */
  static async open(folder: string): Promise<DeliveryMemory> {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const memory = new DeliveryMemory(path.join(folder, 'deliveries.txt'));
    await memory.#read();
    return memory;
  }

  private constructor(file: string) {
    this.#file = file;
  }

  has(id: string): boolean {
    const at = this.#seen.get(id);
    return at !== undefined && at > Date.now() - REMEMBERED_MS;
  }

  /** On disk when it resolves. */
  async add(id: string): Promise<void> {
    const now = Date.now();
    const file = openSync(this.#file, 'a', 0o600);
    try {
      // The unfinished rest of an earlier write must not swallow this line.
      writeSync(file, `\n${now} ${id}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    this.#lines += 1;
    this.#seen.delete(id);
    this.#seen.set(id, now);
    this.#forget();
    if (this.#lines - this.#seen.size > MOST_STALE_LINES) await this.#rewrite();
  }

  async #read(): Promise<void> {
    for (const line of (readIfThere(this.#file) ?? '').split('\n')) {
      if (line !== '') this.#lines += 1;
      const [, at, id] = LINE.exec(line) ?? [];
      if (at !== undefined && id !== undefined) this.#seen.set(id, Number(at));
    }
    this.#forget();
    if (this.#lines > this.#seen.size) await this.#rewrite();
  }

  #forget(): void {
    const oldest = Date.now() - REMEMBERED_MS;
    for (const [id, at] of this.#seen) {
      if (at > oldest) break;
      this.#seen.delete(id);
    }
  }

  async #rewrite(): Promise<void> {
    this.#lines = this.#seen.size;
    await writeFileAtomically(this.#file, Array.from(this.#seen, ([id, at]) => `${at} ${id}\n`).join(''));
  }
}
