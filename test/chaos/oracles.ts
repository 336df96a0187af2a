import type { JobEntry, LedgerEntry, RequestEntry } from '../../packages/local-trainer/src/faults/ledger.ts';
import { isTerminal } from '../../packages/local-trainer/src/jobs/job-record.ts';
import { costPer1k, type Prices, tariffOf, trainingCost, trainingTariffOf } from '../../src/core/evaluation/cost.ts';

/** The purpose of one run, and its outcome. */
export interface RunRecord {
  runId: string;
  /** `cancel`: a user cancels it; it may complete nevertheless, when that came too late. */
  planned: 'complete' | 'cancel';
  /** As Temporal has it; `running` where it did not end before the deadline. */
  status: string;
  budgetUsd: number | null;
  /** Milliseconds since 1970; null while it runs. */
  closedAt: number | null;
  /** Jobs that it makes where no budget keeps it from that. */
  jobs: number;
  /** Why it failed; null where it did not. */
  error: string | null;
}

/** The owner of a job, and the name of its model. */
export interface JobRecord {
  id: string;
  runId: string;
  model: string | null;
}

/** A serving lease at a provider. */
export interface LeaseRecord {
  name: string;
  /** The run that created it; null for one that no run of ours did. */
  runId: string | null;
  /** Whether it costs money, or keeps a place, still. */
  open: boolean;
  /** Whether the provider could not start it, or a model on it. */
  failed: boolean;
}

/** The jobs of each key that were ever created, oldest first, in their newest status. */
function jobsByKey(entries: readonly LedgerEntry[]): Map<string, JobEntry[]> {
  const keys = new Map<string, Map<string, JobEntry>>();
  for (const entry of entries) {
    if (entry.kind !== 'job' || entry.key === null) continue;
    const jobs = keys.get(entry.key) ?? new Map<string, JobEntry>();
    keys.set(entry.key, jobs.set(entry.job, entry));
  }
  return new Map([...keys].map(([key, jobs]) => [key, [...jobs.values()]]));
}

/** Keys with more than one job that was not cancelled: work that is paid twice. */
export function duplicates(entries: readonly LedgerEntry[]): string[] {
  return [...jobsByKey(entries)]
    .filter(([, jobs]) => jobs.filter(({ status }) => status !== 'cancelled').length > 1)
    .map(([key]) => key);
}

/** Jobs that were created although their key had one already, whatever their end. */
export function extras(entries: readonly LedgerEntry[]): string[] {
  return [...jobsByKey(entries).values()].flatMap((jobs) => jobs.slice(1).map(({ job }) => job));
}

/** Names under which more than one file was kept. */
export function duplicateFiles(entries: readonly LedgerEntry[]): string[] {
  const files = new Map<string, Set<string>>();
  for (const { name, file } of executed(entries, 'files.create')) {
    if (name !== null && file !== null) files.set(name, (files.get(name) ?? new Set()).add(file));
  }
  return [...files].filter(([, ids]) => ids.size > 1).map(([name]) => name);
}

/** Creations of jobs that the provider executed and reported as failed, or not at all: they must not be repeated blindly. */
export function lostAnswers(entries: readonly LedgerEntry[]): string[] {
  return executed(entries, 'jobs.create')
    .filter(({ status }) => typeof status !== 'number' || status >= 500)
    .map(({ job }) => job ?? '');
}

/** Jobs that had not ended this many milliseconds after the end of their run: no workflow waits for them, and they cost money. */
export function orphans(
  entries: readonly LedgerEntry[],
  runs: readonly RunRecord[],
  jobs: readonly JobRecord[],
  graceMs: number,
): string[] {
  const ends = new Map<string, number>();
  for (const entry of entries) if (entry.kind === 'job' && isTerminal(entry.status)) ends.set(entry.job, entry.at);
  const closed = new Map(runs.map(({ runId, closedAt }) => [runId, closedAt]));
  return jobs
    .filter(({ id, runId }) => {
      const closedAt = closed.get(runId);
      // A job of an unknown run: no workflow waits for it either.
      if (closedAt === undefined) return true;
      return closedAt !== null && (ends.get(id) ?? Number.POSITIVE_INFINITY) > closedAt + graceMs;
    })
    .map(({ id }) => id);
}

/** Runs that did not end as they were meant to. */
export function lost(runs: readonly RunRecord[]): string[] {
  return runs
    .filter(({ planned, status }) => status !== 'completed' && !(planned === 'cancel' && status === 'cancelled'))
    .map(({ runId }) => runId);
}

/**
 * Runs that failed because no lease came about, at a provider that had really let one of theirs fail: they can do nothing about it but say
 * so.
 */
export function refused(runs: readonly RunRecord[], leases: readonly LeaseRecord[]): string[] {
  const struck = new Set(leases.filter(({ failed }) => failed).map(({ runId }) => runId));
  return runs
    .filter(({ runId, status, error }) => status === 'failed' && error?.includes('LEASE_FAILED') && struck.has(runId))
    .filter(({ error }) => !error?.includes('BUDGET_EXCEEDED'))
    .map(({ runId }) => runId);
}

/** Leases that are open although their run has closed, or that are nobody's. */
export function leasesLeft(leases: readonly LeaseRecord[], runs: readonly RunRecord[]): string[] {
  const open = new Set(runs.filter(({ closedAt }) => closedAt === null).map(({ runId }) => runId));
  return leases.filter((lease) => lease.open && !open.has(lease.runId ?? '')).map(({ name }) => name);
}

/** Runs that completed without a budget, and that have another number of trained candidates than they should. */
export function incomplete(
  entries: readonly LedgerEntry[],
  runs: readonly RunRecord[],
  jobs: readonly JobRecord[],
): string[] {
  const owners = new Map(jobs.map(({ id, runId }) => [id, runId]));
  const trained = new Map<string, number>();
  for (const [, [first, ...others]] of jobsByKey(entries)) {
    const run = owners.get(first?.job ?? '');
    const succeeded = [first, ...others].some((job) => job?.status === 'succeeded');
    if (run !== undefined && succeeded) trained.set(run, (trained.get(run) ?? 0) + 1);
  }
  return runs
    .filter(({ status, budgetUsd }) => status === 'completed' && budgetUsd === null)
    .filter(({ runId, jobs: expected }) => trained.get(runId) !== expected)
    .map(({ runId }) => runId);
}

/** The true cost of each run, in USD: all training and every answered request, also those whose answer got lost. */
export function spending(
  entries: readonly LedgerEntry[],
  jobs: readonly JobRecord[],
  prices: Prices,
): Map<string, number> {
  const spent = new Map<string, number>();
  const add = (runId: string | undefined, usd: number | null) => {
    if (usd === null) throw new Error('a model without a price');
    if (runId !== undefined) spent.set(runId, (spent.get(runId) ?? 0) + usd);
  };
  const billing = { charges: 'tokens', priceList: null } as const;
  const owners = new Map(jobs.map((job) => [job.id, job.runId]));
  const bases = new Map<string, string>();
  for (const entry of entries) {
    if (entry.kind !== 'job') continue;
    bases.set(entry.job, entry.model);
    if (isTerminal(entry.status)) {
      add(
        owners.get(entry.job),
        trainingCost(trainingTariffOf(prices, billing, entry.model), entry.trainedTokens ?? 0, 0),
      );
    }
  }
  const models = new Map(jobs.flatMap((job) => (job.model === null ? [] : [[job.model, job] as const])));
  for (const { model, promptTokens, completionTokens } of executed(entries, 'chat')) {
    const job = models.get(model ?? '');
    if (!job) continue;
    const usage = { promptTokens: promptTokens ?? 0, completionTokens: completionTokens ?? 0 };
    const usdPer1k = costPer1k(tariffOf(prices, billing, bases.get(job.id) ?? '', true), usage, 0);
    add(job.runId, usdPer1k === null ? null : usdPer1k / 1000);
  }
  return spent;
}

/** A smaller difference is rounding of sums of floats, and not money. */
const ROUNDING_USD = 1e-9;

/** Runs that have spent more than their budget, in the order of the runs. */
export function overruns(spent: ReadonlyMap<string, number>, runs: readonly RunRecord[]): string[] {
  return runs
    .filter(({ runId, budgetUsd }) => budgetUsd !== null && (spent.get(runId) ?? 0) > budgetUsd + ROUNDING_USD)
    .map(({ runId }) => runId);
}

function executed(entries: readonly LedgerEntry[], endpoint: RequestEntry['endpoint']): RequestEntry[] {
  return entries.filter(
    (entry): entry is RequestEntry => entry.kind === 'request' && entry.executed && entry.endpoint === endpoint,
  );
}
