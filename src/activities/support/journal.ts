import { appendFile, mkdir, readFile, rm, truncate } from 'node:fs/promises';
import path from 'node:path';
import { readLine, type StoredLine } from '../../contract/stored/format.ts';

/** What paid requests have brought so far, in a file that only grows: an attempt goes on where the one before it stopped. */
export class Journal<Key, Entry> {
  readonly entries = new Map<Key, Entry>();
  readonly #file: string;
  readonly #keyOf: (entry: Entry) => Key;
  #unwritten = '';
  #writing: Promise<void> = Promise.resolve();

  private constructor(file: string, keyOf: (entry: Entry) => Key) {
    this.#file = file;
    this.#keyOf = keyOf;
  }

  /**
   * Reads what an earlier attempt left. A last line that was cut off in the middle is dropped.
   *
   * @param kind what an entry is.
   * @param keyOf what tells the row of an entry from the other rows.
   */
  static async open<Key, Entry>(
    file: string,
    kind: StoredLine<Entry>,
    keyOf: (entry: Entry) => Key,
  ): Promise<Journal<Key, Entry>> {
    const journal = new Journal(file, keyOf);
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    const text = await readFile(file, 'utf8').catch(() => '');
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole.length < text.length) await truncate(file, Buffer.byteLength(whole));
    for (const line of whole.split('\n')) {
      if (line === '') continue;
      const entry = readLine(kind, line, file);
      journal.entries.set(keyOf(entry), entry);
    }
    return journal;
  }

  /** Entries that come while a write is under way are written together by the next one. */
  async add(entry: Entry): Promise<void> {
    this.entries.set(this.#keyOf(entry), entry);
    this.#unwritten += `${JSON.stringify(entry)}\n`;
    this.#writing = this.#writing.then(() => this.#write());
    await this.#writing;
  }

  remove(): Promise<void> {
    return rm(this.#file, { force: true });
  }

  async #write(): Promise<void> {
    const text = this.#unwritten;
    this.#unwritten = '';
    if (text !== '') await appendFile(this.#file, text, { mode: 0o600 });
  }
}
