import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import type { ArtifactRef } from '../../src/core/run/artifact-ref.ts';
import type { ArtifactStore } from '../../src/stores/artifact-store.ts';
import { wellFormedText } from '../stores/any-text.ts';

/**
 * Declares the tests that every {@link ArtifactStore} passes.
 *
 * @param kind names the implementation in the test names.
 * @param open makes an empty store.
 */
export function describeArtifactStore(kind: string, open: () => Promise<ArtifactStore> | ArtifactStore): void {
  describe(`artifacts in ${kind}`, () => {
    test('an artifact is named by the hash of its bytes, one row a line', async () => {
      const store = await open();
      const sha256 = createHash('sha256').update('a\nbé\n\n').digest('hex');
      const ref = await store.write(['a', 'bé', '']);
      expect(ref).toEqual({ uri: `sha256:${sha256}`, sha256, bytes: 7, rows: 3 });
      expect(readFileSync(await store.file(ref), 'utf8')).toBe('a\nbé\n\n');
    });

    test('the same rows give the same reference in every store, and other rows give another', async () => {
      const store = await open();
      async function* slowly() {
        yield 'a';
        await Promise.resolve();
        yield 'b';
      }
      const ref = await store.write(['a', 'b']);
      expect(await store.write(slowly())).toEqual(ref);
      expect(await (await open()).write(['a', 'b'])).toEqual(ref);
      expect((await store.write(['b', 'a'])).sha256).not.toBe(ref.sha256);
    });

    test('simultaneous writers of the same rows do not disturb each other', async () => {
      const store = await open();
      const rows = Array.from({ length: 1000 }, (_, index) => `row ${index}`);
      const refs = await Promise.all(Array.from({ length: 8 }, () => store.write(rows)));
      expect(new Set(refs.map(({ uri }) => uri)).size).toBe(1);
      for (const ref of refs) expect(await rowsOf(store, ref)).toEqual(rows);
    });

    test('rows are read as they were written, with Unicode line separators and carriage returns', async () => {
      const store = await open();
      const row = fc
        .array(fc.oneof(wellFormedText(), fc.constantFrom('\u2028', '\u2029', '\u0085', '\r', '\ufeff', '')))
        .map((parts) => parts.join('').replaceAll('\n', ''));
      await fc.assert(
        fc.asyncProperty(fc.array(row, { maxLength: 20 }), async (rows) => {
          const ref = await store.write(rows);
          expect(ref.rows).toBe(rows.length);
          expect(await rowsOf(store, ref)).toEqual(rows);
        }),
        { numRuns: 50 },
      );
    });

    test('a megabyte of rows is read whole and hashed whole', async () => {
      const store = await open();
      const rows = Array.from({ length: 4000 }, (_, index) => `${index} ${'🚲é'.repeat(60)}`);
      const text = rows.map((row) => `${row}\n`).join('');
      const ref = await store.write(rows);
      const sha256 = createHash('sha256').update(text).digest('hex');
      expect(ref).toMatchObject({ sha256, bytes: Buffer.byteLength(text), rows: 4000 });
      expect(await rowsOf(store, ref)).toEqual(rows);
    });

    test('no rows make an empty artifact', async () => {
      const store = await open();
      const ref = await store.write([]);
      expect(ref).toMatchObject({ bytes: 0, rows: 0 });
      expect(await rowsOf(store, ref)).toEqual([]);
    });

    test('the error of failing rows is passed on, and no artifact of the rows before it exists', async () => {
      const store = await open();
      async function* failing() {
        yield 'a';
        throw new Error('the log was cut off');
      }
      await expect(store.write(failing())).rejects.toThrow('the log was cut off');
      await expect(store.file(refOf('a\n', 1))).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
    });

    test('an artifact exists once its writer has committed, and not before', async () => {
      const store = await open();
      const writer = await store.open();
      await writer.add('a');
      await expect(store.file(refOf('a\n', 1))).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
      const ref = await writer.commit();
      await writer.discard();
      expect(ref).toEqual(refOf('a\n', 1));
      expect(await rowsOf(store, ref)).toEqual(['a']);
    });

    test('a discarded writer leaves no artifact', async () => {
      const store = await open();
      const writer = await store.open();
      await writer.add('a');
      await writer.discard();
      await expect(store.file(refOf('a\n', 1))).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
    });

    test('several writers are open at the same time', async () => {
      const store = await open();
      const [first, second] = [await store.open(), await store.open()];
      for (const row of ['a', 'b']) {
        await first.add(row);
        await second.add(`${row}${row}`);
      }
      const refs = [await first.commit(), await second.commit()];
      expect(refs).toEqual([refOf('a\nb\n', 2), refOf('aa\nbb\n', 2)]);
    });

    test('a missing artifact is reported by its address before the first row', async () => {
      const store = await open();
      const ref = await (await open()).write(['a']);
      const refusal = { code: 'ARTIFACT_CORRUPT', message: expect.stringContaining(ref.uri) };
      await expect(store.file(ref)).rejects.toMatchObject(refusal);
      await expect(store.rows(ref)[Symbol.asyncIterator]().next()).rejects.toMatchObject(refusal);
    });

    test.each(['../x', '', '..', 'A'.repeat(64), 'a'.repeat(63), `${'a'.repeat(64)}\n`, `a/${'a'.repeat(62)}`])(
      'a reference to %j is refused, because it is not a hash',
      async (sha256) => {
        const store = await open();
        const ref = { uri: `sha256:${sha256}`, sha256, bytes: 1, rows: 1 };
        await expect(store.file(ref)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
        await expect(rowsOf(store, ref)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
      },
    );
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
