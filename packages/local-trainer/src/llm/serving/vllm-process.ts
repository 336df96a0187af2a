import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ApiError } from '@tuneloop/app/internal/shared/api-error';

/** Weights of many GB are read, and kernels compiled. */
const START_MS = 15 * 60_000;
const ASKED_EVERY_MS = 250;
/** Its end is known this long after its connections broke, or it has not ended. */
const END_SEEN_MS = 5000;
const STOP_MS = 10_000;
const MOST_SHOWN = 1000;
/** Of a LoRA; its own default of 16 refuses larger ones. */
const MOST_RANK = '64';
/** What vLLM needs of the environment; keys and tokens of the trainer are not handed on. */
const PASSED_ON = /^(PATH|HOME|LANG|LC_.*|TMPDIR|LD_LIBRARY_PATH|CUDA_.*|NVIDIA_.*|NCCL_.*|VLLM_.*|XDG_.*)$/;

export interface VllmOptions {
  /** The Python of its environment. */
  readonly python: string;
  /** Further arguments, such as `--max-model-len`. */
  readonly args?: readonly string[];
  /** Adapters in its memory at a time. */
  readonly adapters: number;
}

/**
 * Runs a program that ends with its parent, however that ends: its standard input is a pipe of the parent's. All is one group of
 * processes, which has the shell's id.
 */
const GUARD =
  'exec 3<&0; "$@" </dev/null 3<&- & child=$!; (cat <&3 >/dev/null; kill -KILL 0) & exec 3<&-; trap : TERM; ' +
  'while kill -0 $child 2>/dev/null; do wait $child; code=$?; done; exit $code';

/** A server of vLLM for one base model. It listens on the loopback interface with a random key and is never exposed. */
export class VllmProcess {
  readonly #child: ChildProcess;
  readonly #url: string;
  readonly #key: string;
  #lastWords = '';
  #ended: string | undefined;

  /** Starts one, and waits until it answers. */
  static async start(folder: string, name: string, options: VllmOptions): Promise<VllmProcess> {
    const started = new VllmProcess(folder, name, options, await freePort());
    try {
      await started.#ready();
    } catch (error) {
      await started.close();
      throw error;
    }
    return started;
  }

  private constructor(folder: string, name: string, { python, args = [], adapters }: VllmOptions, port: number) {
    this.#url = `http://127.0.0.1:${port}`;
    this.#key = randomBytes(24).toString('base64url');
    const passed = Object.entries(process.env).filter(([variable]) => PASSED_ON.test(variable));
    const fixed = ['--model', folder, '--served-model-name', name, '--host', '127.0.0.1', '--port', String(port)];
    const lora = [
      '--enable-lora',
      '--max-loras',
      String(adapters),
      '--max-cpu-loras',
      String(adapters),
      '--max-lora-rank',
      MOST_RANK,
    ];
    const program = [python, '-m', 'vllm.entrypoints.openai.api_server', ...fixed, ...lora, ...args];
    this.#child = spawn('/bin/sh', ['-c', GUARD, 'sh', ...program], {
      // A group of its own, because it starts processes too, which are to end with it.
      detached: true,
      stdio: ['pipe', 'ignore', 'pipe'],
      env: {
        ...Object.fromEntries(passed),
        VLLM_API_KEY: this.#key,
        VLLM_ALLOW_RUNTIME_LORA_UPDATING: 'True',
        VLLM_NO_USAGE_STATS: '1',
        HF_HUB_OFFLINE: '1',
      },
    });
    this.#child.stderr?.on('data', (data) => {
      this.#lastWords = (this.#lastWords + data).slice(-MOST_SHOWN);
    });
    this.#child.on('error', (error) => {
      this.#ended = error.message;
    });
    this.#child.on('exit', (code, signal) => {
      this.#ended = signal ?? `exit code ${code}`;
      this.#kill();
    });
    process.once('exit', this.#kill);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get running(): boolean {
    return this.#ended === undefined;
  }

  /** @throws ApiError 503 where it does not answer any more */
  async post(path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
    try {
      return await fetch(`${this.#url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${this.#key}` },
        body: JSON.stringify(body),
        ...(signal && { signal }),
      });
    } catch (error) {
      signal?.throwIfAborted();
      throw await this.unreachable(error);
    }
  }

  /** The error of a request that it did not answer, or not to the end. */
  async unreachable(error: unknown): Promise<ApiError> {
    // Its connections break before its end is known. The next request is to find a new one.
    if (this.running) await Promise.race([once(this.#child, 'exit'), delay(END_SEEN_MS, undefined, { ref: false })]);
    const how = this.#ended ?? (error as Error).message;
    return new ApiError(503, `vLLM ended or does not answer (${how}). Send the request again: it is started anew.`, {
      code: 'serving_process_ended',
    });
  }

  async close(): Promise<void> {
    process.off('exit', this.#kill);
    if (!this.running) return;
    const exited = once(this.#child, 'exit').catch(() => {});
    this.#signal('SIGTERM');
    const timer = setTimeout(this.#kill, STOP_MS);
    await exited;
    clearTimeout(timer);
    this.#kill();
  }

  readonly #kill = () => this.#signal('SIGKILL');

  #signal(signal: NodeJS.Signals): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // The group has ended.
    }
  }

  async #ready(): Promise<void> {
    const deadline = Date.now() + START_MS;
    while (this.running && Date.now() < deadline) {
      const healthy = await fetch(`${this.#url}/health`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (healthy) return;
      await delay(ASKED_EVERY_MS);
    }
    const how = this.#ended ?? `it did not answer within ${START_MS / 60_000} minutes`;
    throw new ApiError(503, `vLLM did not start (${how}). Its last words: ${this.#lastWords.trim()}`, {
      code: 'serving_process_ended',
    });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
