import { readdir } from 'node:fs/promises';
import type { Alias } from '@tuneloop/app/internal/predict/alias';
import { AliasCache, type OpenAlias } from '@tuneloop/app/internal/predict/alias-cache';
import { readAlias } from '@tuneloop/app/internal/predict/alias-reader';
import { hasCode } from '@tuneloop/app/internal/shared/files';
import { deploymentsFolder } from '../../stores/home.ts';

/** The longest time after which a decision has its effect on calls. */
const REFRESH_MS = 1000;

/** The deployments of a home folder, as they are now. */
export class Deployments {
  readonly #home: string;
  readonly #onError: (error: unknown) => void;
  readonly #opened = new Map<string, Promise<AliasCache | null>>();

  /** @param onError told of an alias that can no longer be read; its last state stays in use */
  constructor(home: string, onError: (error: unknown) => void) {
    this.#home = home;
    this.#onError = onError;
  }

  /** Null where there is no deployment of this name. @throws TuneloopError ALIAS_UNREADABLE */
  async find(name: string): Promise<(OpenAlias & { alias: Alias }) | null> {
    let opening = this.#opened.get(name);
    if (!opening) {
      opening = this.#open(name);
      this.#opened.set(name, opening);
    }
    let cache: AliasCache | null = null;
    try {
      cache = await opening;
    } finally {
      // Any name can be asked for: names without a deployment take no memory.
      if (!cache) this.#opened.delete(name);
    }
    const alias = cache?.current.alias;
    return cache && alias ? { ...cache.current, alias } : null;
  }

  /** The deployments that can be read. */
  async list(): Promise<Alias[]> {
    const folders = await readdir(deploymentsFolder(this.#home)).catch((error: unknown) => {
      if (hasCode(error, 'ENOENT')) return [];
      throw error;
    });
    const aliases = await Promise.all(
      folders.sort().map((folder) =>
        readAlias(this.#home, folder).catch((error: unknown) => {
          this.#onError(error);
          return null;
        }),
      ),
    );
    return aliases.filter((alias) => alias !== null);
  }

  async close(): Promise<void> {
    for (const opening of this.#opened.values()) (await opening.catch(() => null))?.close();
  }

  async #open(deployment: string): Promise<AliasCache | null> {
    const alias = await readAlias(this.#home, deployment);
    // Names that differ in characters that no folder can have share one.
    if (alias?.pipeline !== deployment) return null;
    let trouble: unknown;
    const onError = (error: unknown) => {
      trouble = error;
      this.#onError(error);
    };
    const cache = await AliasCache.open({ deployment, home: this.#home, onError });
    if (trouble && !cache.current.alias) throw trouble;
    cache.refreshEvery(REFRESH_MS);
    return cache;
  }
}
