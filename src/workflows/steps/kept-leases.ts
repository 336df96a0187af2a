import { CancellationScope, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../../activities/create-activities.ts';
import { BILLABLE, BUDGET, CANCEL, POLL } from '../../contract/activity-options.ts';
import { leaseName, monthlyBudgetId } from '../../contract/ids.ts';
import type { DeployedModel, ServingLease } from '../../core/deployment/deployed-model.ts';
import type { Deployment } from '../../core/deployment/deployment.ts';
import type { DeploymentProgress, KeptLease } from '../../core/run/deployment-progress.ts';
import { usdText } from '../../core/text/format.ts';
import { reasonOf, wasCancelled } from './failure-reason.ts';

const { createLease } = proxyActivities<Activities>(BILLABLE);
const { awaitLease } = proxyActivities<Activities>(POLL);
/** Gives up after a few attempts, so that decisions do not wait; it is tried again every minute. */
const { removeLease } = proxyActivities<Activities>({ ...CANCEL, retry: { ...CANCEL.retry, maximumAttempts: 3 } });
const { reserveBudget, settleBudget } = proxyActivities<Activities>(BUDGET);

const HOUR_MS = 3_600_000;
/** A model that no longer serves can be called for this time, so that readers of an old alias get answers and a rollback is immediate. */
const KEEP_UNUSED_MS = HOUR_MS;
const BOOK_EVERY_MS = 24 * HOUR_MS;

/** A lease that is no longer needed costs money until it is removed. */
function stateOf({ ready, unusedSince }: KeptLease): string {
  if (unusedSince === null) return ready ? 'serving' : 'starting';
  return `not needed, removed at ${new Date(unusedSince + KEEP_UNUSED_MS).toISOString().slice(11, 16)} UTC`;
}

/** The serving leases of a deployment: one for each model that serves, made before it serves and removed some time after. */
export class KeptLeases {
  readonly #entity: Deployment;
  readonly #progress: DeploymentProgress;
  #waiting: { name: string; scope: CancellationScope } | null = null;

  constructor(entity: Deployment, progress: DeploymentProgress) {
    this.#entity = entity;
    this.#progress = progress;
  }

  /** The state of the leases, in words; null without any. */
  get text(): string | null {
    const kept = this.#kept;
    if (kept.length === 0) return null;
    const costs = kept.map(({ usdPerHour }) => usdPerHour);
    const perDay = costs.some((usd) => usd === null)
      ? null
      : costs.reduce<number>((sum, usd) => sum + (usd ?? 0) * 24, 0);
    const names = kept.map((lease) => `${lease.request.name} (${stateOf(lease)})`).join(', ');
    return `Serving leases: ${names}; ${perDay === null ? 'their price is unknown' : `${usdText(perDay)} a day`}.`;
  }

  /** When the next lease has to be removed or booked, in milliseconds since 1970; null without any. */
  get nextAt(): number | null {
    const times = this.#kept.flatMap(({ unusedSince, bookedUntil }) => [
      bookedUntil + BOOK_EVERY_MS,
      ...(unusedSince === null ? [] : [unusedSince + KEEP_UNUSED_MS]),
    ]);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** Whether nothing is under way that the next execution of this workflow would not take up by itself. */
  get idle(): boolean {
    return this.#waiting === null;
  }

  /** Creates the champion's lease where it has none: after a rollback. Applications get answers of the original prompt while it starts. */
  async serveChampion(): Promise<void> {
    const { champion } = this.#entity.state;
    if (champion?.serving && !champion.lease) this.#entity.champions(servingLease(await this.#create(champion)));
  }

  /** Marks which leases are needed, and waits in the background for the one of a challenger that is to start. */
  follow(): void {
    const { champion, challenger } = this.#entity.state;
    const starting = challenger?.state.kind === 'starting' ? challenger : null;
    const needed = [champion, challenger?.state.kind === 'waiting' ? null : challenger].map((model) => model?.model);
    for (const lease of this.#kept) {
      const isNeeded = lease.request.models.some((model) => needed.includes(model));
      lease.unusedSince = isNeeded ? null : (lease.unusedSince ?? Date.now());
    }
    if (this.#waiting && this.#waiting.name !== starting?.model) this.#waiting.scope.cancel();
    if (starting && this.#waiting?.name !== starting.model) this.#startInBackground(starting);
  }

  /** Removes what is no longer needed, and books the cost of the others. */
  async settle(): Promise<void> {
    const now = Date.now();
    for (const lease of [...this.#kept]) {
      const isOver = lease.unusedSince !== null && now >= lease.unusedSince + KEEP_UNUSED_MS;
      if (isOver) {
        const { definition, request } = lease;
        await removeLease.executeWithOptions({ summary: `remove ${request.name}` }, [
          { definition, lease: request, seen: true },
        ]);
      }
      if (isOver || now >= lease.bookedUntil + BOOK_EVERY_MS) await this.#book(lease);
      if (isOver) this.#progress.leases = this.#kept.filter((other) => other !== lease);
    }
  }

  /** Lets nothing go on in the background; the next execution begins it anew. */
  stop(): void {
    this.#waiting?.scope.cancel();
  }

  get #kept(): KeptLease[] {
    return this.#progress.leases ?? [];
  }

  #startInBackground(model: DeployedModel): void {
    const scope = new CancellationScope();
    const waiting = { name: model.model, scope };
    this.#waiting = waiting;
    scope
      .run(async () => {
        const lease = await this.#create(model);
        const { definition, request } = lease;
        await awaitLease.executeWithOptions({ summary: `wait until ${request.name} answers` }, [
          { definition, lease: request },
        ]);
        lease.ready = true;
        this.#entity.served(servingLease(lease));
      })
      .catch((error: unknown) => {
        if (!wasCancelled(error) && !scope.consideredCancelled) this.#entity.notServed(reasonOf(error));
      })
      .finally(() => {
        if (this.#waiting === waiting) this.#waiting = null;
      });
  }

  /** The lease of a model: the one that is there, or a new one. */
  async #create({ model, baseModel, definition, serving }: DeployedModel): Promise<KeptLease> {
    const known = this.#kept.find(({ request }) => request.models.includes(model));
    const lease = known ?? this.#named({ model, baseModel, definition, serving });
    lease.unusedSince = null;
    if (lease.callAs !== null) return lease;
    const { request } = lease;
    const created = await createLease.executeWithOptions({ summary: `create ${request.name}` }, [
      { definition, lease: request },
    ]);
    if ('refused' in created) throw new Error(`${created.refused.code}: ${created.refused.message}`);
    lease.callAs = created.callAs[0] ?? model;
    lease.usdPerHour = created.usdPerHour ?? lease.usdPerHour;
    return lease;
  }

  /** Noted before it is created, because the creation may succeed although its answer is lost. */
  #named({
    model,
    baseModel,
    definition,
    serving,
  }: Pick<DeployedModel, 'model' | 'baseModel' | 'definition' | 'serving'>): KeptLease {
    const number = (this.#progress.leasesNamed ?? 0) + 1;
    this.#progress.leasesNamed = number;
    const lease: KeptLease = {
      request: { name: leaseName(workflowInfo().firstExecutionRunId, number), baseModel, models: [model], kept: true },
      definition,
      monthly: serving?.monthly ?? false,
      callAs: null,
      ready: false,
      usdPerHour: serving?.usdPerHour ?? null,
      bookedUntil: Date.now(),
      bookings: 0,
      unusedSince: null,
    };
    this.#progress.leases = [...this.#kept, lease];
    return lease;
  }

  /** Counts the cost since the last booking in the month's budget, even beyond its cap, because it has arisen. */
  async #book(lease: KeptLease): Promise<void> {
    const now = Date.now();
    const usd = ((now - lease.bookedUntil) / HOUR_MS) * (lease.usdPerHour ?? 0);
    lease.bookedUntil = now;
    lease.bookings += 1;
    if (!lease.monthly || usd === 0) return;
    const account = monthlyBudgetId(new Date());
    const id = `${lease.request.name}/${lease.bookings}`;
    await reserveBudget.executeWithOptions({ summary: `cost of ${lease.request.name}` }, [
      { account, id, usd, mandatory: true },
    ]);
    await settleBudget.executeWithOptions({ summary: 'book what it cost' }, [{ account, id, usd }]);
  }
}

function servingLease({ request, callAs, usdPerHour }: KeptLease): ServingLease {
  return { name: request.name, callAs: callAs ?? '', usdPerHour };
}
