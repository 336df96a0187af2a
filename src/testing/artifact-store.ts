import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import type { ArtifactStore } from '../stores/artifact-store.ts';
import { assertFails, assertHas, assertSame, errorOf } from './assertions.ts';
import { globalRunner, type TestRunner } from './runner.ts';

/** Texts that a reader by lines could take for the end of a row, or could lose. */
const ODD_TEXTS = [
  '',
  ' ',
  '\r',
  '\u2028',
  '\u2029',
  '\u0085',
  '\ufeff',
  '\0',
  '\t',
  'a\rb',
  '\ufeffa',
  '🚲',
  'é',
  '"',
];

/**
 * Declares the rules that every {@link ArtifactStore} keeps.
 *
 * @param name of the implementation, for the names of the tests
 * @param open makes an empty store
 */
export function describeArtifactStore(
  name: string,
  open: () => Promise<ArtifactStore> | ArtifactStore,
  { describe, test }: TestRunner = globalRunner(),
): void {
  describe(`artifacts in ${name}`, () => {
    test('an artifact is named by the hash of its bytes, one row a line', async () => {
      const store = await open();
      const sha256 = createHash('sha256').update('a\nbé\n\n').digest('hex');
      const ref = await store.write(['a', 'bé', '']);
      assertSame(ref, { uri: `sha256:${sha256}`, sha256, bytes: 7, rows: 3 });
      assert.equal(readFileSync(await store.file(ref), 'utf8'), 'a\nbé\n\n');
    });

    test('the same rows give the same reference in every store, and other rows give another', async () => {
      const store = await open();
      async function* slowly() {
        yield 'a';
        await Promise.resolve();
        yield 'b';
      }
      const ref = await store.write(['a', 'b']);
      assertSame(await store.write(slowly()), ref);
      assertSame(await (await open()).write(['a', 'b']), ref);
      assert.notEqual((await store.write(['b', 'a'])).sha256, ref.sha256);
    });

    test('simultaneous writers of the same rows do not disturb each other', async () => {
      const store = await open();
      const rows = Array.from({ length: 1000 }, (_, index) => `row ${index}`);
      const refs = await Promise.all(Array.from({ length: 8 }, () => store.write(rows)));
      assert.equal(new Set(refs.map(({ uri }) => uri)).size, 1);
      for (const ref of refs) assertSame(await rowsOf(store, ref), rows);
    });

    test('rows are read as they were written, with Unicode line separators and carriage returns', async () => {
      const store = await open();
      const pairs = ODD_TEXTS.flatMap((first) => ODD_TEXTS.map((second) => `${first}${second}`));
      for (const rows of [...pairs.map((row) => [row]), pairs, pairs.toReversed()]) {
        const ref = await store.write(rows);
        assert.equal(ref.rows, rows.length);
        assertSame(await rowsOf(store, ref), rows);
      }
    });

    test('a megabyte of rows is read whole and hashed whole', async () => {
      const store = await open();
      const rows = Array.from({ length: 4000 }, (_, index) => `${index} ${'🚲é'.repeat(60)}`);
      const text = rows.map((row) => `${row}\n`).join('');
      const ref = await store.write(rows);
      const sha256 = createHash('sha256').update(text).digest('hex');
      assertHas(ref, { sha256, bytes: Buffer.byteLength(text), rows: 4000 });
      assertSame(await rowsOf(store, ref), rows);
    });

    test('no rows make an empty artifact', async () => {
      const store = await open();
      const ref = await store.write([]);
      assertHas(ref, { bytes: 0, rows: 0 });
      assertSame(await rowsOf(store, ref), []);
    });

    test('the error of failing rows is passed on, and no artifact of the rows before it exists', async () => {
      const store = await open();
      async function* failing() {
        yield 'a';
        throw new Error('the log was cut off');
      }
      assert.match((await errorOf(store.write(failing()))).message, /the log was cut off/);
      await assertFails(store.file(refOf('a\n', 1)), 'ARTIFACT_CORRUPT');
    });

    test('an artifact exists once its writer has committed, and not before', async () => {
      const store = await open();
      const writer = await store.open();
      await writer.add('a');
      await assertFails(store.file(refOf('a\n', 1)), 'ARTIFACT_CORRUPT');
      const ref = await writer.commit();
      await writer.discard();
      assertSame(ref, refOf('a\n', 1));
      assertSame(await rowsOf(store, ref), ['a']);
    });

    test('a discarded writer leaves no artifact', async () => {
      const store = await open();
      const writer = await store.open();
      await writer.add('a');
      await writer.discard();
      await assertFails(store.file(refOf('a\n', 1)), 'ARTIFACT_CORRUPT');
    });

    test('several writers are open at the same time', async () => {
      const store = await open();
      const [first, second] = [await store.open(), await store.open()];
      for (const row of ['a', 'b']) {
        await first.add(row);
        await second.add(`${row}${row}`);
      }
      const refs = [await first.commit(), await second.commit()];
      assertSame(refs, [refOf('a\nb\n', 2), refOf('aa\nbb\n', 2)]);
    });

    test('a missing artifact is reported by its address before the first row', async () => {
      const store = await open();
      const ref = await (await open()).write(['a']);
      for (const read of [() => store.file(ref), () => store.rows(ref)[Symbol.asyncIterator]().next()]) {
        const error = await errorOf(read());
        assertHas(error, { code: 'ARTIFACT_CORRUPT' });
        assert.ok(error.message.includes(ref.uri), error.message);
      }
    });

    const noHashes = ['../x', '', '..', 'A'.repeat(64), 'a'.repeat(63), `${'a'.repeat(64)}\n`, `a/${'a'.repeat(62)}`];
    for (const sha256 of noHashes) {
      test(`a reference to ${JSON.stringify(sha256)} is refused, because it is not a hash`, async () => {
        const store = await open();
        const ref = { uri: `sha256:${sha256}`, sha256, bytes: 1, rows: 1 };
        await assertFails(store.file(ref), 'ARTIFACT_CORRUPT');
        await assertFails(rowsOf(store, ref), 'ARTIFACT_CORRUPT');
      });
    }
  });
}

function refOf(text: string, rows: number): ArtifactRef {
  const sha256 = createHash('sha256').update(text).digest('hex');
  return { uri: `sha256:${sha256}`, sha256, bytes: Buffer.byteLength(text), rows };
}

async function rowsOf(store: ArtifactStore, ref: ArtifactRef): Promise<string[]> {
  const rows: string[] = [];
  for await (const row of store.rows(ref)) rows.push(row);
  return rows;
}
