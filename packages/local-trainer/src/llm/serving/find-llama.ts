import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ApiError } from '@tuneloop/app/internal/shared/api-error';
import { engineFiles } from '../engine-folder.ts';

/** The version of `node-llama-cpp` that this one was tried with. */
export const LLAMA_VERSION = '3.21.1';

/**
 * URL of the module `node-llama-cpp`: that of the engine's folder, else that of this package, else that of the folder in which the program was
 * started.
 *
 * @throws ApiError 503 where it is not installed
 */
export function findLlama(engineDir?: string): string {
  const installed = engineDir === undefined ? [] : [pathToFileURL(join(engineFiles(engineDir).llama, 'package.json'))];
  for (const from of [...installed, import.meta.url, pathToFileURL(join(process.cwd(), 'package.json'))]) {
    try {
      return pathToFileURL(createRequire(from).resolve('node-llama-cpp')).href;
    } catch {
      // The next place, or the error below.
    }
  }
  throw new ApiError(
    503,
    `LLMs answer on a CPU by llama.cpp, whose package is not installed: run \`tuneloop engine install\`, or \`npm install node-llama-cpp@${LLAMA_VERSION}\`.`,
    { code: 'serving_not_installed' },
  );
}
