import { firstExecutable } from '../executables.ts';
import { outputOf } from '../run-child.ts';
import { type EngineWork, unusable } from './work.ts';

const NAMES = ['python3.12', 'python3.13', 'python3.11', 'python3', 'python'];
/** Minor versions of Python 3 that the lock files are for. */
const OLDEST = 11;
const NEWEST = 13;
const ASK = 'import sys; print(".".join(map(str, sys.version_info[:3])), sys.executable)';

export interface Python {
  file: string;
  version: string;
}

/**
 * A Python of PATH that the environment can be made with.
 *
 * @throws TuneloopError ENGINE_UNUSABLE that names what was found
 */
export async function findPython({ searchPath, signal }: Pick<EngineWork, 'searchPath' | 'signal'>): Promise<Python> {
  const others = new Set<string>();
  for (const name of NAMES) {
    for (const folder of searchPath) {
      const command = await firstExecutable([folder], name);
      if (command === undefined) continue;
      signal?.throwIfAborted();
      // A version manager has a program for each version, also for those that are not chosen here.
      const answer = await outputOf(command, ['-I', '-c', ASK]).catch(() => undefined);
      const [, version, minor, file] = /^(3\.(\d+)\.\d+) (.+)$/.exec(answer ?? '') ?? [];
      if (version === undefined || file === undefined) continue;
      if (Number(minor) >= OLDEST && Number(minor) <= NEWEST) return { file, version };
      others.add(`${command} is ${version}`);
    }
  }
  const found = others.size > 0 ? [...others].slice(0, 5).join(', ') : 'no Python is on PATH';
  throw unusable(
    `the engine needs Python 3.${OLDEST} to 3.${NEWEST}, but ${found}: install one of these versions and put it on PATH`,
  );
}
