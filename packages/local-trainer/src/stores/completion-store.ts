import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import { ApiError } from '@tuneloop/app/internal/shared/api-error';
import { isRecord } from '@tuneloop/app/internal/shared/json-body';
import type { ChatCompletion } from '../api/chat-completion.ts';
import type { Metadata } from '../api/metadata.ts';
import type { CountedMessage } from '../tokens.ts';
import { readJsonLines } from './storage.ts';

/** A completion that was requested with `store`, and its request. */
interface StoredCompletion {
  readonly completion: ChatCompletion & { readonly metadata: Metadata };
  readonly messages: readonly CountedMessage[];
}

/** The newest are kept, up to this many and to this many characters of JSON. */
const MOST_KEPT = 10_000;
const MOST_CHARACTERS = 64 * 1024 * 1024;

/** Chat completions of calls with `store: true`: in memory, and in a file that grows to twice what is kept. */
export class CompletionStore {
  readonly #path: string;
  /** By id, oldest first, with the lines of the file. */
  readonly #kept = new Map<string, { stored: StoredCompletion; line: string }>();
  #characters = 0;
  /** Lines of the file whose completions are no longer kept. */
  #dropped = 0;

  /** Continues the file of an earlier process. */
  constructor(path: string) {
    this.#path = path;
    for (const stored of readJsonLines(path, isStoredCompletion)) this.#keep(stored, `${JSON.stringify(stored)}\n`);
  }

  /** Oldest first. */
  all(): StoredCompletion[] {
    return [...this.#kept.values()].map(({ stored }) => stored);
  }

  /** @throws ApiError 404 */
  get(id: string): StoredCompletion {
    const kept = this.#kept.get(id);
    if (kept === undefined) throw new ApiError(404, `No such completion: ${id}`, { param: 'completion_id' });
    return kept.stored;
  }

  add(completion: ChatCompletion, metadata: Metadata, messages: readonly CountedMessage[]): void {
    const stored = { completion: { ...completion, metadata }, messages };
    const line = `${JSON.stringify(stored)}\n`;
    appendFileSync(this.#path, line, { mode: 0o600 });
    this.#keep(stored, line);
    if (this.#dropped > this.#kept.size) this.#rewrite();
  }

  #keep(stored: StoredCompletion, line: string): void {
    this.#kept.set(stored.completion.id, { stored, line });
    this.#characters += line.length;
    for (const [id, oldest] of this.#kept) {
      if (this.#kept.size <= MOST_KEPT && this.#characters <= MOST_CHARACTERS) return;
      this.#kept.delete(id);
      this.#characters -= oldest.line.length;
      this.#dropped += 1;
    }
  }

  #rewrite(): void {
    const temporary = `${this.#path}.tmp`;
    writeFileSync(temporary, [...this.#kept.values()].map(({ line }) => line).join(''), { mode: 0o600 });
    renameSync(temporary, this.#path);
    this.#dropped = 0;
  }
}

function isStoredCompletion(value: unknown): value is StoredCompletion {
  return (
    isRecord(value) &&
    isRecord(value.completion) &&
    value.completion.object === 'chat.completion' &&
    typeof value.completion.id === 'string' &&
    typeof value.completion.created === 'number' &&
    typeof value.completion.model === 'string' &&
    Array.isArray(value.completion.choices) &&
    isRecord(value.completion.metadata) &&
    Array.isArray(value.messages) &&
    value.messages.every(
      (message) => isRecord(message) && typeof message.role === 'string' && typeof message.content === 'string',
    )
  );
}
