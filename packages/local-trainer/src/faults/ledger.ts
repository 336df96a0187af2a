import { appendFileSync } from 'node:fs';
import { isRecord } from '@tuneloop/app/internal/shared/json-body';
import { isJobStatus } from '../jobs/job-form.ts';
import { isTerminal, type JobRecord, type JobStatus } from '../jobs/job-record.ts';
import { readJsonLines } from '../stores/storage.ts';
import { type Effect, ENDPOINTS, type Endpoint } from './fault-plan.ts';

/** One request, written before its answer is sent. Unknown facts about it are null. */
export interface RequestEntry {
  /** Milliseconds since 1970, at the end of its handling. */
  readonly at: number;
  readonly kind: 'request';
  readonly endpoint: Endpoint;
  /** The HTTP status, or why there was none. */
  readonly status: number | 'reset' | 'hang';
  /** Whether the server executed the request, whatever it told the client. */
  readonly executed: boolean;
  readonly fault: Effect['kind'] | null;
  /** `metadata.tuneloop_key` of the job. */
  readonly key: string | null;
  readonly job: string | null;
  readonly file: string | null;
  readonly name: string | null;
  readonly model: string | null;
  readonly promptTokens: number | null;
  readonly completionTokens: number | null;
}

/** A change of the true status of a job. */
export interface JobEntry {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly kind: 'job';
  readonly job: string;
  readonly key: string | null;
  /** The base model. */
  readonly model: string;
  readonly trainingFile: string;
  readonly seed: number;
  readonly status: JobStatus;
  readonly trainedTokens: number | null;
}

export type LedgerEntry = RequestEntry | JobEntry;

/** The pair of a job's metadata that names the purpose of the job. */
export const KEY = 'tuneloop_key';

export function keyOf(metadata: Readonly<Record<string, unknown>> | null | undefined): string | null {
  const key = metadata?.[KEY];
  return typeof key === 'string' ? key : null;
}

/** The true course of events, in order: kept in memory and in a file that only grows. */
export class Ledger {
  readonly #path: string;
  readonly #entries: LedgerEntry[];
  readonly #statuses = new Map<string, JobStatus>();

  /** Continues the file of an earlier process. */
  constructor(path: string) {
    this.#path = path;
    this.#entries = readJsonLines(path, isLedgerEntry);
    for (const entry of this.#entries) if (entry.kind === 'job') this.#statuses.set(entry.job, entry.status);
  }

  get entries(): readonly LedgerEntry[] {
    return this.#entries;
  }

  addRequest(request: Omit<RequestEntry, 'at' | 'kind'>): void {
    this.#append({ at: Date.now(), kind: 'request', ...request });
  }

  /**
   * Adds the present status of a job, unless that is known. After SIGKILL a job may be a little older on disk than in the ledger: a
   * reported end stays reported.
   */
  addJob({ job }: JobRecord): void {
    const known = this.#statuses.get(job.id);
    if (known === job.status || (known !== undefined && isTerminal(known) && !isTerminal(job.status))) return;
    this.#statuses.set(job.id, job.status);
    this.#append({
      at: Date.now(),
      kind: 'job',
      job: job.id,
      key: keyOf(job.metadata),
      model: job.model,
      trainingFile: job.training_file,
      seed: job.seed,
      status: job.status,
      trainedTokens: job.trained_tokens,
    });
  }

  #append(entry: LedgerEntry): void {
    // Written when this returns, because bytes that the kernel has outlive a kill of this process.
    appendFileSync(this.#path, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
    this.#entries.push(entry);
  }
}

function isLedgerEntry(value: unknown): value is LedgerEntry {
  if (!isRecord(value) || typeof value.at !== 'number') return false;
  if (value.kind === 'job') return typeof value.job === 'string' && isJobStatus(value.status);
  return (
    value.kind === 'request' &&
    ENDPOINTS.some((endpoint) => endpoint === value.endpoint) &&
    typeof value.executed === 'boolean'
  );
}
