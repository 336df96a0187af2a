import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { engineFiles } from '@tuneloop/local-trainer/engine-folder';
import { firstExecutable } from '../executables.ts';
import { outputOf } from '../run-child.ts';
import { downloadWheelFile, unpackFiles, type Wheel } from '../wheel.ts';
import { type EngineWork, unusable } from './work.ts';

/** The version that the lock files were made and tried with; a later one on PATH is used as it is. */
const UV_VERSION = '0.13.9';

/** The wheels of PyPI's `uv`, by `process.platform` and `process.arch`. */
const UV_WHEELS: Readonly<Record<string, Wheel>> = {
  'linux x64': {
    platform: 'manylinux2014_x86_64',
    bytes: 17_606_939,
    sha256: 'd7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19',
  },
  'linux arm64': {
    platform: 'manylinux2014_aarch64',
    bytes: 18_026_789,
    sha256: '5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe',
  },
  'darwin x64': {
    platform: 'macosx_10_12_x86_64',
    bytes: 17_529_974,
    sha256: 'c16ed11e013557536b3e60065f1b912f6407bd6518e041b961e23ef9e6b4fbf5',
  },
  'darwin arm64': {
    platform: 'macosx_11_0_arm64',
    bytes: 14_660_755,
    sha256: '66c512266d633bef48384a1f53003f41f2a8e7b36fe6e7fbfd3e0fd52d96fa63',
  },
  'win32 x64': {
    platform: 'win_amd64',
    bytes: 15_662_317,
    sha256: '6a44b2ed8111d2f60d2b92627c5dccda3f7ed7570b18ce115e569cd68c28246b',
  },
};

/**
 * The program that makes Python environments: uv of PATH where it is new enough, else the pinned one in the engine's folder.
 *
 * @throws TuneloopError ENGINE_UNUSABLE where it cannot be fetched
 */
export async function provideUv(work: EngineWork): Promise<string> {
  const { searchPath, engineDir, say, signal } = work;
  const own = engineFiles(engineDir).uv;
  for (const file of [await firstExecutable(searchPath, 'uv'), own]) {
    if (file !== undefined && (await isNewEnough(file))) return file;
  }
  const wheel = UV_WHEELS[`${process.platform} ${process.arch}`];
  if (!wheel)
    throw unusable(`install uv ${UV_VERSION} or later: none is pinned for ${process.platform} ${process.arch}`);
  const folder = path.join(engineDir, `fetching-${process.pid}`);
  try {
    await mkdir(folder, { recursive: true });
    const file = await downloadWheelFile(
      { folder, searchPath, say, signal },
      { name: 'uv', version: UV_VERSION, title: 'uv', wheel },
    );
    const program = path.join(folder, path.basename(own));
    await unpackFiles(file, [{ entry: /\.data\/scripts\/uv(\.exe)?$/, target: program }], signal);
    await rename(program, own);
    return own;
  } catch (error) {
    signal?.throwIfAborted();
    throw unusable(
      `uv, which makes the Python environment, could not be fetched (${error instanceof Error ? error.message : error}): ` +
        `install uv ${UV_VERSION} or later, or allow the network`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function isNewEnough(file: string): Promise<boolean> {
  const version = /^uv (\d+\.\d+\.\d+)/.exec(await outputOf(file, ['--version']).catch(() => ''))?.[1];
  return version !== undefined && version.localeCompare(UV_VERSION, 'en', { numeric: true }) >= 0;
}
