import { Worker } from 'node:worker_threads';
import type { Validation } from '../engine.ts';
import type { FileStore } from '../stores/files.ts';
import { EXTENSION } from '../thread-extension.ts';
import type { ValidationAnswer, ValidationTask } from './validation-thread.ts';

const CLOSING: Validation = { kind: 'invalid', code: 'server_error', message: 'closing' };

/** Reads the files of jobs in one thread, in the order in which they are asked for. */
export class FileValidations {
  readonly #files: FileStore;
  readonly #validations = new Map<string, Promise<Validation>>();
  readonly #answers = new Map<number, (validation: Validation) => void>();
  #validator: Worker | undefined;
  #tasks = 0;
  #closed = false;

  constructor(files: FileStore) {
    this.#files = files;
  }

  /** Files never change, so what was found is kept; a file is read once for all jobs of a sweep. */
  read(fileId: string, role: 'training' | 'validation'): Promise<Validation> {
    // A thread that is started now would never be ended, and one that has ended would never answer.
    if (this.#closed) return Promise.resolve(CLOSING);
    const key = `${role} ${fileId}`;
    const known = this.#validations.get(key);
    if (known !== undefined) return known;
    const validation = new Promise<Validation>((resolve) => {
      const number = this.#tasks++;
      this.#answers.set(number, resolve);
      const task: ValidationTask = { number, path: this.#files.path(fileId), role };
      this.#validationThread().postMessage(task);
    });
    this.#validations.set(key, validation);
    return validation;
  }

  #validationThread(): Worker {
    if (this.#validator !== undefined) return this.#validator;
    const thread = new Worker(new URL(`./validation-thread.${EXTENSION}`, import.meta.url));
    this.#validator = thread;
    thread.on('message', ({ number, validation }: ValidationAnswer) => {
      this.#answers.get(number)?.(validation);
      this.#answers.delete(number);
    });
    thread.on('error', (error) => {
      // Out of memory, mostly: what was asked fails, and the next job gets a new thread.
      this.#validator = undefined;
      this.#validations.clear();
      const answers = [...this.#answers.values()];
      this.#answers.clear();
      for (const answer of answers) answer({ kind: 'invalid', code: 'server_error', message: String(error) });
    });
    return thread;
  }

  /** Stops the thread; what is still asked for is answered as invalid. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#validator?.terminate();
    for (const answer of this.#answers.values()) answer(CLOSING);
  }
}
