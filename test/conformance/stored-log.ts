import { ProviderError } from '../../src/providers/provider-error.ts';
import type { StoredCompletion, StoredLog } from '../../src/providers/stored-log.ts';

/** A provider whose kept completions a suite may read. */
export interface StoredLogSubject {
  storedLog: StoredLog;
  /** Asks a model and lets the provider keep the answer. @returns the id of the completion */
  store(prompt: string, metadata: Record<string, string>): Promise<string>;
  close(): Promise<void>;
}

/** More than a page holds. */
const MANY = 120;

/** Declares the rules that every implementation of the port for stored completions keeps. @param name of the implementation */
export function describeStoredLog(name: string, open: () => Promise<StoredLogSubject>): void {
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
      expect(read.map(({ id }) => id)).toEqual(ids);
      const times = read.map(({ createdAt }) => createdAt);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    });

    test('a reading goes on behind a completion', async () => {
      expect((await readFrom(ids.at(-3))).map(({ id }) => id)).toEqual(ids.slice(-2));
      expect(await readFrom(ids.at(-1))).toEqual([]);
    });

    test('a completion has its answer, its model, its usage and its metadata', async () => {
      const { completions } = await subject.storedLog.listCompletions({ after: undefined, signal });
      expect(completions[1]).toMatchObject({
        completion: expect.any(String),
        model: expect.any(String),
        metadata: { customer: 'c1' },
      });
      expect(completions[1]?.usage?.promptTokens).toBeGreaterThan(0);
    });

    test('a filter leaves out nothing that fits', async () => {
      const query = { after: undefined, metadata: { customer: 'c1' }, signal };
      const { completions } = await subject.storedLog.listCompletions(query);
      // A server may not know the filter.
      const fitting = completions.filter(({ metadata }) => metadata.customer === 'c1').map(({ id }) => id);
      expect(fitting).toEqual(ids.filter((_, index) => index % 2 === 1).slice(0, fitting.length));
      expect(fitting.length).toBeGreaterThan(0);
    });

    test('the messages of a completion are what was asked, without the answer', async () => {
      expect(await subject.storedLog.listMessages(ids[7] ?? '', signal)).toEqual([
        expect.objectContaining({ role: 'user', content: 'where is parcel 7?' }),
      ]);
    });

    test('a reading behind a completion that is gone is an error with status 400 or 404', async () => {
      const error = await readFrom('chatcmpl-gone').then(
        () => undefined,
        (failure: unknown) => failure,
      );
      expect(error).toBeInstanceOf(ProviderError);
      expect([400, 404]).toContain(error instanceof ProviderError ? error.status : undefined);
    });
  });
}
