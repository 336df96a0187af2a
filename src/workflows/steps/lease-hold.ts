import { type ValidationLeases, validationLeasesUsd } from '../../core/run/lease-estimate.ts';
import type { PlannedCandidate } from '../../core/run/run-plan.ts';
import type { Reservation, RunBudget, Work } from './run-budget.ts';

/**
 * Holds back the money for the leases in which candidates answer the validation rows, together with that for their training: models that
 * nobody can ask are money lost.
 */
export class LeaseHold {
  readonly #budget: Pick<RunBudget, 'reserve'>;
  readonly #leases: ValidationLeases;
  readonly #paid: PlannedCandidate[] = [];
  readonly #reservations: Reservation[] = [];
  #heldUsd = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(budget: Pick<RunBudget, 'reserve'>, leases: ValidationLeases) {
    this.#budget = budget;
    this.#leases = leases;
  }

  /** What is held back, until the leases themselves are paid. */
  get reservations(): readonly Reservation[] {
    return this.#reservations;
  }

  /** Reserves for two pieces of work of a candidate and for what its leases cost beside those of the others, or for nothing. */
  reserve(
    candidate: PlannedCandidate,
    works: readonly [Work, Work],
  ): Promise<readonly [Reservation, Reservation] | { refused: string }> {
    if (!this.#leases.leases) return this.#budget.reserve(works);
    // One after the other, because a lease costs less for a candidate if another one shares it.
    const turn = this.#turn.then(() => this.#reserveNow(candidate, works));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #reserveNow(candidate: PlannedCandidate, works: readonly [Work, Work]) {
    const usd = validationLeasesUsd(this.#leases, [...this.#paid, candidate]);
    const serving: Work = { what: `serving of ${candidate.id}`, usd: Math.max(0, usd - this.#heldUsd) };
    const reserved = await this.#budget.reserve([...works, serving] as const);
    if ('refused' in reserved) return reserved;
    const [first, second, forServing] = reserved;
    this.#paid.push(candidate);
    this.#heldUsd = usd;
    this.#reservations.push(forServing);
    return [first, second] as const;
  }
}
