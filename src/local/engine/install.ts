import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { lockFolder } from '@tuneloop/app/internal/shared/folder-lock';
import { engineFiles, type InstalledEngine } from '@tuneloop/local-trainer/engine-folder';
import { childEnvironment } from '../../config/environment.ts';
import { type ChildOptions, runChild } from '../run-child.ts';
import { lockHash, lockText } from './lock.ts';
import { findPython, type Python } from './python.ts';
import { environmentProblem, readStatus } from './status.ts';
import { provideUv } from './uv.ts';
import {
  type Device,
  type EngineWork,
  type EnvironmentKind,
  needSpace,
  trainerEnvironment,
  unusable,
  VLLM_ENVIRONMENT,
} from './work.ts';

const LINE_MS = 5000;

export interface InstallRequest extends EngineWork {
  device: Device;
  /** What is installed; tests have smaller environments. */
  trainer?: EnvironmentKind;
  vllm?: EnvironmentKind;
}

/**
 * Installs the environments of the engine, or nothing where they are there and load. The marker file comes last. What an installation that
 * was broken off has left is removed at the next one; files that were downloaded are not downloaded again.
 *
 * @throws TuneloopError ENGINE_UNUSABLE, DISK_FULL, LOCKED where another installation runs; the reason of `signal`
 */
export async function installEngine(request: InstallRequest): Promise<InstalledEngine> {
  const { engineDir, device, say } = request;
  await mkdir(engineDir, { recursive: true });
  const unlock = lockFolder(engineDir);
  try {
    const trainer = request.trainer ?? trainerEnvironment(device);
    const { state, installed } = await readStatus(engineDir, { trainer });
    if (state === 'ready' && installed?.device === device) {
      say(`The engine is installed in ${engineDir}`);
      return installed;
    }
    return await install(request, trainer);
  } finally {
    unlock();
  }
}

async function install(request: InstallRequest, trainer: EnvironmentKind): Promise<InstalledEngine> {
  const { engineDir, device, say, signal } = request;
  const files = engineFiles(engineDir);
  const kinds: [string, EnvironmentKind][] = [[files.trainer, trainer]];
  if (device === 'cuda') kinds.push([files.vllm, request.vllm ?? VLLM_ENVIRONMENT]);
  const python = await findPython(request);
  await rm(files.installed, { force: true });
  for (const folder of [files.trainer, files.vllm]) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  // Files are linked from uv's cache into the environment, where both are on one disk.
  await needSpace(
    engineDir,
    kinds.reduce((bytes, [, { size }]) => bytes + size.disk, 0),
  );
  const uv = await provideUv(request);
  for (const [folder, kind] of kinds) {
    try {
      await makeEnvironment(request, { uv, python, folder, kind });
    } catch (error) {
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
      signal?.throwIfAborted();
      throw error;
    }
  }
  const installed: InstalledEngine = {
    format: 1,
    device,
    python: python.version,
    lock: await lockHash(trainer),
    vllm: device === 'cuda',
    at: new Date().toISOString(),
  };
  const draft = `${files.installed}.part`;
  await writeFile(draft, `${JSON.stringify(installed, null, 2)}\n`);
  await rename(draft, files.installed);
  await rm(uvCache(engineDir), { recursive: true, force: true, maxRetries: 3 });
  say(`The engine is installed in ${engineDir}`);
  return installed;
}

interface NewEnvironment {
  uv: string;
  python: Python;
  folder: string;
  kind: EnvironmentKind;
}

async function makeEnvironment(work: EngineWork, { uv, python, folder, kind }: NewEnvironment): Promise<void> {
  const { engineDir, say, signal } = work;
  say(`Making a Python environment of ${path.basename(kind.lock)} with Python ${python.version} in ${folder}`);
  const requirements = path.join(engineDir, `requirements-${process.pid}.txt`);
  const { UV_CACHE_DIR = uvCache(engineDir) } = childEnvironment({});
  const env = { UV_CACHE_DIR, UV_PYTHON_DOWNLOADS: 'never' };
  try {
    await writeFile(requirements, await lockText(kind));
    await runUv(uv, ['venv', '--quiet', '--no-project', '-p', python.file, folder], { env, signal });
    const target = ['-p', folder, '--no-deps', '--require-hashes', '--only-binary', ':all:'];
    await telling(say, (onLine) =>
      runUv(uv, ['pip', 'install', ...target, ...kind.install, '-r', requirements], { env, signal, onLine }),
    );
  } finally {
    await rm(requirements, { force: true });
  }
  say('Checking that its modules load');
  const problem = await environmentProblem(folder, kind, signal);
  if (problem !== undefined) throw unusable(`the new environment does not work: ${problem}`);
}

/** @throws TuneloopError ENGINE_UNUSABLE with the end of what uv says */
async function runUv(uv: string, args: string[], options: ChildOptions): Promise<void> {
  try {
    await runChild(uv, args, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    const { message, cause } = error instanceof Error ? error : new Error(`${error}`);
    throw unusable(`uv ${args[0]} failed: ${advice(typeof cause === 'string' && cause ? cause : message)}`);
  }
}

function advice(reason: string): string {
  if (/no space left|os error 28/i.test(reason)) return `the disk is full (${reason}): make room and install again`;
  if (/hash/i.test(reason)) return `${reason}. The index gives other files than those that are locked`;
  if (/dns|connect|timed out|network|request|fetch/i.test(reason)) {
    return `the package index cannot be reached (${reason}): check the network, or name your mirror in UV_DEFAULT_INDEX`;
  }
  return reason;
}

/** Says every few seconds how far a long step is. */
async function telling(say: (message: string) => void, step: (onLine: (line: string) => void) => Promise<void>) {
  const start = Date.now();
  let last = '';
  const timer = setInterval(() => {
    say(`  ${Math.round((Date.now() - start) / 1000)} s${last ? ` (${last.slice(0, 100)})` : ''}`);
  }, LINE_MS);
  try {
    await step((line) => {
      last = line;
    });
  } finally {
    clearInterval(timer);
  }
}

/** uv's cache of an installation that has not ended, so that the next one goes on with what was downloaded. */
function uvCache(engineDir: string): string {
  return path.join(engineDir, 'uv-cache');
}
