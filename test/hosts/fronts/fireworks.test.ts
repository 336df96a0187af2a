import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LeaseRequest } from '../../../src/core/run/lease.ts';
import { fireworksProvider } from '../../../src/providers/dialects/fireworks/provider.ts';
import { profileOf } from '../../../src/providers/profiles/index.ts';
import type { Serving } from '../../../src/providers/serving.ts';
import { jsonl, labelled, temporaryFolder } from '../../local-trainer/sample-data.ts';
import type { HostOptions } from '../host.ts';
import { type Played, play, until } from '../playing.ts';
import { endedJob, jobRequest, tunedModel } from '../tuned-model.ts';

let played: Played;
afterEach(() => played.close());

const newRequest = () => jobRequest(played.connected.training, played.baseModel);

function headers() {
  return { authorization: `Bearer ${played.host.options.apiKey}`, 'content-type': 'application/json' };
}

describe('training at Fireworks, played', () => {
  test('a job whose answer was lost is found by the second creation, and exists once', async () => {
    played = await play('fireworks');
    const { training } = played.connected;
    played.fail([{ on: 'jobs.create', times: 1, effect: { kind: 'lose_answer' } }]);
    const request = await newRequest();
    await expect(training.createJob(request)).rejects.toMatchObject({ mayHaveExecuted: true });
    const { id } = await training.createJob(request);
    expect(await training.findJobs(request)).toMatchObject([{ id }]);
    expect(await played.ledger()).toMatchObject({ jobs: [{ id, key: request.key.slice(0, 12) }], duplicates: 0 });
  });

  test('a job that has ended says the cost that the host charges', async () => {
    played = await play('fireworks', { prices: { 'llama-3.1-8b-instruct': { training: 123.456 } } });
    const { training } = played.connected;
    const { costUsd } = await endedJob(training, (await training.createJob(await newRequest())).id);
    const { usd } = await played.ledger();
    expect(usd.training).toBeGreaterThan(0);
    expect(costUsd).toBeCloseTo(usd.training, 8);
    expect(played.violations()).toEqual([]);
  });

  test('a link to figures that the storage refuses is asked for again', async () => {
    played = await play('fireworks');
    const { training } = played.connected;
    const { id } = await training.createJob(await newRequest());
    await endedJob(training, id);
    played.fail([{ on: 'links.get', times: 1, effect: { kind: 'status', status: 400 } }]);
    expect((await training.listMetrics(id)).length).toBeGreaterThan(0);
    const links = (await played.ledger()).requests.filter(({ operation }) => operation === 'links.get');
    expect(links.map(({ status }) => status)).toEqual([400, 200]);
  });

  test('a large file goes to the storage by a signed link, and trains a model', async () => {
    played = await play('fireworks');
    const { apiKey } = played.host.options;
    const { training } = fireworksProvider(profileOf(played.provider), apiKey, { lookMs: 5, largestFormBytes: 10 });
    const folder = temporaryFolder();
    const file = join(folder.dir, 'train');
    writeFileSync(file, jsonl(labelled(24)));
    const trainingFile = await training.uploadFile('large.jsonl', file);
    folder.remove();
    const job = await training.createJob({ ...(await newRequest()), trainingFile });
    expect(await endedJob(training, job.id)).toMatchObject({ state: 'succeeded' });
    expect(played.violations()).toEqual([]);
  });

  test('fields that the host refuses are refused, and one that it passes over is taken down', async () => {
    played = await play('fireworks');
    const { trainingFile: dataset } = await newRequest();
    const create = (id: string, extra: object) =>
      fetch(`${played.host.origin}/v1/accounts/acme/supervisedFineTuningJobs?supervisedFineTuningJobId=${id}`, {
        method: 'POST',
        headers: headers(),
        body: JSON.stringify({ dataset, baseModel: played.baseModelId, learningRate: 1e-4, loraRank: 8, ...extra }),
      });
    expect((await create('a', { earlyStop: true })).status).toBe(400);
    expect((await create('a', { batchSize: 8 })).status).toBe(400);
    expect(played.violations()).toEqual([]);
    expect((await create('a', { isTurbo: true })).status).toBe(200);
    expect(played.violations()).toMatchObject([{ what: 'meaning', problems: ['isTurbo is passed over'] }]);
    expect((await create('a', {})).status).toBe(409);
  });
});

describe('serving at Fireworks, played', () => {
  let lease: LeaseRequest;
  let serving: Serving;

  /** A host with a tuned model that nobody serves yet. */
  async function playWithModel(options: Partial<HostOptions> = {}): Promise<void> {
    played = await play('fireworks', { leaseReadyMs: 20, ...options });
    const { baseModel, connected } = played;
    if (!connected.serving) throw new Error('no serving');
    serving = connected.serving;
    lease = { name: 'tl-a', models: [await tunedModel(connected.training, baseModel), baseModel], baseModel };
  }
  const ready = () =>
    until(
      () => serving.find(lease),
      (found) => found?.state === 'ready',
    );
  const ask = (place: 0 | 1, callAs: readonly string[] = []) => {
    const messages = [{ role: 'user' as const, content: 'please refund my invoice' }];
    return played.connected.inference.complete({ model: lease.models[place] ?? '', callAs: callAs[place], messages });
  };

  test('one deployment answers for a tuned model and for the base model, by hours and not by tokens', async () => {
    await playWithModel();
    const { callAs } = await serving.create(lease);
    await ready();
    for (const place of [0, 1] as const) expect((await ask(place, callAs)).text).not.toBe('');
    await serving.remove(lease);
    const { usd, openLeases } = await played.ledger();
    expect([openLeases, usd.tokens]).toEqual([0, 0]);
    expect(usd.serving).toBeGreaterThan(0);
    expect(played.violations()).toEqual([]);
  });

  test('a lease whose answers were lost exists once, with each model once', async () => {
    await playWithModel();
    played.fail([
      { on: 'leases.create', times: 1, effect: { kind: 'lose_answer' } },
      { on: 'leases.load', times: 1, effect: { kind: 'lose_answer' } },
    ]);
    await expect(serving.create(lease)).rejects.toMatchObject({ mayHaveExecuted: true });
    // It loads the model, and misses the answer to that, if the deployment is ready by then.
    await serving.create(lease).catch(() => undefined);
    await until(
      () => serving.find(lease).catch(() => undefined),
      (found) => found?.state === 'ready',
    );
    expect((await played.ledger()).leases).toHaveLength(1);
    expect(played.host.leases.get(lease.name).models).toHaveLength(2);
  });

  test('a deployment that has scaled to zero answers again after a while, and costs nothing meanwhile', async () => {
    // Its 15 idle minutes pass in 90 ms.
    await playWithModel({ clockFactor: 10_000 });
    const { callAs } = await serving.create(lease);
    await ready();
    await until(
      async () => played.host.leases.get(lease.name).state,
      (state) => state === 'asleep',
    );
    const { usd } = await played.ledger();
    expect(await serving.find(lease)).toMatchObject({ state: 'ready' });
    await expect(ask(0, callAs)).rejects.toMatchObject({ status: 503, retryable: true });
    const answer = await until(
      () => ask(0, callAs).catch(() => undefined),
      (found) => found !== undefined,
    );
    expect(answer?.text).not.toBe('');
    expect(usd.serving).toBeLessThan((await played.ledger()).usd.serving);
  });

  test('a deployment that somebody deletes by hand is gone', async () => {
    await playWithModel();
    const { callAs } = await serving.create(lease);
    await ready();
    played.host.leases.remove(lease.name);
    expect(await serving.find(lease)).toBeUndefined();
    await expect(ask(0, callAs)).rejects.toMatchObject({ status: 404 });
    expect(await serving.remove(lease)).toBeUndefined();
  });

  test('a model that cannot be loaded makes the lease fail, and the reason is told', async () => {
    await playWithModel();
    played.fail([{ on: 'leases.load', effect: { kind: 'lease_fails', message: 'the adapter is broken' } }]);
    await serving.create(lease);
    const failed = await until(
      () => serving.find(lease),
      (found) => found?.state === 'failed',
    );
    expect(failed?.failure).toBe('INTERNAL: the adapter is broken');
  });

  test('a name of a deployment that was deleted softly stays taken', async () => {
    await playWithModel();
    await serving.create(lease);
    await fetch(`${played.host.origin}/v1/accounts/acme/deployments/${lease.name}?ignoreChecks=true`, {
      method: 'DELETE',
      headers: headers(),
    });
    expect(await serving.find(lease)).toBeUndefined();
    await expect(serving.create(lease)).rejects.toMatchObject({ retryable: false });
  });
});
