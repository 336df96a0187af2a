import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ApiError } from '@tuneloop/app/internal/shared/api-error';
import type { AnswerEnd, AnswerPart, AnswerRequest } from '../../engine.ts';
import { EXTENSION } from '../../thread-extension.ts';
import { Channel } from './channel.ts';
import type { ChildOptions, FromChild, LlamaBase, ToChild } from './child-messages.ts';
import { findLlama } from './find-llama.ts';

const MOST_SHOWN = 500;

type Reply = { readonly value: AnswerPart } | { readonly end: AnswerEnd | undefined };

/** The process that answers with llama.cpp: started by the first request, and again by the next one after it has crashed. */
export class LlamaProcess {
  readonly #options: Omit<ChildOptions, 'llama'>;
  readonly #engineDir: string | undefined;
  #child: ChildProcess | undefined;
  #nextId = 0;
  readonly #pending = new Map<number, Channel<Reply>>();

  /** @param engineDir where llama.cpp is looked for first */
  constructor(options: Omit<ChildOptions, 'llama'>, engineDir?: string) {
    this.#options = options;
    this.#engineDir = engineDir;
  }

  /** Process id, while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async *answer(
    base: LlamaBase,
    adapter: string | null,
    request: AnswerRequest,
    signal: AbortSignal,
  ): AsyncGenerator<AnswerPart, AnswerEnd, void> {
    signal.throwIfAborted();
    const id = this.#nextId++;
    const replies = this.#ask({ kind: 'answer', id, base, adapter, request });
    const cancel = () => this.#tell({ kind: 'cancel', id });
    signal.addEventListener('abort', cancel);
    try {
      for await (const reply of replies) {
        signal.throwIfAborted();
        if ('value' in reply) yield reply.value;
        else return reply.end as AnswerEnd;
      }
      throw new Error('an answer without an end');
    } finally {
      signal.removeEventListener('abort', cancel);
      // Whoever reads no further has no use for the rest.
      if (this.#pending.delete(id)) cancel();
    }
  }

  /** Takes an adapter out of memory. */
  async forget(adapter: string): Promise<void> {
    if (this.#child === undefined) return;
    for await (const _ of this.#ask({ kind: 'forget', id: this.#nextId++, adapter })) return;
  }

  async close(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }

  #ask(message: Extract<ToChild, { id: number }>): Channel<Reply> {
    this.#child ??= this.#start();
    const replies = new Channel<Reply>();
    this.#pending.set(message.id, replies);
    this.#tell(message);
    return replies;
  }

  #tell(message: ToChild): void {
    // Where it has ended meanwhile, its exit answers all that is pending.
    if (this.#child?.connected) this.#child.send(message, () => {});
  }

  #start(): ChildProcess {
    const options: ChildOptions = { ...this.#options, llama: findLlama(this.#engineDir) };
    const file = fileURLToPath(new URL(`./llama-child.${EXTENSION}`, import.meta.url));
    const child = fork(file, [JSON.stringify(options)], {
      serialization: 'advanced',
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let lastWords = '';
    child.stderr?.on('data', (data) => {
      lastWords = (lastWords + data).slice(-MOST_SHOWN);
    });
    child.on('message', (message: FromChild) => this.#onMessage(message));
    child.on('error', () => {});
    child.on('close', (code, signal) => this.#onEnd(child, signal ?? `exit code ${code}`, lastWords));
    return child;
  }

  #onMessage(message: FromChild): void {
    const replies = this.#pending.get(message.id);
    if (replies === undefined) return;
    if (message.kind !== 'part') this.#pending.delete(message.id);
    if (message.kind === 'part') replies.push({ value: message.part });
    else if (message.kind === 'end') replies.push({ end: message.end });
    else if (message.kind === 'forgotten') replies.push({ end: undefined });
    else replies.fail(new ApiError(message.status, message.message, { param: message.param, code: message.code }));
  }

  #onEnd(child: ChildProcess, how: string, lastWords: string): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    const said = lastWords.trim() === '' ? '' : ` Its last words: ${lastWords.trim()}`;
    const error = new ApiError(
      503,
      `The process that answers ended (${how}) before the answer did. Send the request again: a new one is started.${said}`,
      { code: 'serving_process_ended' },
    );
    for (const replies of this.#pending.values()) replies.fail(error);
    this.#pending.clear();
  }
}
