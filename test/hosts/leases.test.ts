import { setTimeout as delay } from 'node:timers/promises';
import type { LeaseRequest } from '../../src/core/run/lease.ts';
import type { HostOptions } from './host.ts';
import { type Played, play, until } from './playing.ts';
import { tunedModel } from './tuned-model.ts';

let played: Played;
let lease: LeaseRequest;
afterEach(() => played.close());

/** A host with a tuned model that nobody serves yet. */
async function playWithModel(options: Partial<HostOptions> = {}): Promise<void> {
  played = await play('azure', options);
  const { baseModel, connected } = played;
  lease = { name: 'tuneloop-a', models: [await tunedModel(connected.training, baseModel)], baseModel };
}

function ask(callAs?: string) {
  const [model = ''] = lease.models;
  const messages = [{ role: 'user' as const, content: 'please refund my invoice' }];
  return played.connected.inference.complete({ model, callAs, messages });
}

test('a model cannot be called without a lease, nor while it is starting', async () => {
  await playWithModel({ leaseReadyMs: 300 });
  const { serving } = played.connected;
  await expect(ask()).rejects.toMatchObject({ status: 404 });
  await serving?.create(lease);
  await expect(ask(lease.name)).rejects.toMatchObject({ status: 404 });
  await until(
    async () => (await serving?.find(lease))?.state,
    (state) => state === 'ready',
  );
  expect((await ask(lease.name)).text).not.toBe('');
});

test('a lease that somebody removes by hand is gone, and its model no longer answers', async () => {
  await playWithModel({ leaseReadyMs: 0 });
  const { serving } = played.connected;
  await serving?.create(lease);
  await ask(lease.name);
  played.host.leases.remove(lease.name);
  expect(await serving?.find(lease)).toBeUndefined();
  await expect(ask(lease.name)).rejects.toMatchObject({ status: 404 });
});

test('a lease never gets ready, and another one fails', async () => {
  await playWithModel({ leaseReadyMs: 0 });
  const { serving } = played.connected;
  played.fail([
    { on: 'leases.create', calls: [1], effect: { kind: 'ready_after', ms: null } },
    { on: 'leases.create', calls: [2], effect: { kind: 'lease_fails' } },
  ]);
  const other = { ...lease, name: 'tuneloop-b' };
  await serving?.create(lease);
  await serving?.create(other);
  await until(
    async () => (await serving?.find(other))?.state,
    (state) => state === 'failed',
  );
  await delay(50);
  expect(await serving?.find(lease)).toMatchObject({ state: 'starting' });
});

test('the ledger counts the leases that nobody has removed', async () => {
  await playWithModel();
  const { serving } = played.connected;
  await serving?.create(lease);
  expect((await played.ledger()).openLeases).toBe(1);
  await serving?.remove(lease);
  expect((await played.ledger()).openLeases).toBe(0);
});

test('a lease that nobody uses falls asleep, costs nothing then, and wakes at the next call', async () => {
  // Five minutes of the host are 300 ms.
  played = await play('fireworks', { clockFactor: 1000, leaseReadyMs: 50 }, { idle_minutes: 5 });
  const { serving, inference } = played.connected;
  const { baseModel } = played;
  const base = { name: 'tuneloop-base', models: [played.baseModelId], baseModel };
  await serving?.create(base);
  const entry = async () => (await played.ledger()).leases[0];
  await until(entry, (found) => found?.state === 'asleep');
  const asleep = await entry();
  await delay(50);
  expect(await entry()).toEqual(asleep);
  const callAs = (await serving?.find(base))?.callAs[0];
  const messages = [{ role: 'user' as const, content: 'please refund my invoice' }];
  const question = () => inference.complete({ model: played.baseModelId, callAs, messages });
  await expect(question()).rejects.toMatchObject({ retryable: true });
  await until(
    () => question().catch(() => undefined),
    (answer) => answer !== undefined,
  );
  expect((await entry())?.usd).toBeGreaterThan(asleep?.usd ?? 0);
});

test('the management of Azure refuses the key of the resource', async () => {
  played = await play('azure');
  const folder = played.host.front.routes.find(({ operation }) => operation === 'leases.list')?.path;
  const headers = { 'api-key': 'test-key', authorization: 'Bearer test-key' };
  const response = await fetch(`${played.host.origin}${folder}?api-version=1`, { headers });
  expect(response.status).toBe(401);
});
