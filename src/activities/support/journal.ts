import { createReadStream } from 'node:fs';
import { mkdir, rm, truncate } from 'node:fs/promises';
import path from 'node:path';
import { hasCode } from '@tuneloop/app/internal/shared/files';
import { readLine, type StoredLine } from '../../contract/stored/format.ts';
import { LineAppender } from '../../stores/line-appender.ts';
import { splitLines } from '../../stores/lines.ts';

/**
 * What paid requests have brought so far, in a file that only grows: an attempt goes on where the one before it stopped.
 *
 * The completion cache keeps paid answers too, and is another thing. Its answers may be lost: it forgets them after 30 days or
 * at 1 GiB, and passes over what it cannot read. An answer in a journal stays until it was handed over, however long that
 * takes, and one that cannot be read is an error. A journal finds an answer by its row, so that the next labelling takes it
 * over even where the row has been written otherwise since; the cache finds it by a hash of the question.
 */
export class Journal<Key, Entry extends object> {
  readonly entries = new Map<Key, Entry>();
  readonly #file: string;
  readonly #keyOf: (entry: Entry) => Key;
  readonly #appender: LineAppender;

  private constructor(file: string, keyOf: (entry: Entry) => Key) {
    this.#file = file;
    this.#keyOf = keyOf;
    this.#appender = new LineAppender(file);
  }

  /**
   * Reads the entries of an earlier attempt. A last line that was cut off is dropped.
   *
   * @param kind what an entry is.
   * @param keyOf what tells the row of an entry from the other rows.
   * @throws TuneloopError STORED_FORMAT for a whole line that is no entry.
   */
  static async open<Key, Entry extends object>(
    file: string,
    kind: StoredLine<Entry>,
    keyOf: (entry: Entry) => Key,
  ): Promise<Journal<Key, Entry>> {
    const journal = new Journal(file, keyOf);
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await journal.#read(kind);
    return journal;
  }

  /** Resolves once the entry is in the file. */
  async add(entry: Entry): Promise<void> {
    this.entries.set(this.#keyOf(entry), entry);
    this.#appender.add(entry);
    await this.#appender.written();
  }

  remove(): Promise<void> {
    return rm(this.#file, { force: true });
  }

  async #read(kind: StoredLine<Entry>): Promise<void> {
    let whole = 0;
    let cutOff = false;
    try {
      for await (const { bytes, ended } of splitLines(createReadStream(this.#file), Number.POSITIVE_INFINITY)) {
        cutOff = !ended;
        if (cutOff || bytes === null) continue;
        whole += bytes.length + 1;
        const entry = readLine(kind, bytes.toString('utf8'), this.#file);
        this.entries.set(this.#keyOf(entry), entry);
      }
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
    // What is added next must not join the cut-off line.
    if (cutOff) await truncate(this.#file, whole);
  }
}
