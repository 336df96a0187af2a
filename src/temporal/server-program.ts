import { execFile, spawn } from 'node:child_process';
import { access, constants, mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { childEnvironment, type Environment } from '../config/environment.ts';
import { TuneloopError } from '../errors.ts';

/** The newest version that `go install` can build: the go.mod of later ones has a `replace`. */
const GO_PACKAGE = 'github.com/temporalio/cli/cmd/temporal@v1.5.1';
const PROGRAM = process.platform === 'win32' ? 'temporal.exe' : 'temporal';

export type Say = (message: string) => void;

/** Where the `temporal` program of this machine is, without fetching or building anything. */
export async function findServerProgram({ temporalCli, searchPath, cache }: Environment): Promise<string | undefined> {
  if (temporalCli !== undefined) {
    if (await answers(temporalCli)) return temporalCli;
    throw new TuneloopError(
      'ENVIRONMENT_INVALID',
      `TEMPORAL_CLI is ${temporalCli}, which is not a temporal program that runs`,
    );
  }
  for (const folder of [...searchPath, cache]) {
    const program = path.join(folder, PROGRAM);
    if ((await isExecutable(program)) && (await answers(program))) return program;
  }
  return undefined;
}

/**
 * The `temporal` program to start a development server with: TEMPORAL_CLI, PATH, the cache folder, the SDK's download
 * into the cache folder, or a build with Go into the cache folder.
 *
 * @param say is told what takes long.
 * @throws TuneloopError TEMPORAL_UNAVAILABLE_HERE naming each way and why it failed.
 */
export async function provideServerProgram(environment: Environment, say: Say, signal?: AbortSignal): Promise<string> {
  const found = await findServerProgram(environment);
  if (found) return found;
  const { cache, searchPath } = environment;
  await mkdir(cache, { recursive: true });
  const final = path.join(cache, PROGRAM);
  const failures: string[] = [];
  for (const [way, provide] of [
    ['download', () => download(cache, say)],
    ['build with Go', () => build(cache, searchPath, say, signal)],
  ] as const) {
    try {
      // Renamed when complete: a cut-off download or build never counts as the program.
      await rename(await provide(), final);
      say(`Temporal server kept for next time: ${final}`);
      return final;
    } catch (error) {
      signal?.throwIfAborted();
      failures.push(`${way}: ${error instanceof Error ? error.message.slice(0, 300) : error}`);
    }
  }
  throw new TuneloopError(
    'TEMPORAL_UNAVAILABLE_HERE',
    `no Temporal server could be had on this machine (${failures.join('; ')}). Any one of these helps: install the ` +
      'Temporal CLI so that `temporal` is on PATH; set TEMPORAL_CLI to the program; set TEMPORAL_ADDRESS to a running ' +
      'server; install Go, or allow the network, so that it can be built or downloaded',
  );
}

/** The SDK downloads the program when it starts a test server with it. */
async function download(cache: string, say: Say): Promise<string> {
  say('Downloading the Temporal development server (once)');
  const { TestWorkflowEnvironment } = await import('@temporalio/testing');
  const folder = path.join(cache, `downloading-${process.pid}`);
  await mkdir(folder, { recursive: true });
  try {
    const server = await TestWorkflowEnvironment.createLocal({
      server: { executable: { type: 'cached-download', downloadDir: folder }, ui: false },
    });
    await server.teardown();
    const [file] = await readdir(folder);
    if (!file) throw new Error('nothing was downloaded');
    const program = path.join(cache, `downloaded-${process.pid}`);
    await rename(path.join(folder, file), program);
    return program;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function build(cache: string, searchPath: string[], say: Say, signal?: AbortSignal): Promise<string> {
  const go = await firstExecutable(searchPath, process.platform === 'win32' ? 'go.exe' : 'go');
  if (!go) throw new Error('Go is not installed');
  say('Building the Temporal development server with Go: 3 to 10 minutes, once');
  const folder = path.join(cache, `building-${process.pid}`);
  await mkdir(folder, { recursive: true });
  const start = Date.now();
  let last = '';
  const alive = setInterval(() => {
    say(`  building, ${Math.round((Date.now() - start) / 1000)} s${last ? ` (${last})` : ''}`);
  }, 10_000);
  try {
    await new Promise<void>((resolve, reject) => {
      const child = spawn(go, ['install', '-v', GO_PACKAGE], {
        env: childEnvironment({ GOBIN: folder }),
        stdio: ['ignore', 'ignore', 'pipe'],
        signal,
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        last = text.trim().split('\n').at(-1)?.slice(0, 80) ?? last;
      });
      child.once('error', reject);
      child.once('exit', (code) =>
        code === 0 ? resolve() : reject(new Error(`go install ended with ${code}: ${last}`)),
      );
    });
    const program = path.join(cache, `built-${process.pid}`);
    await rename(path.join(folder, PROGRAM), program);
    return program;
  } finally {
    clearInterval(alive);
    await rm(folder, { recursive: true, force: true });
  }
}

async function firstExecutable(folders: string[], name: string): Promise<string | undefined> {
  for (const folder of folders) if (await isExecutable(path.join(folder, name))) return path.join(folder, name);
  return undefined;
}

async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function answers(program: string): Promise<boolean> {
  return promisify(execFile)(program, ['--version'], { timeout: 20_000 }).then(
    ({ stdout }) => /temporal/i.test(stdout),
    () => false,
  );
}
