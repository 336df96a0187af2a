/** A map that forgets what was used longest ago once the sum of its sizes passes a bound. */
export class LruCache<V> {
  readonly #entries = new Map<string, { value: V; size: number }>();
  readonly #bound: number;
  #total = 0;

  /** @param bound - the greatest sum of sizes, in the unit in which `set` is told them */
  constructor(bound: number) {
    this.#bound = bound;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** A value larger than the whole bound is kept until the next one comes. */
  set(key: string, value: V, size: number): void {
    this.delete(key);
    this.#entries.set(key, { value, size });
    this.#total += size;
    for (const oldest of this.#entries.keys()) {
      if (this.#total <= this.#bound || oldest === key) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#total -= entry.size;
    this.#entries.delete(key);
  }
}
