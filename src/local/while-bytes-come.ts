import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';

const POLL_MS = 250;
const LINE_MS = 2000;

export interface DownloadWatch {
  /** Folder that the download writes to. */
  folder: string;
  /** Bytes of the complete file, where they are known. */
  size?: number;
  /** Milliseconds without a new byte after which the download has failed. */
  stallMs: number;
  say: (message: string) => void;
  signal?: AbortSignal | undefined;
}

/**
 * Runs a download, reports its bytes on the disk, and ends it once no more bytes arrive.
 *
 * @param download has to settle soon after its signal aborts.
 * @throws Error where no byte has arrived for `stallMs`; the reason of `signal` where that aborts
 */
export async function whileBytesCome<T>(
  { folder, size, stallMs, say, signal }: DownloadWatch,
  download: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stalled = new AbortController();
  let bytes = 0;
  let lastByte = Date.now();
  let lastLine = Date.now();
  const timer = setInterval(async () => {
    const now = await largestFile(folder);
    if (now > bytes) {
      bytes = now;
      lastByte = Date.now();
      if (lastByte - lastLine >= LINE_MS) {
        lastLine = lastByte;
        say(`  ${amount(bytes, size)}`);
      }
    } else if (Date.now() - lastByte >= stallMs) {
      stalled.abort(new Error(`no bytes for ${Math.round(stallMs / 1000)} s`));
    }
  }, POLL_MS);
  try {
    return await download(signal ? AbortSignal.any([signal, stalled.signal]) : stalled.signal);
  } catch (error) {
    signal?.throwIfAborted();
    stalled.signal.throwIfAborted();
    throw error;
  } finally {
    clearInterval(timer);
  }
}

function amount(bytes: number, size: number | undefined): string {
  const megabytes = (count: number) => (count / 1e6).toFixed(0);
  if (size === undefined) return `${megabytes(bytes)} MB`;
  const percent = Math.min(100, Math.floor((100 * bytes) / size));
  return `${percent} % of ${megabytes(size)} MB`;
}

/** Bytes of the largest file, because a downloader may copy its temporary file at the end, which is no progress. */
async function largestFile(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      stat(path.join(entry.parentPath, entry.name)).then(
        ({ size }) => size,
        () => 0,
      ),
    );
  return Math.max(0, ...(await Promise.all(sizes)));
}
