import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import path from 'node:path';

/** Names the folder of one run of the test suite; the global setup creates it and the global teardown removes it. */
export const RUN_FOLDER = 'TUNELOOP_TEST_FOLDER';
const BUILD = path.join(import.meta.dirname, 'bundle-workflows.ts');
const DEADLINE_MS = 60_000;
const POLL_MS = 50;

/**
 * The file of the workflow bundle that all workers of one run of the test suite share, because bundling takes each
 * worker seconds. The first process that needs the bundle builds it and the others wait, so that test files without a
 * worker cost nothing. It cannot be stale, because each run of the suite has a folder of its own.
 *
 * @returns undefined outside of the test suite: a worker then bundles its sources itself.
 */
export function sharedWorkflowBundle(): string | undefined {
  const folder = process.env[RUN_FOLDER];
  if (!folder) return undefined;
  const file = path.join(folder, 'workflow-bundle.js');
  const lock = `${file}.lock`;
  const deadline = Date.now() + DEADLINE_MS;
  while (!existsSync(file)) {
    if (takeLock(lock)) {
      try {
        if (!existsSync(file))
          execFileSync(process.execPath, [BUILD, file], { stdio: ['ignore', 'ignore', 'inherit'] });
      } finally {
        rmdirSync(lock);
      }
    } else {
      if (Date.now() > deadline) throw new Error(`waited in vain for ${file}`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
    }
  }
  return file;
}

function takeLock(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
