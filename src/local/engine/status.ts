import { existsSync } from 'node:fs';
import path from 'node:path';
import {
  type EngineModel,
  engineFiles,
  type InstalledEngine,
  readInstalled,
  readModels,
} from '@tuneloop/local-trainer/engine-folder';
import { findLlama } from '@tuneloop/local-trainer/find-llama';
import { TuneloopError } from '../../errors.ts';
import { runChild } from '../run-child.ts';
import { lockHash } from './lock.ts';
import { type EnvironmentKind, trainerEnvironment, VLLM_ENVIRONMENT } from './work.ts';

/** `unfinished`: an installation was broken off. `outdated`: this version of Tuneloop has other packages. `damaged`: a module does not load. */
export type EngineState = 'ready' | 'absent' | 'unfinished' | 'outdated' | 'damaged';

export interface EngineStatus {
  folder: string;
  state: EngineState;
  installed: InstalledEngine | undefined;
  models: EngineModel[];
  /** What is wrong, and what to do. */
  problem: string | null;
  /** Why models could not answer here, and what to do; on a CPU a package of npm answers for them. */
  serving: string | null;
}

export interface StatusOptions {
  /** What should be installed; tests have a smaller environment. */
  trainer?: EnvironmentKind;
  vllm?: EnvironmentKind;
  /** Whether the modules are not loaded, which takes seconds. */
  quick?: boolean;
}

/** How the engine is. A damaged one is no error, but a state. */
export async function readStatus(engineDir: string, options: StatusOptions = {}): Promise<EngineStatus> {
  const status = await readEngine(engineDir, options);
  return { ...status, serving: status.installed?.device === 'cpu' ? llamaProblem(engineDir) : null };
}

function llamaProblem(engineDir: string): string | null {
  try {
    findLlama(engineDir);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : `${error}`;
  }
}

async function readEngine(engineDir: string, options: StatusOptions): Promise<Omit<EngineStatus, 'serving'>> {
  const nothing = { folder: engineDir, installed: undefined, models: [] };
  try {
    const installed = readInstalled(engineDir);
    const models = readModels(engineDir);
    if (installed) return { folder: engineDir, installed, models, ...(await stateOf(engineDir, installed, options)) };
    if (!existsSync(engineFiles(engineDir).trainer)) {
      return { ...nothing, models, state: 'absent', problem: 'not installed: run `tuneloop engine install`' };
    }
    const problem = 'an installation was broken off: run `tuneloop engine install` again';
    return { ...nothing, models, state: 'unfinished', problem };
  } catch (error) {
    if (!(error instanceof TuneloopError)) throw error;
    return { ...nothing, state: 'damaged', problem: error.message };
  }
}

async function stateOf(
  engineDir: string,
  { device, lock, vllm }: InstalledEngine,
  options: StatusOptions,
): Promise<Pick<EngineStatus, 'state' | 'problem'>> {
  const files = engineFiles(engineDir);
  const trainer = options.trainer ?? trainerEnvironment(device);
  if (lock !== (await lockHash(trainer))) {
    const problem = 'this version of Tuneloop has other Python packages: run `tuneloop engine install` again';
    return { state: 'outdated', problem };
  }
  if (options.quick) return { state: 'ready', problem: null };
  const problem =
    (await environmentProblem(files.trainer, trainer)) ??
    (vllm ? await environmentProblem(files.vllm, options.vllm ?? VLLM_ENVIRONMENT) : undefined);
  if (problem === undefined) return { state: 'ready', problem: null };
  return { state: 'damaged', problem: `${problem}: run \`tuneloop engine install\` again` };
}

/** Why an environment does not work; undefined where all its modules load. */
export async function environmentProblem(
  folder: string,
  { modules }: EnvironmentKind,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const [bin, name] = process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python'];
  const python = path.join(folder, bin, name);
  try {
    // Names such as safetensors stand in files that are there even where the libraries below them are not.
    await runChild(python, ['-I', '-c', `import ${modules.join(', ')}`], { python: 'offline', signal });
    return undefined;
  } catch (error) {
    signal?.throwIfAborted();
    return `${python} cannot load ${modules.join(', ')} (${error instanceof Error ? error.message : error})`;
  }
}
