import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { TuneloopError } from '../errors.ts';
import type { ArtifactRef, ArtifactStore } from './artifact-store.ts';
import { readLines } from './lines.ts';

const WRITE_BUFFER_CHARS = 1 << 18;

/** The artifact store on a folder: `<folder>/<first two hex digits>/<sha256>`. */
export class FileStore implements ArtifactStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async write(rows: Iterable<string> | AsyncIterable<string>): Promise<ArtifactRef> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const temporary = path.join(this.#folder, `.writing-${randomUUID()}`);
    const hash = createHash('sha256');
    let bytes = 0;
    let count = 0;
    // Production data: readable by its owner only.
    const handle = await open(temporary, 'wx', 0o600);
    try {
      let buffer = '';
      const flush = async () => {
        const chunk = Buffer.from(buffer);
        buffer = '';
        hash.update(chunk);
        bytes += chunk.length;
        await handle.appendFile(chunk);
      };
      for await (const row of rows) {
        buffer += `${row}\n`;
        count += 1;
        if (buffer.length > WRITE_BUFFER_CHARS) await flush();
      }
      await flush();
      await handle.sync();
      await handle.close();
      const sha256 = hash.digest('hex');
      const final = this.#path(sha256);
      await mkdir(path.dirname(final), { recursive: true, mode: 0o700 });
      await rename(temporary, final);
      return { uri: `sha256:${sha256}`, sha256, bytes, rows: count };
    } catch (error) {
      await handle.close().catch(() => {});
      await rm(temporary, { force: true });
      throw error;
    }
  }

  async *rows(ref: ArtifactRef): AsyncIterable<string> {
    for await (const line of readLines(await this.file(ref))) yield line.toString('utf8');
  }

  async file(ref: ArtifactRef): Promise<string> {
    const file = this.#path(ref.sha256);
    const hash = createHash('sha256');
    try {
      // No link: what it points to lies outside of the store, and can be exchanged after it was checked.
      if (!(await lstat(file)).isFile()) throw new Error('it is no plain file');
      for await (const chunk of createReadStream(file)) hash.update(chunk);
    } catch (error) {
      throw new TuneloopError(
        'ARTIFACT_CORRUPT',
        `artifact ${ref.uri} cannot be read from ${this.#folder} (${error instanceof Error ? error.message : error}): ` +
          'client and workers must share one TUNELOOP_HOME',
      );
    }
    if (hash.digest('hex') !== ref.sha256) {
      throw new TuneloopError(
        'ARTIFACT_CORRUPT',
        `artifact ${ref.uri} in ${this.#folder} was changed after it was written`,
      );
    }
    return file;
  }

  /** @throws TuneloopError ARTIFACT_CORRUPT for anything but a hash, so that no reference can name a path. */
  #path(sha256: string): string {
    if (!/^[0-9a-f]{64}$/.test(sha256)) {
      throw new TuneloopError('ARTIFACT_CORRUPT', `${JSON.stringify(sha256).slice(0, 100)} is not a SHA-256 hash`);
    }
    return path.join(this.#folder, sha256.slice(0, 2), sha256);
  }
}
