import type { JobEntry, LedgerEntry, RequestEntry } from '../../packages/local-trainer/src/faults/ledger.ts';
import { STACK_PRICES } from '../setup/stack.ts';
import {
  duplicateFiles,
  duplicates,
  extras,
  incomplete,
  type JobRecord,
  type LeaseRecord,
  leasesLeft,
  lost,
  lostAnswers,
  orphans,
  overruns,
  type RunRecord,
  refused,
  spending,
} from './oracles.ts';

const RUN: RunRecord = {
  runId: 'shop/1',
  planned: 'complete',
  status: 'completed',
  budgetUsd: null,
  closedAt: 10_000,
  jobs: 1,
  error: null,
};
const OWNED: JobRecord = { id: 'job-1', runId: 'shop/1', model: 'ft:one' };

function job(change: Partial<JobEntry> = {}): JobEntry {
  return {
    at: 1000,
    kind: 'job',
    job: 'job-1',
    key: 'a',
    model: 'local-nano',
    trainingFile: 'file-1',
    seed: 1,
    status: 'succeeded',
    trainedTokens: 100_000,
    ...change,
  };
}

function request(endpoint: RequestEntry['endpoint'], change: Partial<RequestEntry> = {}): RequestEntry {
  return {
    at: 1000,
    kind: 'request',
    endpoint,
    status: 200,
    executed: true,
    fault: null,
    key: null,
    job: null,
    file: null,
    name: null,
    model: null,
    promptTokens: null,
    completionTokens: null,
    ...change,
  };
}

/** A job from its creation to its end. */
function life(change: Partial<JobEntry> = {}): LedgerEntry[] {
  return [job({ ...change, at: 500, status: 'queued', trainedTokens: null }), job(change)];
}

describe('duplicates', () => {
  test('one job for each key is right', () => {
    expect(duplicates([...life(), ...life({ job: 'job-2', key: 'b' })])).toEqual([]);
  });

  test('two jobs of a key that both trained are found, and so is one that is still running', () => {
    expect(duplicates([...life(), ...life({ job: 'job-2' })])).toEqual(['a']);
    expect(duplicates([...life(), job({ job: 'job-2', status: 'running' })])).toEqual(['a']);
  });

  test('an extra job that was cancelled is no duplicate, but is counted as extra', () => {
    const entries = [...life(), ...life({ job: 'job-2', status: 'cancelled' })];
    expect(duplicates(entries)).toEqual([]);
    expect(extras(entries)).toEqual(['job-2']);
    expect(extras(life())).toEqual([]);
  });
});

test('a file that was kept twice under one name is found; a failed upload is no file', () => {
  const upload = (file: string, executed: boolean) =>
    request('files.create', { file: executed ? file : null, name: executed ? 'train-1.jsonl' : null, executed });
  expect(duplicateFiles([upload('file-1', true), upload('file-2', false)])).toEqual([]);
  expect(duplicateFiles([upload('file-1', true), upload('file-2', true)])).toEqual(['train-1.jsonl']);
});

test('creations whose answer got lost are counted; those that were answered, or not executed, are not', () => {
  const create = (job: string, change: Partial<RequestEntry>) => request('jobs.create', { job, ...change });
  const entries = [
    create('answered', {}),
    create('reset', { status: 'reset', fault: 'execute_then_reset' }),
    create('error', { status: 500, fault: 'execute_then_status' }),
    create('not executed', { status: 'reset', executed: false }),
  ];
  expect(lostAnswers(entries)).toEqual(['reset', 'error']);
});

describe('orphans', () => {
  test('a job that ended before its run, or soon after it, is no orphan', () => {
    expect(orphans(life(), [RUN], [OWNED], 5000)).toEqual([]);
    expect(orphans(life({ at: 14_000 }), [RUN], [OWNED], 5000)).toEqual([]);
  });

  test('a job that continues after its run is an orphan, also when it ends by itself later', () => {
    expect(orphans([job({ status: 'running' })], [RUN], [OWNED], 5000)).toEqual(['job-1']);
    expect(orphans(life({ at: 16_000 }), [RUN], [OWNED], 5000)).toEqual(['job-1']);
  });

  test('a job of an unknown run is an orphan; a job of an open run is none', () => {
    expect(orphans(life(), [], [OWNED], 5000)).toEqual(['job-1']);
    const open = { ...RUN, status: 'running', closedAt: null };
    expect(orphans([job({ status: 'running' })], [open], [OWNED], 5000)).toEqual([]);
  });
});

test('a run is lost unless it completed, or was cancelled as planned', () => {
  const runs = [
    { ...RUN, runId: 'completed' },
    { ...RUN, runId: 'cancelled as planned', planned: 'cancel' as const, status: 'cancelled' },
    { ...RUN, runId: 'completed before it was cancelled', planned: 'cancel' as const },
    { ...RUN, runId: 'cancelled', status: 'cancelled' },
    { ...RUN, runId: 'failed', status: 'failed' },
    { ...RUN, runId: 'failed when it was cancelled', planned: 'cancel' as const, status: 'failed' },
    { ...RUN, runId: 'open', status: 'running', closedAt: null },
  ];
  expect(lost(runs)).toEqual(['cancelled', 'failed', 'failed when it was cancelled', 'open']);
});

describe('leases', () => {
  const LEASE: LeaseRecord = { name: 'tl-1', runId: 'shop/1', open: false, failed: false };

  test('a lease that is open although its run has closed is left, and so is one of nobody', () => {
    const running = { ...RUN, runId: 'shop/2', status: 'running', closedAt: null };
    const leases = [
      LEASE,
      { ...LEASE, name: 'left', open: true },
      { ...LEASE, name: 'of a run', runId: 'shop/2', open: true },
      { ...LEASE, name: 'of nobody', runId: null, open: true },
    ];
    expect(leasesLeft(leases, [RUN, running])).toEqual(['left', 'of nobody']);
  });

  test('a failed run is excused only by a lease that the provider let fail, and by nothing else', () => {
    const failed = { ...RUN, status: 'failed', error: 'LEASE_FAILED: no machine' };
    const broken = [{ ...LEASE, failed: true }];
    expect(refused([failed], broken)).toEqual(['shop/1']);
    expect(refused([failed], [LEASE])).toEqual([]);
    expect(refused([{ ...failed, error: 'other' }], broken)).toEqual([]);
    expect(refused([{ ...failed, error: 'LEASE_FAILED; BUDGET_EXCEEDED' }], broken)).toEqual([]);
    expect(refused([RUN], broken)).toEqual([]);
  });
});

test('a run without a budget that trained too little is incomplete', () => {
  const two = { ...RUN, jobs: 2 };
  const both = [OWNED, { id: 'job-2', runId: 'shop/1', model: null }];
  expect(incomplete([...life(), ...life({ job: 'job-2', key: 'b' })], [two], both)).toEqual([]);
  expect(incomplete([...life(), ...life({ job: 'job-2', key: 'b', status: 'failed' })], [two], both)).toEqual([
    'shop/1',
  ]);
  // Two jobs of one candidate are not two candidates.
  expect(incomplete([...life(), ...life({ job: 'job-2' })], [two], both)).toEqual(['shop/1']);
  expect(incomplete(life(), [{ ...two, budgetUsd: 1 }], both)).toEqual([]);
});

describe('overruns', () => {
  const chat = request('chat', { model: 'ft:one', promptTokens: 10_000, completionTokens: 1000 });
  const spent = (entries: LedgerEntry[]) => spending(entries, [OWNED], STACK_PRICES);

  test('training and requests are paid by the price of the base model', () => {
    // 100,000 tokens at 10 USD per 1M; 10,000 at 1 and 1,000 at 4.
    expect(spent([...life(), chat]).get('shop/1')).toBeCloseTo(1 + 0.01 + 0.004, 9);
  });

  test('a request whose answer got lost is paid; one that was not executed, or that asked an unknown model, is not', () => {
    const entries = [
      ...life({ trainedTokens: 0 }),
      { ...chat, status: 'reset', fault: 'execute_then_reset' } as const,
      { ...chat, status: 429, executed: false, promptTokens: null } as const,
      { ...chat, model: 'local-base' },
    ];
    expect(spent(entries).get('shop/1')).toBeCloseTo(0.014, 9);
  });

  test('a run that spent more than its budget is found', () => {
    const usd = spent([...life(), chat]);
    expect(overruns(usd, [{ ...RUN, budgetUsd: 1.014 }])).toEqual([]);
    expect(overruns(usd, [{ ...RUN, budgetUsd: 1.013 }])).toEqual(['shop/1']);
    expect(overruns(usd, [RUN])).toEqual([]);
  });
});
