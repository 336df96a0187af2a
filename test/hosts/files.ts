import { createHash } from 'node:crypto';
import { readTrainingFile } from '../../packages/local-trainer/src/jobs/training-file.ts';
import { chatTokens } from '../../packages/local-trainer/src/tokens.ts';
import type { Engine } from './engine.ts';
import { HostError } from './front.ts';
import { newId } from './ids.ts';

/** An uploaded file, or a dataset. */
export interface HostFile {
  readonly id: string;
  name: string;
  purpose: string;
  /** Unix seconds. */
  readonly createdAt: number;
  /** Null until its bytes have come. */
  content: Content | null;
  /** Whether the host has checked it; a front with a step of its own for that sets it. */
  ready: boolean;
  /** Whatever its front remembers. */
  extra: Record<string, unknown>;
}

interface Content {
  bytes: Buffer<ArrayBuffer>;
  sha256: string;
  /** Rows and their tokens; 0 for a file that is no training file. */
  rows: number;
  tokens: number;
  engineId: string;
}

export interface NewFile {
  /** Chosen by the caller: a second one is refused with 409. */
  id?: string;
  name: string;
  purpose?: string;
  ready?: boolean;
  extra?: Record<string, unknown>;
}

export class Files {
  readonly #engine: Engine;
  readonly #files = new Map<string, HostFile>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** A file whose bytes are still to come. @throws HostError 409 for an id that is taken */
  reserve({ id = newId('file-'), name, purpose = 'fine-tune', ready = false, extra = {} }: NewFile): HostFile {
    if (this.#files.has(id)) throw new HostError(409, `${id} already exists`, { code: 'ALREADY_EXISTS' });
    const file: HostFile = {
      id,
      name,
      purpose,
      createdAt: Math.floor(Date.now() / 1000),
      content: null,
      ready,
      extra,
    };
    this.#files.set(id, file);
    return file;
  }

  /** @throws HostError 404 */
  async fill(id: string, bytes: Uint8Array): Promise<HostFile> {
    const file = this.get(id);
    const copy = Buffer.from(bytes);
    const counted = countRows(copy);
    file.content = {
      bytes: copy,
      sha256: createHash('sha256').update(copy).digest('hex'),
      ...counted,
      // The trainer takes no empty file: the job that names it fails.
      engineId: await this.#engine.addFile(
        file.name === '' ? 'file' : file.name,
        copy.length === 0 ? Buffer.from('\n') : copy,
      ),
    };
    return file;
  }

  async add(file: NewFile, bytes: Uint8Array): Promise<HostFile> {
    const { id } = this.reserve({ ready: true, ...file });
    return await this.fill(id, bytes);
  }

  /** Newest first. */
  list(): HostFile[] {
    return [...this.#files.values()].reverse();
  }

  find(id: string): HostFile | undefined {
    return this.#files.get(id);
  }

  /** @throws HostError 404 */
  get(id: string): HostFile {
    const file = this.#files.get(id);
    if (!file) throw new HostError(404, `No such File object: ${id}`, { param: 'id', code: 'NOT_FOUND' });
    return file;
  }

  withHash(sha256: string): HostFile | undefined {
    return this.list().find(({ content }) => content?.sha256 === sha256);
  }

  /** @throws HostError 404 */
  delete(id: string): void {
    this.get(id);
    this.#files.delete(id);
  }
}

function countRows(bytes: Buffer): { rows: number; tokens: number } {
  let rows = 0;
  let tokens = 0;
  try {
    for (const { messages } of readTrainingFile(bytes)) {
      rows++;
      tokens += chatTokens(messages);
    }
  } catch {
    return { rows: 0, tokens: 0 };
  }
  return { rows, tokens };
}
