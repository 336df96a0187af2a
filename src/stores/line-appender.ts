import { appendFile } from 'node:fs/promises';

/**
 * Appends lines of JSON to a file that its owner alone can read. Lines that come while a write is under way are written
 * together by the next one. After a write that failed all others fail, because they would go on in the middle of a line.
 *
 * A line outlives the process once it is written. There is no fsync: after a loss of power the answer is asked for again.
 */
export class LineAppender {
  readonly #file: string;
  #unwritten = '';
  #writing: Promise<void> = Promise.resolve();

  /** @param file made with the first line; its folder has to be there */
  constructor(file: string) {
    this.#file = file;
  }

  add(line: object): void {
    this.#unwritten += `${JSON.stringify(line)}\n`;
    this.#writing = this.#writing.then(() => this.#write());
    // Whoever asks whether it is written is told.
    this.#writing.catch(() => {});
  }

  /** Resolves once all that was added is in the file. @throws what the file system says. */
  written(): Promise<void> {
    return this.#writing;
  }

  async #write(): Promise<void> {
    const text = this.#unwritten;
    this.#unwritten = '';
    if (text !== '') await appendFile(this.#file, text, { mode: 0o600 });
  }
}
