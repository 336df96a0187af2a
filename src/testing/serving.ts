import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { LeaseRequest } from '../core/run/lease.ts';
import type { Inference } from '../providers/inference.ts';
import { ProviderError } from '../providers/provider-error.ts';
import type { Lease, ListedLease, Serving } from '../providers/serving.ts';
import { assertHas, assertSame, providerErrorOf } from './assertions.ts';
import { globalRunner, type TestRunner } from './runner.ts';

/** A provider that a suite may take leases at. */
export interface ServingSubject {
  serving: Serving;
  /** Asks the leased models. */
  inference: Inference;
  baseModel: string;
  /** Two models that were tuned from the base model. */
  models: readonly [string, string];
  /** False for a provider whose leases carry no name of ours: there the rules about names are left out. */
  keepsNames: boolean;
  close(): Promise<void>;
}

const LOOK_MS = 50;
/** A lease has to change within this time. */
const LONGEST_MS = 30_000;

/**
 * Declares the rules that every implementation of the serving port keeps.
 *
 * @param name of the implementation, for the names of the tests
 * @param open connects to a provider without leases, before each test
 */
export function describeServing(
  name: string,
  open: () => Promise<ServingSubject>,
  { describe, test, beforeEach, afterEach }: TestRunner = globalRunner(),
): void {
  describe(`serving at ${name}`, () => {
    let subject: ServingSubject;
    beforeEach(async () => {
      subject = await open();
    });
    afterEach(() => subject.close());

    const request = (lease: string, model: 0 | 1 = 0): LeaseRequest => ({
      name: `conformance-${lease}`,
      models: [subject.models[model]],
      baseModel: subject.baseModel,
    });
    const ready = (wanted: LeaseRequest): Promise<Lease> =>
      until(`${wanted.name} is ready`, async () => {
        const lease = await subject.serving.find(wanted);
        assert.notEqual(lease?.state, 'failed', `${lease?.failure}`);
        return lease?.state === 'ready' ? lease : undefined;
      });
    /** Removes a lease. A provider may refuse that for a while after the creation, and take a while for it. */
    const removed = async (wanted: LeaseRequest): Promise<void> => {
      await until(`the removal of ${wanted.name} is accepted`, async () => {
        try {
          await subject.serving.remove(wanted);
          return true;
        } catch (error) {
          if (error instanceof ProviderError && error.retryable) return undefined;
          throw error;
        }
      });
      await until(`${wanted.name} is gone`, async () => ((await subject.serving.find(wanted)) ? undefined : true));
    };
    const names = (leases: readonly ListedLease[]) => leases.map((lease) => lease.name).toSorted();

    test('a lease that was never created is not found', async () => {
      assert.equal(await subject.serving.find(request('a')), undefined);
    });

    test('a created lease is found, and is called as was said at its creation', async () => {
      const wanted = request('a');
      const created = await subject.serving.create(wanted);
      assert.notEqual(created.state, 'failed');
      assert.equal(created.callAs.length, wanted.models.length);
      const found = await subject.serving.find(wanted);
      assertSame(found?.callAs, created.callAs);
      await removed(wanted);
    });

    test('a lease gets ready, and then its model answers', async () => {
      const wanted = request('a');
      await subject.serving.create(wanted);
      const lease = await ready(wanted);
      assertHas(lease, { failure: null });
      for (const [place, model] of wanted.models.entries()) {
        const messages = [{ role: 'user' as const, content: 'my parcel is late' }];
        const answer = await subject.inference.complete({ model, callAs: lease.callAs[place], messages });
        assert.notEqual(answer.text, '');
      }
      await removed(wanted);
    });

    test('a second creation of a lease takes the first one over', async () => {
      const wanted = request('a');
      const first = await subject.serving.create(wanted);
      const second = await subject.serving.create(wanted);
      assertSame(second.callAs, first.callAs);
      if (subject.keepsNames) assertSame(names(await subject.serving.list(wanted.name)), [wanted.name]);
      await ready(wanted);
      const third = await subject.serving.create(wanted);
      assertHas(third, { state: 'ready', callAs: first.callAs });
      // One removal is enough, so there is no second one behind it.
      await removed(wanted);
    });

    test('two leases do not touch each other', async () => {
      const [one, other] = [request('a', 0), request('b', 1)];
      await subject.serving.create(one);
      await subject.serving.create(other);
      await removed(one);
      assert.notEqual(await subject.serving.find(other), undefined);
      await removed(other);
    });

    test('leases are listed by the beginning of their name, and no others', async () => {
      if (!subject.keepsNames) return;
      const [one, other] = [request('a-1', 0), request('b-1', 1)];
      await subject.serving.create(one);
      await subject.serving.create(other);
      assertSame(names(await subject.serving.list('conformance-')), [one.name, other.name]);
      const listed = await subject.serving.list('conformance-a');
      assertSame(names(listed), [one.name]);
      for (const { models } of listed) if (models.length > 0) assertSame(models, one.models);
      assertSame(await subject.serving.list('another-'), []);
      await removed(one);
      assertSame(names(await subject.serving.list('conformance-')), [other.name]);
      await removed(other);
    });

    test('a listed lease can be removed by what the list says', async () => {
      const wanted = request('a');
      await subject.serving.create(wanted);
      await ready(wanted);
      const [listed] = await subject.serving.list(subject.keepsNames ? wanted.name : '');
      if (!listed) assert.fail('the lease is not listed');
      await removed({ ...listed, baseModel: subject.baseModel });
      assert.equal(await subject.serving.find(wanted), undefined);
    });

    test('the removal of a lease that is gone, or never was, is no error', async () => {
      const wanted = request('a');
      assert.equal(await subject.serving.remove(wanted), undefined);
      await subject.serving.create(wanted);
      await removed(wanted);
      assert.equal(await subject.serving.remove(wanted), undefined);
    });

    test('a removed lease can be created again', async () => {
      const wanted = request('a');
      await subject.serving.create(wanted);
      await removed(wanted);
      await until('the lease can be created again', async () => {
        try {
          return await subject.serving.create(wanted);
        } catch (error) {
          if (error instanceof ProviderError && error.retryable) return undefined;
          throw error;
        }
      });
      await ready(wanted);
      await removed(wanted);
    });

    test('a lease for a model that does not exist is refused, or fails', async () => {
      const wanted = { ...request('a'), models: [`${subject.models[0]}-none`] };
      const created = await subject.serving.create(wanted).catch((error: unknown) => error);
      if (created instanceof Error) {
        assertHas(await providerErrorOf(Promise.reject(created)), { retryable: false, mayHaveExecuted: false });
        return;
      }
      await until('the lease has failed', async () => {
        const lease = await subject.serving.find(wanted);
        assert.notEqual(lease?.state, 'ready');
        return lease?.state === 'failed' && lease.failure !== null ? true : undefined;
      });
      await removed(wanted);
    });
  });
}

/** The first result that is not undefined. */
async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + LONGEST_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    assert.ok(performance.now() < deadline, `it never came true that ${what}`);
    await delay(LOOK_MS);
  }
}
