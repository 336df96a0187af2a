import { TuneloopError } from '../errors.ts';
import type { Alias } from './alias.ts';
import { readAlias } from './alias-reader.ts';
import { type AnswerForm, openAnswerForm } from './answer-form.ts';

export interface AliasCacheOptions {
  deployment: string;
  home: string;
  onError: ((error: unknown) => void) | undefined;
}

/** An alias, and the required form of answers. */
export interface OpenAlias {
  /** Null before the first decision. */
  alias: Alias | null;
  form: AnswerForm;
}

/** The alias of a deployment, as it was last read. An unreadable alias leaves the last good one in use. */
export class AliasCache {
  readonly #options: AliasCacheOptions;
  #current: OpenAlias;
  #reading: Promise<void> = Promise.resolve();
  #readings = 0;
  #timer: NodeJS.Timeout | undefined;
  /** The reason why it cannot be read, as it was reported. */
  #trouble: string | undefined;

  /** Reads it for the first time. Never rejects. */
  static async open(options: AliasCacheOptions): Promise<AliasCache> {
    // Without an alias the task is unknown, so that any text is an answer.
    const form = await openAnswerForm({ task: 'generation', jsonSchema: null });
    const cache = new AliasCache(options, { alias: null, form });
    await cache.refresh();
    return cache;
  }

  private constructor(options: AliasCacheOptions, current: OpenAlias) {
    this.#options = options;
    this.#current = current;
  }

  get current(): OpenAlias {
    return this.#current;
  }

  /** Reads it anew, after a reading in progress. Never rejects. */
  refresh(): Promise<void> {
    this.#readings += 1;
    this.#reading = this.#reading.then(async () => {
      await this.#readNewest();
      this.#readings -= 1;
    });
    return this.#reading;
  }

  /** Does not keep the process alive, and does not queue up where the disk is slow. */
  refreshEvery(ms: number): void {
    this.#timer = setInterval(() => {
      if (this.#readings === 0) void this.refresh();
    }, ms).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #readNewest(): Promise<void> {
    try {
      const alias = await this.#read();
      // Decisions only grow: anything else is an older state of the disk.
      if (alias && alias.decision > (this.#current.alias?.decision ?? -1)) {
        this.#current = { alias, form: await this.#formOf(alias) };
      }
      this.#trouble = undefined;
    } catch (error) {
      this.#tell(error);
    }
  }

  async #read(): Promise<Alias | null> {
    const { deployment, home } = this.#options;
    const alias = await readAlias(home, deployment);
    if (!alias || alias.pipeline === deployment) return alias;
    // Names that differ in characters that no folder can have share one.
    throw new TuneloopError(
      'ALIAS_UNREADABLE',
      `${home} has the alias of ${alias.pipeline} where that of ${deployment} should be: their names are too similar`,
    );
  }

  async #formOf(alias: Alias): Promise<AnswerForm> {
    try {
      return await openAnswerForm(alias);
    } catch (error) {
      if (error instanceof TuneloopError) throw error;
      const { deployment } = this.#options;
      throw new TuneloopError('ALIAS_UNREADABLE', `the JSON Schema of ${deployment} cannot be used: ${error}`);
    }
  }

  /** Once for each new reason. */
  #tell(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    if (reason === this.#trouble) return;
    this.#trouble = reason;
    try {
      this.#options.onError?.(error);
    } catch {
      // The application's own handler must not harm the application either.
    }
  }
}
