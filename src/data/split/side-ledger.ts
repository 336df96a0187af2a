import { SIDE_LETTERS, type SideCode, sideCode } from '../../core/dataset/side.ts';
import { TuneloopError } from '../../errors.ts';
import { compareKeys, KEY_BYTES, keyText, readKey } from '../rows/row-key.ts';

/** At most this share of the slots is used, so that looking up stays short: 23 to 45 bytes a row. */
const FULLEST = 0.75;
const FEWEST_SLOTS = 16;

/** The side that each row has ever been on, by key ({@link KEY_BYTES}). A row never changes its side, whatever happens to the log. */
export class SideLedger {
  #keys = new Uint8Array(FEWEST_SLOTS * KEY_BYTES);
  #sides = new Uint8Array(FEWEST_SLOTS);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @returns 0 for a key that has been on no side. */
  get(keys: Uint8Array, row: number): SideCode | 0 {
    return sideCode(this.#sides[this.#slot(keys, row)] ?? 0);
  }

  /** @throws Error if the key is on another side already. */
  set(keys: Uint8Array, row: number, side: SideCode): void {
    const slot = this.#slot(keys, row);
    const known = this.#sides[slot];
    if (known === side) return;
    if (known !== 0) throw new Error(`row ${row} would move from side ${known} to side ${side}`);
    this.#keys.set(keys.subarray(row * KEY_BYTES, (row + 1) * KEY_BYTES), slot * KEY_BYTES);
    this.#sides[slot] = side;
    this.#size += 1;
    if (this.#size > this.#sides.length * FULLEST) this.#grow();
  }

  /** A line for each key, in the order of the keys: its 32 hex digits, and the letter of its side. */
  *lines(): Iterable<string> {
    const slots = new Uint32Array(this.#size);
    let count = 0;
    this.#sides.forEach((side, slot) => {
      if (side !== 0) slots[count++] = slot;
    });
    slots.sort((a, b) => compareKeys(this.#keys, a, b));
    for (const slot of slots) yield `${keyText(this.#keys, slot)} ${SIDE_LETTERS[(this.#sides[slot] ?? 0) - 1]}`;
  }

  /** @throws TuneloopError ARTIFACT_CORRUPT for lines that {@link lines} does not produce, with the line number. */
  static async from(lines: AsyncIterable<string>): Promise<SideLedger> {
    const ledger = new SideLedger();
    const key = new Uint8Array(KEY_BYTES);
    let before = '';
    let number = 0;
    for await (const line of lines) {
      number += 1;
      const side = sideCode(SIDE_LETTERS.indexOf(line.slice(-1)) + 1);
      if (!LINE.test(line) || side === 0) throw corrupt(number, 'is no key with a side');
      const text = line.slice(0, KEY_BYTES * 2);
      if (text <= before) throw corrupt(number, 'does not come after the one before it');
      readKey(text, key);
      ledger.set(key, 0, side);
      before = text;
    }
    return ledger;
  }

  /** The place of a key, or the place where it would be put. */
  #slot(keys: Uint8Array, row: number): number {
    const last = this.#sides.length - 1;
    const from = row * KEY_BYTES;
    // Keys are hashes themselves.
    let slot =
      (at(keys, from) | (at(keys, from + 1) << 8) | (at(keys, from + 2) << 16) | (at(keys, from + 3) << 24)) & last;
    while (this.#sides[slot] !== 0 && !this.#holds(slot, keys, from)) slot = (slot + 1) & last;
    return slot;
  }

  #holds(slot: number, keys: Uint8Array, from: number): boolean {
    for (let byte = 0; byte < KEY_BYTES; byte += 1) {
      if (this.#keys[slot * KEY_BYTES + byte] !== keys[from + byte]) return false;
    }
    return true;
  }

  #grow(): void {
    const [keys, sides] = [this.#keys, this.#sides];
    this.#keys = new Uint8Array(keys.length * 2);
    this.#sides = new Uint8Array(sides.length * 2);
    sides.forEach((side, old) => {
      if (side === 0) return;
      const slot = this.#slot(keys, old);
      this.#keys.set(keys.subarray(old * KEY_BYTES, (old + 1) * KEY_BYTES), slot * KEY_BYTES);
      this.#sides[slot] = side;
    });
  }
}

const LINE = new RegExp(`^[0-9a-f]{${KEY_BYTES * 2}} [${SIDE_LETTERS}]$`);

function at(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}

function corrupt(line: number, what: string): TuneloopError {
  return new TuneloopError(
    'ARTIFACT_CORRUPT',
    `line ${line} of a ledger of sides ${what}: it was not written by this program`,
  );
}
