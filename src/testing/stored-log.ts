import assert from 'node:assert/strict';
import type { StoredCompletion, StoredLog } from '../providers/stored-log.ts';
import { assertHas, assertSame, providerErrorOf } from './assertions.ts';
import { globalRunner, type TestRunner } from './runner.ts';

/** A provider whose kept completions a suite may read. */
export interface StoredLogSubject {
  storedLog: StoredLog;
  /** Asks a model and lets the provider keep the answer. @returns the id of the completion */
  store(prompt: string, metadata: Record<string, string>): Promise<string>;
  close(): Promise<void>;
}

/** More than a page holds. */
const MANY = 120;

/**
 * Declares the rules that every implementation of the port for stored completions keeps.
 *
 * @param name of the implementation, for the names of the tests
 * @param open connects to a provider that keeps no completions yet; called once
 */
export function describeStoredLog(
  name: string,
  open: () => Promise<StoredLogSubject>,
  { describe, test, beforeAll, afterAll }: TestRunner = globalRunner(),
): void {
  describe(`stored completions at ${name}`, () => {
    const { signal } = new AbortController();
    const ids: string[] = [];
    let subject: StoredLogSubject;
    beforeAll(async () => {
      subject = await open();
      for (let index = 0; index < MANY; index += 1) {
        ids.push(await subject.store(`where is parcel ${index}?`, { customer: `c${index % 2}` }));
      }
    });
    afterAll(() => subject.close());

    const readFrom = async (start: string | undefined): Promise<StoredCompletion[]> => {
      const read: StoredCompletion[] = [];
      for (let after = start; ; after = read.at(-1)?.id) {
        const page = await subject.storedLog.listCompletions({ after, signal });
        read.push(...page.completions);
        if (!page.more) return read;
      }
    };

    test('pages hold every completion once, the oldest first', async () => {
      const read = await readFrom(undefined);
      assertSame(
        read.map(({ id }) => id),
        ids,
      );
      const times = read.map(({ createdAt }) => createdAt);
      assertSame(
        times,
        times.toSorted((a, b) => a - b),
      );
    });

    test('a reading goes on behind a completion', async () => {
      assertSame(
        (await readFrom(ids.at(-3))).map(({ id }) => id),
        ids.slice(-2),
      );
      assertSame(await readFrom(ids.at(-1)), []);
    });

    test('a completion has its answer, its model, its usage and its metadata', async () => {
      const { completions } = await subject.storedLog.listCompletions({ after: undefined, signal });
      const { completion, model, metadata, usage } = completions[1] ?? assert.fail('the page has less than 2');
      assertSame([typeof completion, typeof model, metadata], ['string', 'string', { customer: 'c1' }]);
      assert.ok(usage !== null && usage.promptTokens > 0, `${usage?.promptTokens} tokens of the prompt`);
    });

    test('a filter leaves out nothing that fits', async () => {
      const query = { after: undefined, metadata: { customer: 'c1' }, signal };
      const { completions } = await subject.storedLog.listCompletions(query);
      // A server may not know the filter.
      const fitting = completions.filter(({ metadata }) => metadata.customer === 'c1').map(({ id }) => id);
      assertSame(fitting, ids.filter((_, index) => index % 2 === 1).slice(0, fitting.length));
      assert.ok(fitting.length > 0, 'the page has none that fits');
    });

    test('the messages of a completion are what was asked, without the answer', async () => {
      const messages = await subject.storedLog.listMessages(ids[7] ?? '', signal);
      assert.equal(messages.length, 1);
      assertHas(Object(messages[0]), { role: 'user', content: 'where is parcel 7?' });
    });

    test('a reading behind a completion that is gone is an error with status 400 or 404', async () => {
      const { status } = await providerErrorOf(readFrom('chatcmpl-gone'));
      assert.ok(status === 400 || status === 404, `status ${status}`);
    });
  });
}
