import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { pino } from 'pino';
import { createActivities } from '../../src/activities/create-activities.ts';
import { pipelineSchema } from '../../src/config/pipeline.ts';
import type { ArtifactRef } from '../../src/core/run/artifact-ref.ts';
import type { LeaseRequest } from '../../src/core/run/lease.ts';
import type { CompletionRequest } from '../../src/providers/inference.ts';
import type { Provider } from '../../src/providers/provider.ts';
import { ProviderError } from '../../src/providers/provider-error.ts';
import type { Lease, ListedLease, Serving } from '../../src/providers/serving.ts';
import { writeJson } from '../../src/stores/artifact-store.ts';
import { FileStore } from '../../src/stores/file-store.ts';

import { providerAt } from '../providers/provider-at.ts';
import { failureOf } from '../setup/activity-bench.ts';
import { temporaryHome } from '../setup/cli.ts';
import { STACK_PRICES } from '../setup/stack.ts';

const LEASE: LeaseRequest = { name: 'tl-e-1', baseModel: 'base', models: ['m'] };
const READY: Lease = { state: 'ready', status: 'READY', failure: null, callAs: ['m#d'], createdAt: 1, usdPerHour: 8 };
const GONE = new ProviderError('PROVIDER_REFUSED', 'no such model', { retryable: false, status: 404 });
const DOWN = new ProviderError('PROVIDER_UNREACHABLE', 'down', { retryable: true });

const { home, remove } = temporaryHome();
const artifacts = new FileStore(home);
let definition: ArtifactRef;
let serving: { [Name in keyof Serving]: jest.MockedFunction<Serving[Name]> };
let complete: jest.MockedFunction<Provider['inference']['complete']>;

beforeAll(async () => {
  definition = await writeJson(
    artifacts,
    pipelineSchema.parse({
      name: 'bench',
      task: 'classification',
      source: { type: 'jsonl', path: 'log.jsonl' },
      candidates: { models: ['base'] },
      deadlines: { serving_minutes: 1 },
    }),
  );
});
afterAll(remove);
beforeEach(() => {
  serving = {
    create: jest.fn(async (_: LeaseRequest) => READY),
    find: jest.fn(async (_: LeaseRequest): Promise<Lease | undefined> => READY),
    list: jest.fn(async (_: string) => []),
    remove: jest.fn(async (_: ListedLease) => {}),
  };
  complete = jest.fn(async (_: CompletionRequest) => ({
    text: 'x',
    cut: false,
    promptTokens: 1,
    completionTokens: 1,
    latencyMs: 1,
    serverMs: 1,
  }));
});

async function run(
  name: 'createLease' | 'awaitLease' | 'removeLease',
  info: { attempt?: number; heartbeatDetails?: unknown; currentAttemptScheduledTimestampMs?: number } = {},
  more: { seen?: boolean } = {},
) {
  const provider = providerAt('http://127.0.0.1:1/v1', { settlingMs: 20 });
  const activities = createActivities({
    artifacts,
    home,
    prices: STACK_PRICES,
    connectProvider: () => ({
      ...provider,
      serving,
      inference: { ...provider.inference, complete } as Provider['inference'],
    }),
    temporal: {} as Client,
    monthlyBudgetUsd: null,
    log: pino({ level: 'silent' }),
  });
  const environment = new MockActivityEnvironment(info, { logger: new DefaultLogger('ERROR') });
  return environment.run(activities[name] as (input: unknown) => Promise<unknown>, {
    definition,
    lease: LEASE,
    ...more,
  });
}

describe('creating a lease', () => {
  test('it answers with the names to call the models by, and the price', async () => {
    expect(await run('createLease')).toEqual({ callAs: ['m#d'], usdPerHour: 8 });
  });

  test('a refusal is a result, and an unknown outcome another attempt', async () => {
    serving.create.mockRejectedValueOnce(
      new ProviderError('PROVIDER_REFUSED', 'no', { retryable: false, status: 400 }),
    );
    expect(await run('createLease')).toEqual({ refused: { code: 'PROVIDER_REFUSED', message: 'no' } });
    serving.create.mockRejectedValueOnce(DOWN);
    expect(await failureOf(run('createLease'))).toMatchObject({ type: 'PROVIDER_UNREACHABLE', nonRetryable: false });
  });

  test('a later attempt looks first, and waits until a new lease must be in the list', async () => {
    serving.find.mockResolvedValueOnce(undefined);
    await run('createLease', { attempt: 2 });
    expect(serving.find).toHaveBeenCalledTimes(1);
    expect(serving.create).toHaveBeenCalledTimes(1);
  });
});

describe('waiting for a lease', () => {
  test('it ends when all models answer by their names', async () => {
    await run('awaitLease');
    expect(complete).toHaveBeenCalledWith(expect.objectContaining({ model: 'm', callAs: 'm#d' }));
  });

  test.each<[string, () => void]>([
    ['it starts', () => serving.find.mockResolvedValueOnce({ ...READY, state: 'starting', status: 'CREATING' })],
    ['its model is still unknown', () => complete.mockRejectedValueOnce(GONE)],
    ['its model cannot answer now', () => complete.mockRejectedValueOnce(DOWN)],
    ['the provider does not answer', () => serving.find.mockRejectedValueOnce(DOWN)],
    ['it is not in the list yet', () => serving.find.mockResolvedValueOnce(undefined)],
  ])('it goes on while %s', async (_, prepare) => {
    prepare();
    expect(await failureOf(run('awaitLease'))).toMatchObject({ type: 'LEASE_PENDING', nonRetryable: false });
  });

  test('a failed lease ends it, with the reason of the provider', async () => {
    serving.find.mockResolvedValueOnce({ ...READY, state: 'failed', status: 'FAILED', failure: 'no GPU' });
    expect(await failureOf(run('awaitLease'))).toMatchObject({
      type: 'LEASE_FAILED',
      nonRetryable: true,
      message: 'the serving lease tl-e-1 is FAILED: no GPU',
    });
  });

  test('a lease that somebody removed ends it', async () => {
    serving.find.mockResolvedValueOnce(undefined);
    const since = Date.now() - 70_000;
    const info = {
      heartbeatDetails: { phase: 'serving', since, status: 'CREATING' },
      currentAttemptScheduledTimestampMs: since + 61_000,
    };
    expect(await failureOf(run('awaitLease', info))).toMatchObject({ type: 'LEASE_FAILED' });
  });

  test('past the deadline of the pipeline it fails', async () => {
    serving.find.mockResolvedValueOnce({ ...READY, state: 'starting', status: 'CREATING' });
    const since = Date.now() - 70_000;
    const info = {
      heartbeatDetails: { phase: 'serving', since, status: 'CREATING' },
      currentAttemptScheduledTimestampMs: since + 61_000,
    };
    expect(await failureOf(run('awaitLease', info))).toMatchObject({
      type: 'LEASE_NOT_READY',
      nonRetryable: true,
      message: expect.stringContaining('longer than deadlines.serving_minutes allows'),
    });
  });
});

describe('removing a lease', () => {
  test('it ends when the provider no longer has it', async () => {
    serving.find.mockResolvedValueOnce(undefined);
    await run('removeLease');
    expect(serving.remove).toHaveBeenCalledWith(LEASE);
  });

  test('one that never answered may not be in the list yet, and is removed when it is', async () => {
    serving.find.mockResolvedValue(undefined);
    const left = new Set(['tl-e-1']);
    // The first look into the list comes too early.
    serving.remove
      .mockImplementationOnce(async () => {})
      .mockImplementationOnce(async ({ name }) => {
        left.delete(name);
      });
    await run('removeLease');
    expect(left.size).toBe(0);
  });

  test('one that has answered is looked for once', async () => {
    serving.find.mockResolvedValue(undefined);
    await run('removeLease', {}, { seen: true });
    expect(serving.remove).toHaveBeenCalledTimes(1);
  });

  test.each<[string, () => void]>([
    ['the lease is still there', () => serving.find.mockResolvedValueOnce(READY)],
    [
      'the provider refuses',
      () => serving.remove.mockRejectedValueOnce(new ProviderError('PROVIDER_REFUSED', 'no', { retryable: false })),
    ],
    ['the provider does not answer', () => serving.remove.mockRejectedValueOnce(DOWN)],
  ])('it is tried again while %s', async (_, prepare) => {
    prepare();
    expect(await failureOf(run('removeLease'))).toMatchObject({ nonRetryable: false });
  });
});
