import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { lockFolder } from '@tuneloop/app/internal/shared/folder-lock';
import { engineFiles } from '@tuneloop/local-trainer/engine-folder';

/**
 * Removes the environments and the base models of an engine; folders of models that are the user's own stay. The marker goes first, so that
 * an engine that is half removed counts as none.
 *
 * @returns what was removed
 * @throws TuneloopError LOCKED where an installation runs
 */
export async function removeEngine(engineDir: string): Promise<string[]> {
  if (!existsSync(engineDir)) return [];
  const { installed, trainer, vllm, llama, models, uv } = engineFiles(engineDir);
  const unlock = lockFolder(engineDir);
  try {
    const parts = [
      installed,
      trainer,
      vllm,
      llama,
      models,
      uv,
      ...['uv-cache', 'downloads'].map((name) => path.join(engineDir, name)),
    ];
    const there = parts.filter((part) => existsSync(part));
    for (const part of there) await rm(part, { recursive: true, force: true, maxRetries: 3 });
    return there;
  } finally {
    unlock();
  }
}
