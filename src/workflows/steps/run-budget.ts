import { proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../../activities/create-activities.ts';
import { BUDGET } from '../../contract/activity-options.ts';
import { monthlyBudgetId } from '../../contract/ids.ts';
import { Account } from '../../core/run/account.ts';
import { reasonOf, wasCancelled } from './failure-reason.ts';

const { reserveBudget, settleBudget } = proxyActivities<Activities>(BUDGET);

/** A piece of paid work. */
export interface Work {
  what: string;
  /** Null where no price is known: then there is no cap either. */
  usd: number | null;
}

/** Money that is held back for one piece of work. */
export interface Reservation {
  id: string;
  usd: number;
  /** The month's account; null where there is none. */
  month: string | null;
}

/**
 * Lets paid work start only if the run's own budget and the month's both have the money for it. The run's budget is kept here, because this
 * workflow alone spends it; the month's is a workflow of its own.
 */
export class RunBudget {
  readonly #account = new Account();
  readonly #capUsd: number | null;
  readonly #monthly: boolean;
  readonly #open = new Map<string, Reservation>();
  #count = 0;

  /** @param monthly whether the worker has a monthly cap. */
  constructor(capUsd: number | null, monthly: boolean) {
    this.#capUsd = capUsd;
    this.#monthly = monthly;
  }

  get spentUsd(): number {
    return this.#account.spentUsd;
  }

  /** The most that the work of a reservation may spend, in USD: its reservation and the free money; null where there is no cap. */
  limitUsd(reservation: Reservation): number | null {
    return this.limitsUsd([reservation])[0] ?? null;
  }

  /**
   * The most that several simultaneous pieces of work may spend, each as with {@link limitUsd}, but with equal shares of the free money.
   */
  limitsUsd(reservations: readonly Reservation[]): (number | null)[] {
    // The free money of this run's budget may be taken by another run in the month's.
    if (this.#monthly) return reservations.map(({ usd }) => usd);
    const cap = this.#capUsd;
    if (cap === null) return reservations.map(() => null);
    const { spentUsd, reservedUsd } = this.#account;
    const share = Math.max(0, cap - spentUsd - reservedUsd) / reservations.length;
    return reservations.map(({ usd }) => usd + share);
  }

  /** Holds back money for all of several pieces of work, in their order, or for none of them, with the reason. */
  async reserve<const Works extends readonly Work[]>(
    works: Works,
  ): Promise<{ [K in keyof Works]: Reservation } | { refused: string }> {
    const month = this.#monthly ? monthlyBudgetId(new Date()) : null;
    const reservations: (Reservation & { what: string })[] = [];
    // Without an `await`, so that no other work of this run comes in between.
    for (const { what, usd } of works) {
      this.#count += 1;
      // Numbered, so that work that starts a second time is paid a second time.
      const id = `${workflowInfo().workflowId}/${what}/${this.#count}`;
      const refusal = this.#account.reserve(id, usd ?? 0, this.#capUsd);
      if (refusal) {
        for (const reservation of reservations) this.#account.settle(reservation.id, 0);
        return { refused: `BUDGET_EXCEEDED: ${what} ${refusal} (budget_usd)` };
      }
      reservations.push({ id, usd: usd ?? 0, month, what });
    }
    for (const [index, reservation] of reservations.entries()) {
      const refusal = await this.#reserveInMonth(reservation);
      if (!refusal) continue;
      for (const [other, { id }] of reservations.entries()) {
        if (other >= index) this.#account.settle(id, 0);
        else await this.settle(reservations[other] ?? reservation, 0);
      }
      return { refused: `BUDGET_EXCEEDED: ${refusal} (monthly budget)` };
    }
    for (const reservation of reservations) this.#open.set(reservation.id, reservation);
    return reservations as { [K in keyof Works]: Reservation };
  }

  /** Books the cost of the work, in USD; null where that is not known, and the whole reservation counts. */
  async settle({ id, month }: Reservation, usd: number | null): Promise<void> {
    this.#open.delete(id);
    this.#account.settle(id, usd);
    if (!month) return;
    try {
      await settleBudget.executeWithOptions({ summary: 'book what it cost' }, [{ account: month, id, usd }]);
    } catch (error) {
      if (wasCancelled(error)) throw error;
      // The month then counts the whole reservation: too careful, but no reason to lose a run.
    }
  }

  /** Gives back the reservations for work that a failed run never began. Work that began is settled when it ends. */
  async release(): Promise<void> {
    for (const reservation of [...this.#open.values()]) await this.settle(reservation, 0);
  }

  /** Why the month does not pay, or null. An account that cannot be asked does not pay. */
  async #reserveInMonth({ id, usd, month, what }: Reservation & { what: string }): Promise<string | null> {
    if (!month) return null;
    try {
      const { refused } = await reserveBudget.executeWithOptions({ summary: `reserve for ${what}` }, [
        { account: month, id, usd },
      ]);
      return refused && `${what} ${refused}`;
    } catch (error) {
      if (wasCancelled(error)) throw error;
      return `${what} cannot be reserved, ${reasonOf(error)}`;
    }
  }
}
