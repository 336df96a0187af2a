import assert from 'node:assert/strict';
import type { RecordStore } from '../stores/records.ts';
import { assertFails, assertSame } from './assertions.ts';
import { globalRunner, type TestRunner } from './runner.ts';

/**
 * Declares the rules that every {@link RecordStore} keeps.
 *
 * @param name of the implementation, for the names of the tests
 * @param open makes an empty store
 */
export function describeRecordStore(
  name: string,
  open: () => Promise<RecordStore> | RecordStore,
  { describe, test }: TestRunner = globalRunner(),
): void {
  describe(`records in ${name}`, () => {
    test('an empty store has no names, numbers or records', async () => {
      const records = await open();
      assertSame(await records.names(), []);
      assertSame(await records.numbers('support'), []);
      assert.equal(await records.read('support', 1), null);
    });

    test('a record is read as it was written', async () => {
      const records = await open();
      const text = `${JSON.stringify({ note: 'zwölf\u2028🚲\n' })}\n`;
      assert.equal(await records.append('support', 7, text), true);
      assert.equal(await records.read('support', 7), text);
      assert.equal(await records.read('support', 6), null);
    });

    test('the first record of a number is never replaced', async () => {
      const records = await open();
      await records.append('support', 1, 'first');
      assert.equal(await records.append('support', 1, 'second'), false);
      assert.equal(await records.read('support', 1), 'first');
      assertSame(await records.numbers('support'), [1]);
    });

    test('a late record with a lower number replaces nothing and does not become the newest', async () => {
      const records = await open();
      await records.append('support', 12, 'newest');
      assert.equal(await records.append('support', 11, 'late'), true);
      assertSame(await records.numbers('support'), [11, 12]);
      assert.equal(await records.read('support', 12), 'newest');
    });

    test('exactly one of many simultaneous writers of a number succeeds', async () => {
      const records = await open();
      const texts = Array.from({ length: 20 }, (_, index) => `writer ${index} ${'x'.repeat(index * 1000)}`);
      const appended = await Promise.all(texts.map((text) => records.append('support', 1, text)));
      assert.equal(appended.filter(Boolean).length, 1);
      assert.equal(await records.read('support', 1), texts[appended.indexOf(true)]);
      assertSame(await records.numbers('support'), [1]);
    });

    test('numbers are in numeric order, across lengths and with gaps', async () => {
      const records = await open();
      const numbers = [1_000_000, 2, 999_999, 0, 999_999_999_999_999, 10];
      for (const number of numbers) assert.equal(await records.append('support', number, String(number)), true);
      assertSame(
        await records.numbers('support'),
        numbers.toSorted((a, b) => a - b),
      );
      for (const number of numbers) assert.equal(await records.read('support', number), String(number));
    });

    for (const number of [-1, 0.5, Number.NaN, 1e15]) {
      test(`the number ${number} is refused`, async () => {
        const records = await open();
        await assertFails(records.append('support', number, 'text'), 'USAGE');
        assertSame(await records.numbers('support'), []);
      });
    }

    test('series do not see the records of one another', async () => {
      const records = await open();
      await records.append('b', 1, 'of b');
      await records.append('a', 2, 'of a');
      assertSame(await records.names(), ['a', 'b']);
      assertSame(await records.numbers('a'), [2]);
      assert.equal(await records.read('a', 1), null);
    });

    for (const hostile of ['..', '.', '../../x', '/etc', 'a/b', 'a\0b', '']) {
      test(`the name ${JSON.stringify(hostile)} cannot leave the store`, async () => {
        const records = await open();
        await records.append('support', 1, 'kept');
        await records.append(hostile, 1, 'hostile');
        assert.equal(await records.read('support', 1), 'kept');
        assert.equal(await records.read(hostile, 1), 'hostile');
        assert.equal((await records.names()).length, 2);
      });
    }
  });
}
