import type { LlamaContext, LlamaModel, LlamaSequence, Token } from './llama-types.ts';

/** Tokens of the smallest context. A longer text moves to one of twice the size. */
const SMALLEST = 512;

interface HeldContext {
  readonly context: LlamaContext;
  readonly size: number;
  readonly free: Set<LlamaSequence>;
  /** Takes no more requests, because it is to be replaced or removed. */
  retiring: boolean;
}

/** The use of a sequence by one answer. */
export interface SequenceLease {
  readonly sequence: LlamaSequence;
  /** Tokens that fit into it. */
  readonly size: number;
  release(): void;
}

/** The contexts of one base model: one for each adapter, the least recently used of them removed where there are too many. */
export class ContextPool {
  readonly #model: LlamaModel;
  readonly #limits: { readonly contexts: number; readonly sequences: number };
  /** By file of the adapter, the least recently used first. */
  readonly #contexts = new Map<string | null, HeldContext>();
  /** Contexts are made and removed one at a time. */
  #changing: Promise<void> = Promise.resolve();
  #waiting: (() => void)[] = [];

  constructor(model: LlamaModel, limits: { readonly contexts: number; readonly sequences: number }) {
    this.#model = model;
    this.#limits = limits;
  }

  /** Waits for a sequence that holds `size` tokens; of several free ones the one that has most of `tokens` already. */
  async acquire(adapter: string | null, tokens: Token[], size: number): Promise<SequenceLease> {
    for (;;) {
      const held = this.#contexts.get(adapter);
      if (held !== undefined && held.size < size) held.retiring = true;
      if (held !== undefined && !held.retiring) {
        const sequence = closest(held.free, tokens);
        if (sequence !== undefined) return this.#lease(adapter, held, sequence);
        await this.#released();
      } else {
        await this.#alone(() => this.#make(adapter, size));
      }
    }
  }

  /** Removes the context of an adapter once its answers have ended. */
  async forget(adapter: string): Promise<void> {
    const held = this.#contexts.get(adapter);
    if (held === undefined) return;
    held.retiring = true;
    await this.#alone(() => this.#remove(adapter));
  }

  #lease(adapter: string | null, held: HeldContext, sequence: LlamaSequence): SequenceLease {
    held.free.delete(sequence);
    this.#contexts.delete(adapter);
    this.#contexts.set(adapter, held);
    return {
      sequence,
      size: held.size,
      release: () => {
        held.free.add(sequence);
        for (const wake of this.#waiting.splice(0)) wake();
      },
    };
  }

  async #make(adapter: string | null, size: number): Promise<void> {
    const there = this.#contexts.get(adapter);
    // Made by another request meanwhile.
    if (there !== undefined && !there.retiring && there.size >= size) return;
    await this.#remove(adapter);
    while (this.#contexts.size >= this.#limits.contexts) await this.#removeOldest();
    const contextSize = roundedUp(size, this.#model.trainContextSize);
    const { sequences } = this.#limits;
    const lora = adapter === null ? {} : { lora: { adapters: [{ filePath: adapter }] } };
    const context = await this.#model.createContext({ contextSize, sequences, ...lora });
    const free = new Set(Array.from({ length: sequences }, () => context.getSequence()));
    this.#contexts.set(adapter, { context, size: contextSize, free, retiring: false });
  }

  async #remove(adapter: string | null): Promise<void> {
    const held = this.#contexts.get(adapter);
    if (held === undefined) return;
    held.retiring = true;
    while (held.free.size < this.#limits.sequences) await this.#released();
    this.#contexts.delete(adapter);
    await held.context.dispose();
  }

  async #removeOldest(): Promise<void> {
    const idle = [...this.#contexts].find(([, { free }]) => free.size === this.#limits.sequences);
    if (idle === undefined) return this.#released();
    return this.#remove(idle[0]);
  }

  #released(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #alone(change: () => Promise<void>): Promise<void> {
    const changed = this.#changing.then(change);
    this.#changing = changed.catch(() => {});
    return changed;
  }
}

function closest(free: ReadonlySet<LlamaSequence>, tokens: Token[]): LlamaSequence | undefined {
  let best: LlamaSequence | undefined;
  let most = -1;
  for (const sequence of free) {
    const same = sequence.nextTokenIndex === 0 ? 0 : sequence.compareContextTokens(tokens).firstDifferentIndex;
    if (same > most) [best, most] = [sequence, same];
  }
  return best;
}

function roundedUp(size: number, most: number): number {
  let rounded = SMALLEST;
  while (rounded < size) rounded *= 2;
  return Math.min(rounded, most);
}
