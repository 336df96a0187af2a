import { usdText } from '../text/format.ts';

/** Money under a cap, in USD. Plain JSON, so that it can be carried from one execution of a workflow to the next. */
export interface AccountState {
  /** Money that was spent for good. */
  spentUsd: number;
  /** Money that is held back for ongoing work, by the id of its reservation. */
  reserved: Record<string, number>;
}

/** A difference below this is rounding of sums of floats, and not money. */
const ROUNDING_USD = 1e-9;

/**
 * Holds back money before work starts and books its cost afterwards, so that spent and held money together never exceed the cap. Every
 * operation may be repeated, because a caller that did not hear the answer asks again.
 */
export class Account {
  readonly #state: AccountState;

  constructor(state: AccountState = { spentUsd: 0, reserved: {} }) {
    this.#state = copyOf(state);
  }

  get state(): AccountState {
    return copyOf(this.#state);
  }

  get spentUsd(): number {
    return this.#state.spentUsd;
  }

  get reservedUsd(): number {
    return Object.values(this.#state.reserved).reduce((sum, usd) => sum + usd, 0);
  }

  /**
   * Holds back an amount.
   *
   * @param capUsd null where there is no cap: then every reservation is granted, and only counted.
   * @returns the reason of a refusal, or null where it is granted.
   */
  reserve(id: string, usd: number, capUsd: number | null): string | null {
    if (!(usd >= 0)) return `an amount of ${usd} USD cannot be reserved`;
    if (id in this.#state.reserved) return null;
    const { spentUsd, reservedUsd } = this;
    // Compared this way round, NaN is refused.
    if (capUsd !== null && !(spentUsd + reservedUsd + usd <= capUsd + ROUNDING_USD)) {
      return `needs ${usdText(usd)}; of ${usdText(capUsd)}, ${usdText(spentUsd)} are spent and ${usdText(reservedUsd)} reserved`;
    }
    this.#state.reserved[id] = usd;
    return null;
  }

  /** Ends a reservation and books the cost of its work; null for an unknown cost, where the whole reservation counts. */
  settle(id: string, usd: number | null): void {
    const reserved = this.#state.reserved[id];
    if (reserved === undefined) return;
    delete this.#state.reserved[id];
    this.#state.spentUsd += usd ?? reserved;
  }
}

// By hand: a workflow has no structuredClone.
function copyOf({ spentUsd, reserved }: AccountState): AccountState {
  return { spentUsd, reserved: { ...reserved } };
}
