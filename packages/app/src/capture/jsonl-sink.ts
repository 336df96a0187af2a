import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import path from 'node:path';
import { type CaptureSink, createSink, type LineWriter, type SinkOptions } from './sink.ts';

export interface JsonlOptions extends SinkOptions {
  /** A file of this size is renamed and kept beside the new one. Default 256 MiB. */
  rotateBytes?: number;
}

const ROTATE_BYTES = 256 * 2 ** 20;

/**
 * Appends calls to a JSONL file, readable by its owner only. Several processes may share one file: lines are written whole,
 * many at a time, in one write. A full file becomes `name-<time>-<process>.jsonl`; name both to `tuneloop` with a glob.
 */
export function jsonlSink(file: string, { rotateBytes = ROTATE_BYTES, ...options }: JsonlOptions = {}): CaptureSink {
  return createSink(new JsonlWriter(path.resolve(file), rotateBytes), options);
}

class JsonlWriter implements LineWriter {
  readonly #file: string;
  readonly #rotateBytes: number;
  #rotations = 0;
  /** Whether the last write broke off within a line. */
  #torn = false;

  constructor(file: string, rotateBytes: number) {
    this.#file = file;
    this.#rotateBytes = rotateBytes;
  }

  async write(calls: readonly object[], actuals: readonly object[]): Promise<void> {
    await mkdir(path.dirname(this.#file), { recursive: true, mode: 0o700 });
    const text = [...calls, ...actuals].map((line) => `${JSON.stringify(line)}\n`).join('');
    // Opened by name each time, because another process may have renamed the file meanwhile.
    const handle = await open(this.#file, 'a', 0o600);
    try {
      const { size } = await handle.stat();
      await this.#append(handle, Buffer.from(this.#torn ? `\n${text}` : text));
      if (size >= this.#rotateBytes) await this.#setAside();
    } finally {
      await handle.close();
    }
  }

  async close(): Promise<void> {}

  /** In one write, which the system does not mix with those of others. */
  async #append(handle: FileHandle, bytes: Buffer): Promise<void> {
    const { bytesWritten } = await handle.write(bytes);
    this.#torn = bytesWritten < bytes.length && bytes[bytesWritten - 1] !== 0x0a;
    if (bytesWritten < bytes.length) throw new Error(`${this.#file} took ${bytesWritten} of ${bytes.length} bytes`);
  }

  /** No two processes choose the same name; if another one was faster, nothing is left to do. */
  async #setAside(): Promise<void> {
    const { dir, name, ext } = path.parse(this.#file);
    const time = new Date().toISOString().replace(/[-:.]/g, '');
    this.#rotations += 1;
    const aside = path.join(dir, `${name}-${time}-${process.pid}-${this.#rotations}${ext}`);
    await rename(this.#file, aside).catch(() => {});
  }
}
