import { createHash } from 'node:crypto';
import { ApiError } from '@tuneloop/app/internal/shared/api-error';
import type { CallableModel } from '../../engine.ts';
import type { BaseModelPlace } from '../model-server.ts';
import { answerOf } from './vllm-answer.ts';
import { type VllmOptions, VllmProcess } from './vllm-process.ts';

export type { VllmOptions } from './vllm-process.ts';

/** The adapters of one server of vLLM. */
interface Served {
  readonly server: VllmProcess;
  /** Name of each loaded adapter by folder, the least recently used first. */
  readonly loaded: Map<string, Promise<string>>;
  /** Requests that an adapter answers now. */
  readonly used: Map<string, number>;
}

/** Servers of vLLM, one for each base model that was asked for. */
export class VllmServers {
  readonly #options: VllmOptions;
  readonly #servers = new Map<string, Promise<Served>>();
  readonly #pids = new Set<number>();

  constructor(options: VllmOptions) {
    this.#options = options;
  }

  get pids(): number[] {
    return [...this.#pids];
  }

  model(base: BaseModelPlace, adapter: string | null): CallableModel {
    const served = () => this.#served(base);
    const { adapters } = this.#options;
    return {
      async *answer(request, signal) {
        const at = await served();
        const model = adapter === null ? base.name : await take(at, adapter, adapters);
        try {
          return yield* answerOf(at.server, model, request, signal);
        } finally {
          if (adapter !== null) giveBack(at, adapter);
        }
      },
    };
  }

  async forget(adapter: string): Promise<void> {
    for (const starting of this.#servers.values()) {
      const at = await starting;
      if (at.loaded.has(adapter)) await unload(at, adapter);
    }
  }

  async close(): Promise<void> {
    const all = await Promise.allSettled(this.#servers.values());
    await Promise.all(all.map((one) => (one.status === 'fulfilled' ? one.value.server.close() : undefined)));
    this.#servers.clear();
    this.#pids.clear();
  }

  async #served(base: BaseModelPlace): Promise<Served> {
    const there = this.#servers.get(base.folder);
    if (there !== undefined) {
      const at = await there;
      if (at.server.running) return at;
      if (this.#servers.get(base.folder) === there) this.#servers.delete(base.folder);
      if (at.server.pid !== undefined) this.#pids.delete(at.server.pid);
      return this.#served(base);
    }
    const starting = this.#start(base);
    this.#servers.set(base.folder, starting);
    starting.catch(() => this.#servers.delete(base.folder));
    return starting;
  }

  async #start({ folder, name }: BaseModelPlace): Promise<Served> {
    const server = await VllmProcess.start(folder, name, this.#options);
    if (server.pid !== undefined) this.#pids.add(server.pid);
    return { server, loaded: new Map(), used: new Map() };
  }
}

/** Loads an adapter where it is not, and keeps it loaded until it is given back. */
async function take(at: Served, folder: string, most: number): Promise<string> {
  at.used.set(folder, (at.used.get(folder) ?? 0) + 1);
  try {
    const name = at.loaded.get(folder) ?? load(at, folder, most);
    at.loaded.delete(folder);
    at.loaded.set(folder, name);
    return await name;
  } catch (error) {
    at.loaded.delete(folder);
    giveBack(at, folder);
    throw error;
  }
}

function giveBack(at: Served, folder: string): void {
  const left = (at.used.get(folder) ?? 1) - 1;
  if (left === 0) at.used.delete(folder);
  else at.used.set(folder, left);
}

async function load(at: Served, folder: string, most: number): Promise<string> {
  if (at.loaded.size >= most) {
    const idle = [...at.loaded.keys()].find((loaded) => !at.used.has(loaded));
    if (idle === undefined) {
      throw new ApiError(503, `All ${most} adapters that vLLM holds are in use. Send the request again later.`);
    }
    await unload(at, idle);
  }
  const name = `adapter-${createHash('sha256').update(folder).digest('hex').slice(0, 16)}`;
  await change(at, '/v1/load_lora_adapter', { lora_name: name, lora_path: folder });
  return name;
}

async function unload(at: Served, folder: string): Promise<void> {
  const name = await at.loaded.get(folder);
  at.loaded.delete(folder);
  await change(at, '/v1/unload_lora_adapter', { lora_name: name });
}

async function change({ server }: Served, path: string, body: unknown): Promise<void> {
  const response = await server.post(path, body);
  const text = await response.text();
  if (!response.ok) throw new ApiError(500, `vLLM refused an adapter (${response.status}): ${text.slice(0, 300)}`);
}
