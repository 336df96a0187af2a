import type { RecordStore } from '../../src/stores/records.ts';

/**
 * Declares the tests that every {@link RecordStore} passes.
 *
 * @param kind names the implementation in the test names.
 * @param open makes an empty store.
 */
export function describeRecordStore(kind: string, open: () => Promise<RecordStore> | RecordStore): void {
  describe(`records in ${kind}`, () => {
    test('an empty store has no names, numbers or records', async () => {
      const records = await open();
      expect(await records.names()).toEqual([]);
      expect(await records.numbers('support')).toEqual([]);
      expect(await records.read('support', 1)).toBeNull();
    });

    test('a record is read as it was written', async () => {
      const records = await open();
      const text = `${JSON.stringify({ note: 'zwölf\u2028🚲\n' })}\n`;
      expect(await records.append('support', 7, text)).toBe(true);
      expect(await records.read('support', 7)).toBe(text);
      expect(await records.read('support', 6)).toBeNull();
    });

    test('the first record of a number is never replaced', async () => {
      const records = await open();
      await records.append('support', 1, 'first');
      expect(await records.append('support', 1, 'second')).toBe(false);
      expect(await records.read('support', 1)).toBe('first');
      expect(await records.numbers('support')).toEqual([1]);
    });

    test('a late record with a lower number replaces nothing and does not become the newest', async () => {
      const records = await open();
      await records.append('support', 12, 'newest');
      expect(await records.append('support', 11, 'late')).toBe(true);
      expect(await records.numbers('support')).toEqual([11, 12]);
      expect(await records.read('support', 12)).toBe('newest');
    });

    test('exactly one of many simultaneous writers of a number succeeds', async () => {
      const records = await open();
      const texts = Array.from({ length: 20 }, (_, index) => `writer ${index} ${'x'.repeat(index * 1000)}`);
      const appended = await Promise.all(texts.map((text) => records.append('support', 1, text)));
      expect(appended.filter(Boolean)).toHaveLength(1);
      expect(await records.read('support', 1)).toBe(texts[appended.indexOf(true)]);
      expect(await records.numbers('support')).toEqual([1]);
    });

    test('numbers are in numeric order, across lengths and with gaps', async () => {
      const records = await open();
      const numbers = [1_000_000, 2, 999_999, 0, 999_999_999_999_999, 10];
      for (const number of numbers) expect(await records.append('support', number, String(number))).toBe(true);
      expect(await records.numbers('support')).toEqual(numbers.toSorted((a, b) => a - b));
      for (const number of numbers) expect(await records.read('support', number)).toBe(String(number));
    });

    test.each([-1, 0.5, Number.NaN, 1e15])('the number %d is refused', async (number) => {
      const records = await open();
      await expect(records.append('support', number, 'text')).rejects.toMatchObject({ code: 'USAGE' });
      expect(await records.numbers('support')).toEqual([]);
    });

    test('series do not see the records of one another', async () => {
      const records = await open();
      await records.append('b', 1, 'of b');
      await records.append('a', 2, 'of a');
      expect(await records.names()).toEqual(['a', 'b']);
      expect(await records.numbers('a')).toEqual([2]);
      expect(await records.read('a', 1)).toBeNull();
    });

    test.each(['..', '.', '../../x', '/etc', 'a/b', 'a\0b', ''])('the name %j cannot leave the store', async (name) => {
      const records = await open();
      await records.append('support', 1, 'kept');
      await records.append(name, 1, 'hostile');
      expect(await records.read('support', 1)).toBe('kept');
      expect(await records.read(name, 1)).toBe('hostile');
      expect(await records.names()).toHaveLength(2);
    });
  });
}
