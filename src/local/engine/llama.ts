import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { engineFiles } from '@tuneloop/local-trainer/engine-folder';
import { findLlama, LLAMA_VERSION } from '@tuneloop/local-trainer/find-llama';
import { runChild } from '../run-child.ts';
import { type EngineWork, unusable } from './work.ts';

/** The builds for processors alone, by platform: those for graphics cards are twenty times as large. */
const BUILDS: Readonly<Record<string, string>> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'darwin-arm64': 'mac-arm64-metal',
  'darwin-x64': 'mac-x64',
  'win32-x64': 'win-x64',
  'win32-arm64': 'win-arm64',
};

/**
 * Installs llama.cpp for Node, which answers for LLMs on a processor, into the engine's folder; nothing where it is there already.
 *
 * @throws TuneloopError ENGINE_UNUSABLE with what npm says
 */
export async function installLlama({ engineDir, say, signal }: EngineWork): Promise<void> {
  if (isThere(engineDir)) return;
  const build = BUILDS[`${process.platform}-${process.arch}`];
  if (build === undefined) throw unusable(`llama.cpp has no build for ${process.platform} on ${process.arch}`);
  const { llama } = engineFiles(engineDir);
  say(`Installing llama.cpp for Node (about 60 MB) in ${llama}`);
  await rm(llama, { recursive: true, force: true });
  await mkdir(llama, { recursive: true });
  await writeFile(path.join(llama, 'package.json'), '{ "private": true }\n');
  const packages = [`node-llama-cpp@${LLAMA_VERSION}`, `@node-llama-cpp/${build}@${LLAMA_VERSION}`];
  // Its scripts would compile llama.cpp where no build fits.
  const flags = ['--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  try {
    await runChild('npm', ['install', '--prefix', llama, ...flags, ...packages], { signal });
  } catch (error) {
    await rm(llama, { recursive: true, force: true });
    signal?.throwIfAborted();
    throw unusable(`npm cannot install ${packages.join(' and ')}: ${error instanceof Error ? error.message : error}`);
  }
}

function isThere(engineDir: string): boolean {
  try {
    findLlama(engineDir);
    return true;
  } catch {
    return false;
  }
}
