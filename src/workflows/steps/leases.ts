import {
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  proxyActivities,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../../activities/create-activities.ts';
import { BILLABLE, CANCEL, POLL } from '../../contract/activity-options.ts';
import { leaseName } from '../../contract/ids.ts';
import type { ArtifactRef } from '../../core/run/artifact-ref.ts';
import type { LeaseRequest } from '../../core/run/lease.ts';
import type { PlannedLease } from '../../core/run/lease-plan.ts';
import { reasonOf, wasCancelled } from './failure-reason.ts';
import type { Reservation, RunBudget } from './run-budget.ts';

const { createLease } = proxyActivities<Activities>(BILLABLE);
const { awaitLease } = proxyActivities<Activities>(POLL);
const { removeLease } = proxyActivities<Activities>(CANCEL);

const MINUTE_MS = 60_000;

/** When a lease that is needed for longer than planned is paid for again, and for how long. */
export interface LeasePayments {
  /** This time before its paid time ends, in minutes. */
  aheadMinutes: number;
  /** For this time, in minutes. */
  stretchMinutes: number;
}

const PAYMENTS: LeasePayments = { aheadMinutes: 1, stretchMinutes: 30 };

/** What models are called by while their leases are open, and why others cannot be called. */
export interface Served {
  callAs: ReadonlyMap<string, string>;
  failures: ReadonlyMap<string, string>;
}

/** Money that was held back for several leases together. */
interface Fund {
  reservations: readonly Reservation[];
  leftUsd: number;
  /** Null once the cost of a lease is unknown. */
  spentUsd: number | null;
}

/** A smaller difference is rounding of sums of floats, and not money. */
const ROUNDING_USD = 1e-9;

/** A lease that may cost money at the provider. */
interface OpenLease {
  request: LeaseRequest;
  /** Time of the workflow, in milliseconds since 1970. */
  since: number;
  /** Until when its reservations pay for it. */
  paidUntil: number;
  usdPerHour: number | null;
  /** The cost of asking its models whether they answer. */
  askedUsd: number | null;
  /** The part of the fund that pays for it; null where it has a reservation of its own. */
  fundedUsd: number | null;
  /** Whether it has answered: it is in the provider's list then. */
  seen: boolean;
  reservations: Reservation[];
}

/**
 * The serving leases of a run. Each is named before it is created, so that it can be removed whatever happened meanwhile: at the end of the
 * step that needs it, after a failure, and when the run is cancelled. A terminated run leaves it to the sweep, which finds it by its name.
 */
export class Leases {
  readonly #definition: ArtifactRef;
  readonly #budget: RunBudget;
  readonly #payments: LeasePayments;
  #count = 0;
  /** Money that was held back for the leases of the next step. */
  #fund: Fund | null = null;

  constructor(definition: ArtifactRef, budget: RunBudget, payments = PAYMENTS) {
    this.#payments = payments;
    this.#definition = definition;
    this.#budget = budget;
  }

  /** Takes over money that was held back for leases before their models were trained. It is booked by {@link settleFund}. */
  fund(reservations: readonly Reservation[]): void {
    if (reservations.length === 0) return;
    this.#fund = { reservations, leftUsd: reservations.reduce((sum, { usd }) => sum + usd, 0), spentUsd: 0 };
  }

  /** Books what the leases since {@link fund} have cost, and gives back the rest. */
  async settleFund(): Promise<void> {
    const { reservations = [], spentUsd = 0 } = this.#fund ?? {};
    this.#fund = null;
    for (const [place, reservation] of reservations.entries()) {
      await this.#budget.settle(reservation, place === 0 || spentUsd === null ? spentUsd : 0);
    }
  }

  /**
   * Does a step while these leases are open.
   *
   * @param step is told which models answer by which name, and which do not answer and why
   * @throws ApplicationFailure BUDGET_EXCEEDED where the step takes longer than the budget pays for
   */
  async during<T>(planned: readonly PlannedLease[], step: (served: Served) => Promise<T>): Promise<T> {
    const open: OpenLease[] = [];
    const failures = new Map<string, string>();
    const callAs = new Map<string, string>();
    try {
      return await this.#whilePaid(open, async () => {
        await Promise.all(planned.map((lease) => this.#start(lease, open, callAs, failures)));
        return step({ callAs, failures });
      });
    } finally {
      await CancellationScope.nonCancellable(async () => {
        await Promise.all(open.map((lease) => this.#end(lease)));
      });
    }
  }

  /** Pays for a lease, creates it, and waits until it answers. A lease that does not come about is the loss of its models alone. */
  async #start(
    { baseModel, models, minutes, usd }: PlannedLease,
    open: OpenLease[],
    callAs: Map<string, string>,
    failures: Map<string, string>,
  ): Promise<void> {
    this.#count += 1;
    const name = leaseName(workflowInfo().runId, this.#count);
    const fail = (reason: string) => {
      for (const model of models) failures.set(model, reason);
    };
    const fundedUsd = this.#takeFromFund(usd);
    const works = fundedUsd === null ? [{ what: `serving of ${models.length} models (${name})`, usd }] : [];
    const reserved = await this.#budget.reserve(works);
    if ('refused' in reserved) return fail(reserved.refused);
    const request: LeaseRequest = { name, baseModel, models };
    const since = Date.now();
    const lease: OpenLease = {
      request,
      since,
      paidUntil: since + minutes * MINUTE_MS,
      usdPerHour: usd === null ? null : (usd / minutes) * 60,
      askedUsd: 0,
      fundedUsd,
      seen: false,
      reservations: [...reserved],
    };
    // Before it is created, because the creation may succeed although its answer is lost.
    open.push(lease);
    try {
      const input = { definition: this.#definition, lease: request };
      const created = await createLease.executeWithOptions({ summary: `create ${name}` }, [input]);
      if ('refused' in created) return fail(`${created.refused.code}: ${created.refused.message}`);
      // The provider's own price counts.
      if (created.usdPerHour !== null) lease.usdPerHour = created.usdPerHour;
      const asked = await awaitLease.executeWithOptions({ summary: `wait until ${name} answers` }, [input]);
      lease.seen = true;
      lease.askedUsd = asked.usd;
      for (const [place, model] of models.entries()) callAs.set(model, created.callAs[place] ?? model);
    } catch (error) {
      if (wasCancelled(error)) throw error;
      fail(reasonOf(error));
    }
  }

  async #end({ request, since, usdPerHour, askedUsd, fundedUsd, seen, reservations }: OpenLease): Promise<void> {
    let usd: number | null = null;
    try {
      const input = { definition: this.#definition, lease: request, seen };
      await removeLease.executeWithOptions({ summary: `remove ${request.name}` }, [input]);
      const hours = (Date.now() - since) / MINUTE_MS / 60;
      usd = usdPerHour === null || askedUsd === null ? null : hours * usdPerHour + askedUsd;
    } catch {
      // After a day of attempts: the sweep goes on, and all that was reserved counts as spent.
    }
    const fund = fundedUsd === null ? null : this.#fund;
    if (fund && fundedUsd !== null) {
      // What an extension has paid is booked there.
      const own =
        usd === null ? null : Math.max(0, usd - reservations.reduce((sum, reserved) => sum + reserved.usd, 0));
      fund.spentUsd = fund.spentUsd === null || own === null ? null : fund.spentUsd + own;
      fund.leftUsd += Math.max(0, fundedUsd - (own ?? fundedUsd));
      if (usd !== null && own !== null) usd -= own;
    }
    for (const [place, reservation] of reservations.entries()) {
      await this.#budget.settle(reservation, place === 0 || usd === null ? usd : 0);
    }
  }

  /** What the fund gives for a lease; null where it has not enough. */
  #takeFromFund(usd: number | null): number | null {
    if (!this.#fund || usd === null || usd > this.#fund.leftUsd + ROUNDING_USD) return null;
    this.#fund.leftUsd -= usd;
    return usd;
  }

  /** Does a step for as long as its leases are paid for, and reserves more where it takes longer. */
  async #whilePaid<T>(open: readonly OpenLease[], step: () => Promise<T>): Promise<T> {
    const using = new CancellationScope();
    const watching = new CancellationScope();
    const refused: { reason: string | null } = { reason: null };
    const watch = watching
      .run(async () => {
        while (refused.reason === null) {
          await sleep(this.#untilPayment(open), { summary: 'until a lease is paid again' });
          for (const lease of open) refused.reason ??= await this.#payOn(lease);
        }
        using.cancel();
      })
      .catch((error: unknown) => {
        if (!isCancellation(error)) throw error;
      });
    try {
      return await using.run(step);
    } catch (error) {
      const { reason } = refused;
      if (reason === null || !isCancellation(error) || CancellationScope.current().consideredCancelled) throw error;
      throw ApplicationFailure.nonRetryable(reason, 'BUDGET_EXCEEDED');
    } finally {
      watching.cancel();
      await watch;
    }
  }

  /** In milliseconds. Leases may be added meanwhile, so that it is never longer than half a stretch. */
  #untilPayment(open: readonly OpenLease[]): number {
    const { aheadMinutes, stretchMinutes } = this.#payments;
    const dues = open.map(({ paidUntil }) => paidUntil - Date.now() - aheadMinutes * MINUTE_MS);
    return Math.max(1000, Math.min((stretchMinutes / 2) * MINUTE_MS, ...dues));
  }

  /** Pays for another stretch of a lease whose time is nearly over. @returns why that is not possible, or null */
  async #payOn(lease: OpenLease): Promise<string | null> {
    const { aheadMinutes, stretchMinutes } = this.#payments;
    if (lease.paidUntil - Date.now() > 2 * aheadMinutes * MINUTE_MS) return null;
    const { usdPerHour, request } = lease;
    const usd = usdPerHour === null ? null : (usdPerHour * stretchMinutes) / 60;
    const reserved = await this.#budget.reserve([{ what: `more time of ${request.name}`, usd }]);
    if ('refused' in reserved) return reserved.refused;
    lease.reservations.push(...reserved);
    lease.paidUntil += stretchMinutes * MINUTE_MS;
    return null;
  }
}
