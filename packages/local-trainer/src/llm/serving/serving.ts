import { join } from 'node:path';
import type { CallableModel } from '../../engine.ts';
import type { BaseModelPlace, ModelServer } from '../model-server.ts';
import { threadsOf } from '../python.ts';
import type { LlamaBase } from './child-messages.ts';
import { LlamaProcess } from './llama-process.ts';
import { type VllmOptions, VllmServers } from './vllm-servers.ts';

export interface ServingOptions {
  /** The folder of the engine, where llama.cpp is looked for first. */
  readonly engineDir?: string;
  /**
   * Threads that compute on a CPU. Default: as many as one training. With more, the threads of llama.cpp wait for each other
   * beside the trainings: 152 answers took 268 s with two threads on two cores, and about 50 s with one.
   */
  readonly threads?: number;
  /** Adapters held in memory at a time, base models counted too; default 9. */
  readonly adapters?: number;
  /** Requests that one adapter answers at a time; the others wait. Default 4. */
  readonly sequences?: number;
  /** Serves on a GPU by vLLM instead. */
  readonly vllm?: Pick<VllmOptions, 'python' | 'args'>;
}

/** What vLLM computes at a time without becoming slower in all; llama.cpp on a few cores does little more than one. */
const CONCURRENCY = { llama: 2, vllm: 16 };

/** By llama.cpp, or by vLLM on a GPU. */
export class LlmServing implements ModelServer {
  readonly #llama: LlamaProcess;
  readonly #vllm: VllmServers | undefined;

  constructor({ engineDir, threads = threadsOf('cpu'), adapters = 9, sequences = 4, vllm }: ServingOptions = {}) {
    this.#llama = new LlamaProcess({ threads, contexts: adapters, sequences }, engineDir);
    this.#vllm = vllm && new VllmServers({ ...vllm, adapters });
  }

  /** Process ids of what runs for it. */
  get pids(): number[] {
    return [this.#llama.pid, ...(this.#vllm?.pids ?? [])].filter((pid) => pid !== undefined);
  }

  get concurrency(): number {
    return this.#vllm === undefined ? CONCURRENCY.llama : CONCURRENCY.vllm;
  }

  /** `adapter` is the folder of a tuned model; null = the base model itself. */
  model(base: BaseModelPlace, adapter: string | null): CallableModel {
    if (this.#vllm !== undefined) return this.#vllm.model(base, adapter);
    const { gguf } = base;
    if (gguf === null) throw new Error(`the base model ${base.name} has no weights for llama.cpp`);
    const file: LlamaBase = { gguf, folder: base.folder };
    const path = adapter && adapterFile(adapter);
    return { answer: (request, signal) => this.#llama.answer(file, path, request, signal) };
  }

  /** Takes an adapter out of memory, before its folder is removed. */
  async forget(adapter: string): Promise<void> {
    if (this.#vllm !== undefined) return this.#vllm.forget(adapter);
    return this.#llama.forget(adapterFile(adapter));
  }

  async close(): Promise<void> {
    await Promise.all([this.#llama.close(), this.#vllm?.close()]);
  }
}

function adapterFile(folder: string): string {
  return join(folder, 'adapter.gguf');
}
