import type { LedgerEntry } from '../../packages/local-trainer/src/faults/ledger.ts';
import { type Player, STACK_PRICES, type Stack } from '../setup/stack.ts';
import { HOST_SUBJECTS } from './host-subject.ts';
import { type JobRecord, type LeaseRecord, spending } from './oracles.ts';
import { type Hazards, TRAINER_HAZARDS } from './plan.ts';
import type { Costs } from './rows.ts';

/** A provider under chaos: what is done to it, and what its own records say in the end. */
export interface Subject {
  hazards: Hazards;
  costs: Costs;
  /** Undefined for the local trainer. */
  player?: Player;
  /** Whether the records name uploaded files. */
  namesFiles: boolean;
  /** The requests that it has got, from this number on. */
  requests(stack: Stack, from: number): Promise<SeenRequest[]>;
  evidence(stack: Stack): Promise<Evidence>;
}

export interface SeenRequest {
  call: string;
  executed: boolean;
  /** Whether its client waits for the answer although it is done. */
  held: boolean;
}

export interface Evidence {
  /** Requests and jobs. */
  entries: readonly LedgerEntry[];
  jobs: readonly JobRecord[];
  /** USD by run. */
  spent: ReadonlyMap<string, number>;
  leases: readonly LeaseRecord[];
  /** What the provider's document does not allow; null without one. */
  violations: readonly string[] | null;
}

const TRAINER: Subject = {
  hazards: TRAINER_HAZARDS,
  costs: {
    candidates: { models: ['local-nano', 'local-mini'], learning_rate_multiplier: [0.5, 1, 1.5, 2], epochs: 2 },
    prices: STACK_PRICES,
    billing: { charges: 'tokens', priceList: null },
    leases: null,
  },
  namesFiles: true,
  requests: async (stack, from) =>
    stack.ledger().flatMap((entry, index) => {
      if (entry.kind !== 'request' || index < from) return [];
      return [{ call: entry.endpoint, executed: entry.executed, held: entry.status === 'hang' }];
    }),
  evidence: async (stack) => {
    const entries = stack.ledger();
    const jobs = (await stack.jobs()).map(({ id, fine_tuned_model: model, metadata }) => {
      const owner = metadata?.tuneloop_job ?? '';
      return { id, runId: owner.slice(0, owner.lastIndexOf('/')), model };
    });
    return { entries, jobs, spent: spending(entries, jobs, STACK_PRICES), leases: [], violations: null };
  },
};

export const SUBJECT_NAMES = Object.keys(HOST_SUBJECTS);

/** @param host undefined for the local trainer */
export function subjectOf(host: string | undefined): Subject {
  const subject = host === undefined ? TRAINER : HOST_SUBJECTS[host];
  if (!subject) throw new RangeError(`no host is called ${host}: ${SUBJECT_NAMES.join(', ')}`);
  return subject;
}
