import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, type ReadStream, readdirSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ApiError } from '@tuneloop/app/internal/shared/api-error';
import { isRecord } from '@tuneloop/app/internal/shared/json-body';
import { newFileId } from '../ids.ts';
import { readRecord, writeDurably } from './storage.ts';

/** A file as the API shows it. */
export interface FileObject {
  readonly object: 'file';
  readonly id: string;
  readonly bytes: number;
  /** Seconds since 1970. */
  readonly created_at: number;
  readonly filename: string;
  readonly purpose: 'fine-tune' | 'fine-tune-results';
  readonly status: 'processed';
}

interface FileRecord {
  readonly sequence: number;
  readonly sha256: string;
  readonly file: FileObject;
}

/** Uploaded files and result files: bytes in `<id>.data`, the record in `<id>.json`, which is written last. */
export class FileStore {
  readonly #dir: string;
  readonly #records = new Map<string, FileRecord>();
  #sequence = 0;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** Reads the files of an earlier process; unfinished uploads are removed. */
  static async open(dir: string): Promise<FileStore> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const store = new FileStore(dir);
    const names = readdirSync(dir);
    for (const name of names) {
      if (!name.endsWith('.json')) continue;
      const record = readRecord(join(dir, name), 'record of a file', isFileRecord);
      store.#records.set(record.file.id, record);
      store.#sequence = Math.max(store.#sequence, record.sequence);
    }
    for (const name of names) {
      const id = name.split('.')[0] ?? '';
      if (!store.#records.has(id) || name.endsWith('.tmp')) await rm(join(dir, name), { force: true });
    }
    return store;
  }

  /** Newest first. */
  list(): FileObject[] {
    return [...this.#records.values()].sort((a, b) => b.sequence - a.sequence).map(({ file }) => file);
  }

  /** @throws ApiError 404 */
  get(id: string): FileObject {
    return this.#record(id).file;
  }

  has(id: string): boolean {
    return this.#records.has(id);
  }

  /** Hash of the bytes, in hex. @throws ApiError 404 */
  sha256(id: string): string {
    return this.#record(id).sha256;
  }

  /** @throws ApiError 404 */
  read(id: string): ReadStream {
    this.#record(id);
    return createReadStream(this.path(id));
  }

  path(id: string): string {
    return join(this.#dir, `${id}.data`);
  }

  /** Stores a stream; a stream that breaks off leaves nothing. */
  async add(
    content: Readable,
    filename: string,
    purpose: FileObject['purpose'],
    wasCut?: () => boolean,
  ): Promise<FileObject> {
    const id = newFileId();
    const temporary = `${this.path(id)}.tmp`;
    const hash = createHash('sha256');
    let bytes = 0;
    const count = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        bytes += chunk.length;
        done(null, chunk);
      },
    });
    try {
      await pipeline(content, count, createWriteStream(temporary, { mode: 0o600 }));
      if (wasCut?.() === true) throw new ApiError(413, 'The file is larger than 512 MB.', { param: 'file' });
      const written = await open(temporary, 'r');
      await written.sync();
      await written.close();
      await rename(temporary, this.path(id));
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    const file: FileObject = {
      object: 'file',
      id,
      bytes,
      created_at: Math.floor(Date.now() / 1000),
      filename,
      purpose,
      status: 'processed',
    };
    const record: FileRecord = { sequence: ++this.#sequence, sha256: hash.digest('hex'), file };
    await writeDurably(this.#recordPath(id), JSON.stringify(record));
    this.#records.set(id, record);
    return file;
  }

  /** @throws ApiError 404 */
  async delete(id: string): Promise<void> {
    this.#record(id);
    this.#records.delete(id);
    await rm(this.#recordPath(id), { force: true });
    if (existsSync(this.path(id))) await rm(this.path(id), { force: true });
  }

  #recordPath(id: string): string {
    return join(this.#dir, `${id}.json`);
  }

  #record(id: string): FileRecord {
    const record = this.#records.get(id);
    if (record === undefined) throw new ApiError(404, `No such File object: ${id}`, { param: 'id' });
    return record;
  }
}

function isFileRecord(value: unknown): value is FileRecord {
  return (
    isRecord(value) &&
    typeof value.sequence === 'number' &&
    typeof value.sha256 === 'string' &&
    isRecord(value.file) &&
    value.file.object === 'file' &&
    typeof value.file.id === 'string' &&
    typeof value.file.bytes === 'number' &&
    typeof value.file.created_at === 'number' &&
    typeof value.file.filename === 'string' &&
    (value.file.purpose === 'fine-tune' || value.file.purpose === 'fine-tune-results')
  );
}
