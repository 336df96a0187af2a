import { effectOf } from './faults.ts';
import { type Call, HostError } from './front.ts';
import type { Host } from './host.ts';
import { newId } from './ids.ts';

export type LeaseState = 'starting' | 'ready' | 'asleep' | 'failed' | 'removed';

/** A model on a lease; hosts that load models one by one have a state for each. */
export interface LoadedModel {
  readonly id: string;
  /** The host's model, a tuned one or a base model. */
  readonly model: string;
  state: LeaseState;
  failure: string | null;
}

/** Whatever makes models callable and costs money for as long as it exists. */
export interface HostLease {
  readonly id: string;
  /** Chosen by the caller. */
  readonly name: string;
  readonly kind: string;
  /** The name that price lists have for its base model. */
  readonly baseName: string;
  readonly models: LoadedModel[];
  state: LeaseState;
  failure: string | null;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** 0 where its tokens are charged instead. */
  readonly usdPerHour: number;
  readonly extra: Record<string, unknown>;
}

export interface NewLease {
  name: string;
  /** Such as `deployment` or `lora`. */
  kind: string;
  baseName: string;
  /** Host's ids of models that it serves from the start. */
  models?: readonly string[];
  /** By default that of the price list. */
  usdPerHour?: number;
  /** After this time without a call it falls asleep, and its bill stops until the next call; null = never. */
  idleMinutes?: number | null;
  /** How it is ready; by default as the host's option says. */
  readyMs?: number;
  /** False at a host that takes one name twice. */
  isUnique?: boolean;
  extra?: Record<string, unknown>;
}

interface Timed {
  /** When it is ready, in milliseconds since 1970; null = never. */
  readyAt: number | null;
  /** When it turns out to have failed, and why. */
  fails: { at: number; why: string } | null;
}

interface Loaded extends Timed {
  readonly shown: LoadedModel;
}

interface Kept extends Timed {
  readonly shown: HostLease;
  readonly loaded: Loaded[];
  readonly idleMs: number | null;
  readonly listedFrom: number;
  /** The last time that somebody called it, or that it woke. */
  usedAt: number;
  /** Milliseconds that were slept through, before the present sleep. */
  sleptMs: number;
  removedAt: number | null;
}

/** A lease with its cost, for the ledger. */
export interface LeaseEntry {
  readonly name: string;
  readonly kind: string;
  readonly models: readonly string[];
  readonly state: LeaseState;
  /** Whether it or a model of it was ever meant to fail. */
  readonly failed: boolean;
  readonly createdAt: number;
  readonly removedAt: number | null;
  /** By the host's clock. */
  readonly hours: number;
  readonly usd: number;
}

/** The leases of a host, with their states and costs by its clock. */
export class Leases {
  readonly #host: Host;
  readonly #kept: Kept[] = [];

  constructor(host: Host) {
    this.#host = host;
  }

  /** @throws HostError 409 for a name that is taken */
  create(call: Call, request: NewLease): HostLease {
    const { name, kind, baseName, models = [], idleMinutes = null, readyMs, extra = {} } = request;
    if (request.isUnique !== false && this.find(name, kind))
      throw new HostError(409, `${name} already exists`, { code: 'ALREADY_EXISTS' });
    const now = Date.now();
    const kept: Kept = {
      ...this.#timing(call, readyMs),
      shown: {
        id: newId('lease-', 8),
        name,
        kind,
        baseName,
        models: [],
        state: 'starting',
        failure: null,
        createdAt: now,
        usdPerHour: request.usdPerHour ?? this.#host.tariff.perHour(baseName),
        extra,
      },
      loaded: [],
      idleMs: idleMinutes === null ? null : (idleMinutes * 60_000) / this.#host.options.clockFactor,
      listedFrom: now + (effectOf(call.effects, 'list_lag')?.ms ?? 0),
      usedAt: now,
      sleptMs: 0,
      removedAt: null,
    };
    this.#kept.push(kept);
    for (const model of models) this.#load(kept, model, { readyAt: now, fails: null });
    return this.#shown(kept);
  }

  /** Loads a model onto a lease. @throws HostError 409 if it is there already */
  load(call: Call, name: string, kind: string, model: string): LoadedModel {
    const kept = this.#get(name, kind);
    if (kept.loaded.some(({ shown }) => shown.model === model)) {
      throw new HostError(409, `${model} is loaded already`, { code: 'ALREADY_EXISTS' });
    }
    const { shown } = this.#load(kept, model, this.#timing(call));
    this.#shown(kept);
    return structuredClone(shown);
  }

  /** @throws HostError 404 */
  unload(name: string, kind: string, id: string): void {
    const kept = this.#get(name, kind);
    const place = kept.loaded.findIndex(({ shown }) => shown.id === id);
    if (place < 0) throw new HostError(404, `no loaded model ${id}`, { code: 'NOT_FOUND' });
    kept.loaded.splice(place, 1);
  }

  /** A copy of the lease as it is now; undefined for one that was removed. */
  find(nameOrId: string, kind?: string): HostLease | undefined {
    const kept = this.#find(nameOrId, kind);
    return kept && this.#shown(kept);
  }

  /** @throws HostError 404 */
  get(nameOrId: string, kind?: string): HostLease {
    return this.#shown(this.#get(nameOrId, kind));
  }

  /** Copies, oldest first; a new one may be missing. */
  list(kind?: string): HostLease[] {
    const now = Date.now();
    return this.#kept
      .filter(({ removedAt, listedFrom, shown }) => {
        return removedAt === null && listedFrom <= now && (kind === undefined || shown.kind === kind);
      })
      .map((kept) => this.#shown(kept));
  }

  /** Ends a lease and its bill. A test may do so by hand. @throws HostError 404 */
  remove(nameOrId: string, kind?: string): HostLease {
    const kept = this.#get(nameOrId, kind);
    this.#shown(kept);
    kept.removedAt = Date.now();
    return this.#shown(kept);
  }

  /**
   * The lease on which a model can be called now. A lease that sleeps is woken by the call, and answers later.
   *
   * @throws HostError 404 where there is none, or it is still starting
   */
  answering(model: string, nameOrId?: string, kind?: string): HostLease {
    for (const kept of this.#kept) {
      const { shown, removedAt } = kept;
      if (removedAt !== null || (kind !== undefined && shown.kind !== kind)) continue;
      if (nameOrId !== undefined && shown.name !== nameOrId && shown.id !== nameOrId) continue;
      const loaded = kept.loaded.find((each) => each.shown.model === model);
      if (!loaded) continue;
      const before = this.#shown(kept).state;
      const now = Date.now();
      if (before === 'asleep') {
        kept.sleptMs += now - (kept.usedAt + (kept.idleMs ?? 0));
        kept.readyAt = now + this.#host.options.leaseReadyMs;
      }
      kept.usedAt = now;
      if (before === 'ready' && loaded.shown.state === 'ready') return this.#shown(kept);
    }
    throw new HostError(404, `Model not found, inaccessible, or not deployed: ${nameOrId ?? model}`, {
      param: 'model',
      code: 'model_not_found',
    });
  }

  entries(): LeaseEntry[] {
    return this.#kept.map((kept) => {
      const { name, kind, createdAt, usdPerHour, state, models } = this.#shown(kept);
      const end = kept.removedAt ?? Date.now();
      const asleep = state === 'asleep' ? end - (kept.usedAt + (kept.idleMs ?? 0)) : 0;
      const awakeMs = Math.max(0, end - createdAt - kept.sleptMs - asleep);
      const hours = (awakeMs * this.#host.options.clockFactor) / 3_600_000;
      const ids = models.map(({ model }) => model);
      const failed = [kept, ...kept.loaded].some(({ fails }) => fails !== null);
      const { removedAt } = kept;
      return { name, kind, models: ids, state, failed, createdAt, removedAt, hours, usd: hours * usdPerHour };
    });
  }

  #find(nameOrId: string, kind?: string): Kept | undefined {
    return this.#kept.find(({ shown: { id, name, kind: own }, removedAt }) => {
      return removedAt === null && (id === nameOrId || name === nameOrId) && (kind === undefined || own === kind);
    });
  }

  #get(nameOrId: string, kind?: string): Kept {
    const kept = this.#find(nameOrId, kind);
    if (!kept) throw new HostError(404, `${nameOrId} was not found`, { code: 'NOT_FOUND' });
    return kept;
  }

  #load(kept: Kept, model: string, timed: Timed): Loaded {
    const loaded: Loaded = { ...timed, shown: { id: newId('dm-', 6), model, state: 'starting', failure: null } };
    kept.loaded.push(loaded);
    return loaded;
  }

  #timing({ effects }: Call, usualMs = this.#host.options.leaseReadyMs): Timed {
    const now = Date.now();
    const late = effectOf(effects, 'ready_after');
    const fails = effectOf(effects, 'lease_fails');
    const ms = late === undefined ? usualMs : late.ms;
    return {
      readyAt: ms === null ? null : now + ms,
      fails: fails ? { at: now + usualMs, why: fails.message ?? 'no machine is free' } : null,
    };
  }

  #shown(kept: Kept): HostLease {
    const { shown } = kept;
    const now = Date.now();
    shown.models.splice(
      0,
      Number.POSITIVE_INFINITY,
      ...kept.loaded.map((loaded) => {
        loaded.shown.state = stateOf(loaded, now);
        loaded.shown.failure = loaded.shown.state === 'failed' ? (loaded.fails?.why ?? null) : null;
        return loaded.shown;
      }),
    );
    shown.state = stateOf(kept, now);
    shown.failure = shown.state === 'failed' ? (kept.fails?.why ?? null) : null;
    if (shown.state === 'ready' && kept.idleMs !== null && now - kept.usedAt > kept.idleMs) shown.state = 'asleep';
    if (kept.removedAt !== null) shown.state = 'removed';
    return structuredClone(shown);
  }
}

function stateOf({ readyAt, fails }: Timed, now: number): LeaseState {
  if (fails) return now >= fails.at ? 'failed' : 'starting';
  return readyAt !== null && now >= readyAt ? 'ready' : 'starting';
}
