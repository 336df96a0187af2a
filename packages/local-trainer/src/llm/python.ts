import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { engineFiles, PYTHON_FOLDER } from './engine-folder.ts';

/** A training computes on a processor core or a graphics card of its own. */
export type Device = 'cpu' | 'cuda';

export interface PythonPlace {
  readonly engineDir: string;
  readonly device: Device;
  /** Threads of a process. */
  readonly threads: number;
}

/** Trainings at a time: on processors two, because two of one thread do more than one of two threads; one on a graphics card. */
export function slotsOf(device: Device): number {
  return device === 'cuda' ? 1 : Math.min(2, availableParallelism());
}

/** Threads of one training, so that all trainings together have one for each processor. */
export function threadsOf(device: Device): number {
  return Math.max(1, Math.floor(availableParallelism() / slotsOf(device)));
}

/** What a Python process is told of this one's environment: no secrets, and nothing that could make it ask a hub. */
export function pythonEnvironment({ engineDir, device, threads }: PythonPlace): NodeJS.ProcessEnv {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'LD_LIBRARY_PATH', 'SYSTEMROOT', 'TEMP', 'TMP'];
  const own = Object.fromEntries(
    kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
  return {
    ...own,
    HF_HOME: engineDir,
    HF_HUB_OFFLINE: '1',
    TRANSFORMERS_OFFLINE: '1',
    HF_DATASETS_OFFLINE: '1',
    HF_HUB_DISABLE_PROGRESS_BARS: '1',
    TOKENIZERS_PARALLELISM: 'false',
    PYTHONUNBUFFERED: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    OMP_NUM_THREADS: `${threads}`,
    CUDA_VISIBLE_DEVICES: device === 'cpu' ? '' : (process.env.CUDA_VISIBLE_DEVICES ?? '0'),
  };
}

/** The standard output of a module of ours, once it has ended. */
export async function runModule(place: PythonPlace, module: string, args: readonly string[]): Promise<string> {
  const { trainerPython } = engineFiles(place.engineDir);
  const { stdout } = await promisify(execFile)(trainerPython, ['-m', module, ...args], {
    cwd: PYTHON_FOLDER,
    env: pythonEnvironment(place),
    maxBuffer: 1024 * 1024,
  });
  return stdout;
}
