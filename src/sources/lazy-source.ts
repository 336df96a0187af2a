import type { Cursor } from '../core/run/snapshot.ts';
import type { Reading, Source } from './source.ts';

/** A source whose code is loaded with its first use, so that whoever only reads a pipeline file does not load its packages. */
export class LazySource implements Source {
  readonly #load: () => Promise<Source>;
  #source: Promise<Source> | undefined;

  constructor(load: () => Promise<Source>) {
    this.#load = load;
  }

  async describe(): Promise<string[]> {
    return (await this.#opened()).describe();
  }

  async read(since: Cursor | null, signal: AbortSignal): Promise<Reading> {
    return (await this.#opened()).read(since, signal);
  }

  #opened(): Promise<Source> {
    this.#source ??= this.#load();
    return this.#source;
  }
}
