import { execFile } from 'node:child_process';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Environment } from '../config/environment.ts';
import { TuneloopError } from '../errors.ts';
import { firstExecutable } from './executables.ts';
import { SERVER_VERSION } from './server-program-pin.ts';
import { WAYS, type Way } from './server-program-ways.ts';

const PROGRAM = process.platform === 'win32' ? 'temporal.exe' : 'temporal';
const VERSION_TIMEOUT_MS = 20_000;
/** A replacement that failed is not retried at once, because every start would wait for it. */
const RETRY_MS = 24 * 60 * 60 * 1000;

export type Say = (message: string) => void;

/** A `temporal` program that runs. */
export interface ServerProgram {
  file: string;
  /** Of the Temporal server in it, such as `1.32.0`; undefined where the program does not say. */
  version: string | undefined;
  /** Whether it lies in the cache folder; one from elsewhere is the user's own. */
  cached: boolean;
}

/** The `temporal` program of this machine, without fetching or building anything. */
export async function findServerProgram({
  temporalCli,
  searchPath,
  cache,
}: Environment): Promise<ServerProgram | undefined> {
  if (temporalCli !== undefined) {
    const version = await versionOf(temporalCli);
    if (version) return { file: temporalCli, ...version, cached: false };
    throw new TuneloopError(
      'ENVIRONMENT_INVALID',
      `TEMPORAL_CLI is ${temporalCli}, which is not a temporal program that runs`,
    );
  }
  for (const folder of [...searchPath, cache]) {
    const file = await firstExecutable([folder], 'temporal');
    const version = file && (await versionOf(file));
    if (version) return { file, ...version, cached: folder === cache };
  }
  return undefined;
}

/** Whether a server's version, such as `1.28.0`, is older than the one that Tuneloop is tested with; no version is not. */
export function isOlderThanTested(version: string | undefined): boolean {
  return version !== undefined && version.localeCompare(SERVER_VERSION, 'en', { numeric: true }) < 0;
}

/**
 * The `temporal` program to start a development server with: TEMPORAL_CLI, PATH, the cache folder, or one of the ways that put it into the
 * cache folder. An older program in the cache folder is replaced; the user's own stays.
 *
 * @param say is told about long steps, and about the failure of each way.
 * @returns path of the program
 * @throws TuneloopError TEMPORAL_UNAVAILABLE_HERE naming each way and why it failed; the reason of `signal`
 */
export async function provideServerProgram(
  environment: Environment,
  say: Say,
  signal?: AbortSignal,
  ways: readonly Way[] = WAYS,
): Promise<string> {
  const found = await findServerProgram(environment);
  if (found && !isOlderThanTested(found.version)) return found.file;
  if (found && !found.cached) {
    say(
      `${found.file} is Temporal server ${found.version}, older than ${SERVER_VERSION}, with which Tuneloop is tested`,
    );
    return found.file;
  }
  if (found) return replaceProgram(environment, found, { say, signal, ways });
  const result = await fetchProgram(environment, { say, signal, ways });
  if ('file' in result) return result.file;
  throw new TuneloopError(
    'TEMPORAL_UNAVAILABLE_HERE',
    `no Temporal server could be obtained on this machine (${result.failures.join('; ')}). Any one of these helps: install ` +
      'the Temporal CLI so that `temporal` is on PATH; set TEMPORAL_CLI to the program; set TEMPORAL_ADDRESS to a ' +
      'running server; allow the network, so that the program can be downloaded; install Python with pip, uv or Go',
  );
}

interface Fetching {
  say: Say;
  signal: AbortSignal | undefined;
  ways: readonly Way[];
}

/** Replaces an older program in the cache folder; if that fails, the older one is used. */
async function replaceProgram(environment: Environment, old: ServerProgram, fetching: Fetching): Promise<string> {
  const { say, ways } = fetching;
  const marker = path.join(environment.cache, 'replacement-failed');
  const failedAt = await stat(marker).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
  if (failedAt === undefined || Date.now() - failedAt > RETRY_MS) {
    say(`The Temporal server in the cache folder is version ${old.version}: replacing it by ${SERVER_VERSION}`);
    const pinned = ways.filter((way) => way.pinned);
    const result = await fetchProgram(environment, { ...fetching, ways: pinned });
    if ('file' in result) {
      await rm(marker, { force: true });
      return result.file;
    }
    await writeFile(marker, `${result.failures.join('\n')}\n`);
  }
  say(`Using version ${old.version} of the Temporal server: it could not be replaced; ${marker} says why`);
  return old.file;
}

/** Tries one way after the other, and puts the program into the cache folder. */
async function fetchProgram(
  { cache, searchPath }: Environment,
  { say, signal, ways }: Fetching,
): Promise<{ file: string } | { failures: string[] }> {
  const file = path.join(cache, PROGRAM);
  const failures: string[] = [];
  for (const [index, way] of ways.entries()) {
    signal?.throwIfAborted();
    const folder = path.join(cache, `fetching-${process.pid}`);
    try {
      await mkdir(folder, { recursive: true });
      const program = await way.get({ folder, searchPath, say, signal });
      if (!(await versionOf(program))) throw new Error('the program does not run on this machine');
      // Renamed when complete: a cut-off download or build never counts as the program.
      await rename(program, file);
      say(`Temporal server kept for next time: ${file}`);
      return { file };
    } catch (error) {
      signal?.throwIfAborted();
      const failure = `${way.name}: ${reasonOf(error)}`;
      failures.push(failure);
      if (index < ways.length - 1) say(`No ${failure}`);
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    }
  }
  return { failures };
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : `${error}`;
  // The SDK repeats the cause in each of its causes.
  const text = [...new Set(message.split(': '))].join(': ');
  return text.length > 300 ? `${text.slice(0, 150)} ... ${text.slice(-150)}` : text;
}

/** Asks a program for its version; undefined where it is not a temporal program that runs. */
async function versionOf(program: string): Promise<{ version: string | undefined } | undefined> {
  return promisify(execFile)(program, ['--version'], { timeout: VERSION_TIMEOUT_MS }).then(
    // The version of the CLI itself is no measure: a build with Go says 0.0.0-DEV.
    ({ stdout }) => (/temporal/i.test(stdout) ? { version: /Server v?(\d+\.\d+\.\d+)/.exec(stdout)?.[1] } : undefined),
    () => undefined,
  );
}
