import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { hasCode } from '@tuneloop/app/internal/shared/files';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import { TuneloopError } from '../errors.ts';
import type { ArtifactStore, ArtifactWriter } from './artifact-store.ts';
import { type ErasureMark, readErasureMark } from './erased-artifacts.ts';
import { artifactIn } from './home.ts';
import { readLines } from './lines.ts';
import { temporaryName } from './temporary-files.ts';

const WRITE_BUFFER_CHARS = 1 << 18;

/** The artifact store on a folder: `<folder>/<first two hex digits>/<sha256>`. */
export class FileStore implements ArtifactStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async write(rows: Iterable<string> | AsyncIterable<string>): Promise<ArtifactRef> {
    const writer = await this.open();
    try {
      for await (const row of rows) {
        const pending = writer.add(row);
        if (pending) await pending;
      }
      return await writer.commit();
    } finally {
      await writer.discard();
    }
  }

  async open(): Promise<ArtifactWriter> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const temporary = temporaryName(`${this.#folder}${path.sep}`);
    // Production data: readable by its owner only.
    return new FileWriter(temporary, await open(temporary, 'wx', 0o600), (sha256) => this.#path(sha256));
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
      const mark = hasCode(error, 'ENOENT') ? await readErasureMark(file) : null;
      if (mark?.successor) return this.file(mark.successor);
      if (mark) throw erased(ref, mark);
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
    return artifactIn(this.#folder, sha256);
  }
}

function erased({ uri }: ArtifactRef, { erasedAt }: ErasureMark): TuneloopError {
  return new TuneloopError(
    'ARTIFACT_ERASED',
    `artifact ${uri} was erased on ${erasedAt.slice(0, 10)} with \`tuneloop forget\`, because it held a row that had to be forgotten: ` +
      'start a new run, which makes a dataset version without that row',
  );
}

/** Writes aside, hashes on the way, and gives the file its name when it is whole and on disk. */
class FileWriter implements ArtifactWriter {
  readonly #temporary: string;
  readonly #handle: FileHandle;
  readonly #pathOf: (sha256: string) => string;
  readonly #hash = createHash('sha256');
  #buffer = '';
  #bytes = 0;
  #rows = 0;
  #done = false;

  constructor(temporary: string, handle: FileHandle, pathOf: (sha256: string) => string) {
    this.#temporary = temporary;
    this.#handle = handle;
    this.#pathOf = pathOf;
  }

  add(row: string): Promise<void> | undefined {
    this.#buffer += `${row}\n`;
    this.#rows += 1;
    return this.#buffer.length > WRITE_BUFFER_CHARS ? this.#flush() : undefined;
  }

  async commit(): Promise<ArtifactRef> {
    await this.#flush();
    await this.#handle.sync();
    await this.#handle.close();
    const sha256 = this.#hash.digest('hex');
    const final = this.#pathOf(sha256);
    await mkdir(path.dirname(final), { recursive: true, mode: 0o700 });
    await rename(this.#temporary, final);
    this.#done = true;
    return { uri: `sha256:${sha256}`, sha256, bytes: this.#bytes, rows: this.#rows };
  }

  async discard(): Promise<void> {
    if (this.#done) return;
    this.#done = true;
    await this.#handle.close().catch(() => {});
    await rm(this.#temporary, { force: true });
  }

  async #flush(): Promise<void> {
    const chunk = Buffer.from(this.#buffer);
    this.#buffer = '';
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
    await this.#handle.appendFile(chunk);
  }
}
