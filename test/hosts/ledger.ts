import type { Operation } from './front.ts';
import type { HostJob } from './jobs.ts';
import type { LeaseEntry } from './leases.ts';

/** One request, as the host knows it, whatever it told the client. */
export interface RequestEntry {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly operation: Operation;
  readonly method: string;
  readonly path: string;
  /** `reset` = the client got no answer; `held` = it waits for one to a request that is done. */
  status: number | 'reset' | 'held';
  readonly executed: boolean;
  /** The kinds of the faults that struck it. */
  readonly faults: readonly string[];
}

export interface JobEntry {
  readonly id: string;
  readonly baseModel: string;
  /** The fingerprint by which its maker knows it again; null for a job of somebody else. */
  readonly key: string | null;
  readonly suffix: string | null;
  readonly seed: number | null;
  readonly trainingFile: string;
  readonly state: string;
  readonly trainedTokens: number | null;
  readonly usd: number;
  /** The charge for all answers of its models, in USD. */
  readonly answersUsd: number;
  /** Unix seconds; null while it has not ended. */
  readonly finishedAt: number | null;
  readonly tunedModel: string | null;
}

export interface HostLedger {
  readonly jobs: readonly JobEntry[];
  /** Jobs beyond the first of each key. */
  readonly duplicates: number;
  /** Jobs that have not ended. */
  readonly running: number;
  readonly leases: readonly LeaseEntry[];
  /** Leases that were not removed. */
  readonly openLeases: number;
  readonly chats: { readonly calls: number; readonly promptTokens: number; readonly completionTokens: number };
  readonly requests: readonly RequestEntry[];
  /** Requests and answers against the host's document. */
  readonly violations: number;
  readonly usd: {
    readonly training: number;
    readonly serving: number;
    readonly tokens: number;
    readonly total: number;
  };
}

const LABEL = /(?:^|-)([0-9a-f]{12})-[0-9a-f]{8}$/;

/** The fingerprint of a job of ours, from wherever its host keeps it: metadata, suffix or id. */
export function jobKey({ id, suffix, metadata }: Pick<HostJob, 'id' | 'suffix' | 'metadata'>): string | null {
  const kept = metadata?.tuneloop_key;
  if (kept !== undefined) return kept.slice(0, 12);
  return [suffix, id].map((text) => (text ? LABEL.exec(text)?.[1] : undefined)).find((key) => key) ?? null;
}

/** Jobs beyond the first of each key. */
export function duplicatesIn(jobs: readonly Pick<JobEntry, 'key'>[]): number {
  const keys = jobs.flatMap(({ key }) => (key === null ? [] : [key]));
  return keys.length - new Set(keys).size;
}
