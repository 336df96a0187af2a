import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import type { LeaseInput } from '../../src/activities/leases.ts';
import { leaseOwner } from '../../src/contract/ids.ts';
import {
  approveUpdate,
  deploymentQuery,
  type ProposeInput,
  proposeUpdate,
  rejectUpdate,
  remarksQuery,
  rollbackUpdate,
  WORKFLOWS,
} from '../../src/contract/messages.ts';
import { CHAMPION, PIPELINE, STAGE } from '../../src/contract/search-attributes.ts';
import type { DeployedModel } from '../../src/core/deployment/deployed-model.ts';
import { type DeploymentState, newDeployment } from '../../src/core/deployment/deployment.ts';
import type { PlannedLease } from '../../src/core/run/lease-plan.ts';
import { DATA_CONVERTER } from '../../src/worker/connection.ts';
import { until } from '../setup/cli.ts';
import type { LeasedWorkInput, leasedWork } from './leased-work.ts';

jest.setTimeout(60_000);

const REF = { uri: 'file:///d', sha256: 'd'.repeat(64), bytes: 1, rows: 1 };

/** A provider's leases, as far as the workflows see them. */
class Host {
  readonly open = new Map<string, readonly string[]>();
  readonly calls: string[] = [];
  usdPerHour: number | null = null;
  refusal: string | null = null;
  /** Throws, or waits, before a lease answers. */
  starting: (name: string) => Promise<void> = async () => {};
  working: () => Promise<void> = async () => {};
  readonly aliases: DeploymentState[] = [];

  readonly activities = {
    createLease: async ({ lease: { name, models } }: LeaseInput) => {
      this.calls.push(`create ${name.replace(/^.*-/, '')}`);
      this.open.set(name, models);
      if (this.refusal) return { refused: { code: 'PROVIDER_REFUSED', message: this.refusal } };
      return { callAs: models.map((model) => `${model}#lease`), usdPerHour: this.usdPerHour };
    },
    awaitLease: async ({ lease: { name } }: LeaseInput) => {
      await this.starting(name);
      this.calls.push(`ready ${name.replace(/^.*-/, '')}`);
      return { usd: 0 };
    },
    removeLease: async ({ lease: { name } }: LeaseInput) => {
      this.calls.push(`remove ${name.replace(/^.*-/, '')}`);
      this.open.delete(name);
    },
    work: async () => {
      this.calls.push('work');
      await this.working();
    },
    writeAlias: async ({ state }: { state: DeploymentState }) => {
      this.aliases.push(state);
    },
    notify: async () => {},
    readCanary: async () => {
      throw ApplicationFailure.nonRetryable('no log');
    },
  };
}

let server: TestWorkflowEnvironment;
let host: Host;
let worker: { stop(): Promise<void> };
let taskQueue: string;
let runs = 0;
let workflowBundle: Awaited<ReturnType<typeof bundleWorkflowCode>>;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const cli = process.env.TEMPORAL_CLI;
  if (!cli) throw new Error('the setup of the tests names the server in TEMPORAL_CLI');
  server = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'existing-path', path: cli }, searchAttributes: [PIPELINE, STAGE, CHAMPION] },
    client: { dataConverter: DATA_CONVERTER },
  });
  workflowBundle = await bundleWorkflowCode({
    workflowsPath: path.join(import.meta.dirname, 'leased-work.ts'),
    ...DATA_CONVERTER,
    logger: new DefaultLogger('WARN'),
  });
});
afterAll(() => server.teardown());

beforeEach(async () => {
  runs += 1;
  taskQueue = `leases-${runs}`;
  host = new Host();
  const { nativeConnection: connection } = server;
  const { activities } = host;
  const started = await Worker.create({
    connection,
    taskQueue,
    dataConverter: DATA_CONVERTER,
    workflowBundle,
    activities,
  });
  const ran = started.run();
  worker = {
    stop: async () => {
      started.shutdown();
      await ran;
    },
  };
});
afterEach(() => worker.stop());

const lease = (model: string, change: Partial<PlannedLease> = {}): PlannedLease => ({
  baseModel: 'base',
  models: [model],
  minutes: 60,
  usd: 6,
  ...change,
});

function startWork(input: Partial<LeasedWorkInput>) {
  return server.client.workflow.start<typeof leasedWork>('leasedWork', {
    workflowId: `work-${runs}`,
    taskQueue,
    args: [{ definition: REF, leases: [lease('m')], capUsd: null, ...input }],
  });
}

/** Ends when the activity is told to stop, as activities that heartbeat do. */
async function forEver(): Promise<void> {
  for (;;) {
    Context.current().heartbeat();
    await Context.current().sleep(100);
  }
}

describe('the leases of a step', () => {
  test('they are created, waited for, used by their names and removed, and their time is paid', async () => {
    host.working = () => delay(1500);
    const handle = await startWork({ leases: [lease('a', { models: ['a', 'b'] })], capUsd: 10 });
    const { callAs, spentUsd, error } = await handle.result();
    expect(error).toBeNull();
    expect(callAs).toEqual({ a: 'a#lease', b: 'b#lease' });
    expect(host.calls).toEqual(['create 1', 'ready 1', 'work', 'remove 1']);
    expect(host.open.size).toBe(0);
    // At 6 USD an hour.
    expect(spentUsd).toBeGreaterThan((1.5 / 3600) * 6);
    expect(spentUsd).toBeLessThan((30 / 3600) * 6);
  });

  test('the name of a lease tells the execution that needs it', async () => {
    let name = '';
    host.starting = async (given) => {
      name = given;
    };
    const handle = await startWork({});
    await handle.result();
    expect(leaseOwner(name)).toBe(handle.firstExecutionRunId);
  });

  test('a price that the provider names counts instead of the one of the table', async () => {
    host.usdPerHour = 3600;
    host.working = () => delay(1000);
    const { spentUsd } = await (await startWork({ capUsd: 10_000 })).result();
    expect(spentUsd).toBeGreaterThan(1);
  });

  test('a refused lease is removed, and is the loss of its own models alone', async () => {
    const { activities } = host;
    const create = activities.createLease;
    activities.createLease = async (input) => {
      host.refusal = input.lease.models.includes('bad') ? 'no capacity' : null;
      return create(input);
    };
    await worker.stop();
    const started = await Worker.create({
      connection: server.nativeConnection,
      taskQueue,
      dataConverter: DATA_CONVERTER,
      workflowBundle,
      activities,
    });
    const result = await started.runUntil(async () =>
      (await startWork({ leases: [lease('bad'), lease('good')] })).result(),
    );
    worker = { stop: async () => {} };
    expect(result.failures).toEqual({ bad: 'PROVIDER_REFUSED: no capacity' });
    expect(result.callAs).toEqual({ good: 'good#lease' });
    expect(host.open.size).toBe(0);
  });

  test('a lease that never gets ready is removed', async () => {
    host.starting = async () => {
      throw ApplicationFailure.nonRetryable('too late', 'LEASE_NOT_READY');
    };
    const { failures } = await (await startWork({})).result();
    expect(failures).toEqual({ m: 'LEASE_NOT_READY: too late' });
    expect(host.open.size).toBe(0);
  });

  test('a failing step leaves no lease', async () => {
    host.working = async () => {
      throw ApplicationFailure.nonRetryable('broken');
    };
    const { error } = await (await startWork({})).result();
    expect(error).toBe('broken');
    expect(host.open.size).toBe(0);
  });

  test.each(['starts', 'is used'])('a run that is cancelled while its lease %s leaves none', async (moment) => {
    if (moment === 'starts') host.starting = forEver;
    else host.working = forEver;
    const handle = await startWork({});
    await until(() => host.calls.includes(moment === 'starts' ? 'create 1' : 'work'), 'the moment of the cancellation');
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();
    expect(host.open.size).toBe(0);
  });

  test('a lease that the budget does not pay for is never created', async () => {
    const { failures, spentUsd } = await (await startWork({ capUsd: 5 })).result();
    expect(failures.m).toMatch(/^BUDGET_EXCEEDED: serving of 1 models .* needs \$6\.00/);
    expect(host.calls).toEqual(['work']);
    expect(spentUsd).toBe(0);
  });

  test('money that was held back before pays for the leases, and what they did not cost is given back', async () => {
    host.working = () => delay(1000);
    const { failures, error, spentUsd } = await (
      await startWork({ leases: [lease('a'), lease('b')], capUsd: 12, fundUsd: 12 })
    ).result();
    expect([failures, error]).toEqual([{}, null]);
    expect(host.calls.filter((call) => call.startsWith('create'))).toHaveLength(2);
    expect(spentUsd).toBeGreaterThan((2 / 3600) * 6);
    expect(spentUsd).toBeLessThan((60 / 3600) * 6);
  });

  test('a lease that the money held back before does not cover is paid from the rest of the budget', async () => {
    const { failures } = await (await startWork({ leases: [lease('a'), lease('b')], capUsd: 13, fundUsd: 6 })).result();
    expect(failures).toEqual({});
  });

  test('a lease that is needed for longer is paid again, until the budget ends it', async () => {
    host.working = forEver;
    const payments = { aheadMinutes: 1 / 60, stretchMinutes: 1 / 20 };
    const { error, spentUsd } = await (
      await startWork({ leases: [lease('m', { minutes: 1 / 20, usd: 1 })], capUsd: 3.5, payments })
    ).result();
    expect(error).toMatch(/^BUDGET_EXCEEDED: more time of tl-.* needs \$1\.00; of \$3\.50/);
    expect(host.open.size).toBe(0);
    expect(spentUsd).toBeGreaterThan(2);
    expect(spentUsd).toBeLessThanOrEqual(3.5);
  });
});

describe('the leases of a deployment', () => {
  const winner = (model: string): DeployedModel => ({
    model,
    baseModel: 'base',
    treatment: 'strip',
    run: `shop/${model}`,
    candidate: 'c',
    definition: REF,
    datasetVersion: 'v1',
    manifest: REF,
    judged: null,
    serving: { usdPerHour: 8, monthly: false },
  });
  const proposal = (model: string, decision: number): ProposeInput => ({
    by: 'run',
    run: `shop/${model}`,
    definition: REF,
    datasetVersion: 'v1',
    manifest: REF,
    originalModel: 'original',
    winner: winner(model),
    why: 'better',
    policy: { automatic: false, deadlineMs: 3_600_000, stages: [], everyMs: 3_600_000, limits: LIMITS },
    decision,
  });
  const LIMITS = { max_errors: 0.1, max_slowdown: 2, max_quality_loss: 0.1 };

  const open = () =>
    server.client.workflow.start(WORKFLOWS.deployment, {
      workflowId: `deployment/shop-${runs}`,
      taskQueue,
      args: [{ state: newDeployment('shop') }],
    });
  const person = (decision: number) => ({ decision, by: 'person:ada', why: 'good' });
  const published = () => host.aliases.at(-1);

  test('a winner serves once its lease answers, and is called by the name of the lease', async () => {
    const gate = Promise.withResolvers<void>();
    host.starting = () => gate.promise;
    const handle = await open();
    await handle.executeUpdate(proposeUpdate, { args: [proposal('m1', 0)] });
    await handle.executeUpdate(approveUpdate, { args: [person(1)] });
    await until(() => host.calls.includes('create 1'), 'the creation of the lease');
    expect(published()).toMatchObject({ champion: null, challenger: { state: { kind: 'starting' } } });
    gate.resolve();
    await until(() => published()?.champion?.model === 'm1', 'the promotion');
    expect(published()?.champion?.lease).toMatchObject({ callAs: 'm1#lease', usdPerHour: 8 });
    expect((await handle.query(remarksQuery)).serving).toMatch(/\(serving\); \$192\.00 a day/);
    await handle.terminate();
  });

  test('a winner that is rejected while its lease starts is dropped at once', async () => {
    host.starting = forEver;
    const handle = await open();
    await handle.executeUpdate(proposeUpdate, { args: [proposal('m1', 0)] });
    await handle.executeUpdate(approveUpdate, { args: [person(1)] });
    const { decision } = await handle.query(deploymentQuery);
    await handle.executeUpdate(rejectUpdate, { args: [person(decision)] });
    expect(published()).toMatchObject({ champion: null, challenger: null });
    await handle.terminate();
  });

  test('a winner whose lease fails is rejected, with the reason', async () => {
    host.starting = async () => {
      throw ApplicationFailure.nonRetryable('no capacity', 'LEASE_FAILED');
    };
    const handle = await open();
    await handle.executeUpdate(proposeUpdate, { args: [proposal('m1', 0)] });
    await handle.executeUpdate(approveUpdate, { args: [person(1)] });
    await until(() => published()?.challenger === null, 'the rejection');
    expect(published()?.decisions.at(-1)).toMatchObject({
      kind: 'rejected',
      by: 'serving',
      why: 'LEASE_FAILED: no capacity',
    });
    await handle.terminate();
  });

  test('after a rollback the model before is called by the lease that it still has', async () => {
    const handle = await open();
    for (const [place, model] of ['m1', 'm2'].entries()) {
      const { decision } = await handle.query(deploymentQuery);
      await handle.executeUpdate(proposeUpdate, { args: [proposal(model, decision)] });
      await handle.executeUpdate(approveUpdate, { args: [person(decision + 1)] });
      await until(() => published()?.champion?.model === model, 'the promotion');
      expect(host.open.size).toBe(place + 1);
    }
    const { decision } = await handle.query(deploymentQuery);
    await handle.executeUpdate(rollbackUpdate, { args: [person(decision)] });
    expect(published()?.champion).toMatchObject({ model: 'm1', lease: { callAs: 'm1#lease' } });
    expect(host.calls.filter((call) => call.startsWith('create'))).toHaveLength(2);
    // The other lease is paid for one more hour, and the reader learns until when.
    expect((await handle.query(remarksQuery)).serving).toMatch(
      /\(serving\), \S+ \(not needed, removed at \d\d:\d\d UTC\); \$384\.00 a day\.$/,
    );
    await handle.terminate();
  });
});
