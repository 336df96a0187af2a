import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import type { ArtifactRef } from '../../src/core/run/artifact-ref.ts';
import { writeJson } from '../../src/stores/artifact-store.ts';
import { FileStore } from '../../src/stores/file-store.ts';
import { describeArtifactStore } from '../../src/testing/artifact-store.ts';
import { readJson, readJsonRows } from '../setup/read-artifact.ts';
import { wellFormedText } from './any-text.ts';
import { temporaryFolder } from './temporary-folder.ts';

const root = temporaryFolder();

function newStore(): { store: FileStore; folder: string } {
  const folder = path.join(mkdtempSync(path.join(root, 'store-')), 'artifacts');
  return { store: new FileStore(folder), folder };
}

async function rowsOf(store: FileStore, ref: ArtifactRef): Promise<string[]> {
  const rows: string[] = [];
  for await (const row of store.rows(ref)) rows.push(row);
  return rows;
}

function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
}

describeArtifactStore('files', () => newStore().store);

test('any rows are read as they were written', async () => {
  const { store } = newStore();
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

test('the same rows are kept in one file', async () => {
  const { store, folder } = newStore();
  async function* slowly() {
    yield 'a';
    await Promise.resolve();
    yield 'b';
  }
  const ref = await store.write(['a', 'b']);
  expect(await store.write(slowly())).toEqual(ref);
  expect(filesIn(folder)).toEqual([ref.sha256]);
  expect(await store.file(ref)).toBe(path.join(folder, ref.sha256.slice(0, 2), ref.sha256));
});

test('writers of the same rows at the same time do not disturb each other', async () => {
  const { store, folder } = newStore();
  const rows = Array.from({ length: 1000 }, (_, index) => `row ${index}`);
  const refs = await Promise.all(Array.from({ length: 8 }, () => store.write(rows)));
  expect(new Set(refs.map(({ uri }) => uri)).size).toBe(1);
  for (const ref of refs) expect(await rowsOf(store, ref)).toEqual(rows);
  expect(filesIn(folder)).toHaveLength(1);
});

test.each([
  ['at the first row', 0],
  ['after some rows', 10],
  ['after more than a write buffer', 5000],
])('rows that fail %s leave no file, and their error is passed on', async (_when, count) => {
  const { store, folder } = newStore();
  async function* failing() {
    for (let index = 0; index < count; index += 1) yield `row ${index} ${'x'.repeat(100)}`;
    throw new Error('the log was cut off');
  }
  await expect(store.write(failing())).rejects.toThrow('the log was cut off');
  expect(filesIn(folder)).toEqual([]);
});

test('an unfinished artifact cannot be seen under its final name', async () => {
  const { store, folder } = newStore();
  const seen: string[][] = [];
  async function* watching() {
    yield 'a'.repeat(1 << 19);
    seen.push(filesIn(folder));
    yield 'b';
  }
  const ref = await store.write(watching());
  expect(seen).toEqual([[expect.stringMatching(/^\.writing-/)]]);
  expect(filesIn(folder)).toEqual([ref.sha256]);
});

test('artifacts and their folders are readable by their owner only', async () => {
  const { store, folder } = newStore();
  const file = await store.file(await store.write(['secret']));
  expect(statSync(file).mode & 0o777).toBe(0o600);
  for (const each of [folder, path.dirname(file)]) expect(statSync(each).mode & 0o777).toBe(0o700);
});

describe('F40 damage to a stored artifact', () => {
  const damage: [what: string, change: (file: string) => void][] = [
    ['one flipped bit', (file) => writeFileSync(file, flipBit(readFileSync(file), 1234))],
    ['one changed byte', (file) => writeFileSync(file, readFileSync(file, 'utf8').replace('row 499', 'row 498'))],
    ['a byte more', (file) => writeFileSync(file, '\n', { flag: 'a' })],
    ['a cut end', (file) => writeFileSync(file, readFileSync(file).subarray(0, -1))],
    ['a missing file', (file) => rmSync(file)],
  ];
  test.each(damage)('F40 %s is found before the first row', async (_what, change) => {
    const { store } = newStore();
    const ref = await store.write(Array.from({ length: 500 }, (_, index) => `row ${index}`));
    change(await store.file(ref));
    const first = store.rows(ref)[Symbol.asyncIterator]().next();
    await expect(first).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT', message: expect.stringContaining(ref.uri) });
    await expect(store.file(ref)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
  });

  test('F40 a bit flip or a truncation anywhere is found', async () => {
    const { store } = newStore();
    const ref = await store.write(Array.from({ length: 50 }, (_, index) => `row ${index}`));
    const file = await store.file(ref);
    const whole = readFileSync(file);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: ref.bytes * 8 - 1 }), fc.boolean(), async (bit, cut) => {
        writeFileSync(file, cut ? whole.subarray(0, bit >> 3) : flipBit(whole, bit));
        await expect(store.file(ref)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
      }),
      { numRuns: 100 },
    );
    writeFileSync(file, whole);
    expect(await store.file(ref)).toBe(file);
  });

  test('a missing artifact says what client and workers have to share', async () => {
    const ref = await newStore().store.write(['a']);
    await expect(newStore().store.file(ref)).rejects.toThrow(/share one TUNELOOP_HOME/);
  });

  test.each([
    '../x',
    '',
    '..',
    `../${'a'.repeat(64)}`,
    `${'a'.repeat(64)}/../../x`,
    'A'.repeat(64),
    'a'.repeat(63),
    `${'a'.repeat(64)}\n`,
    `a/${'a'.repeat(62)}`,
    `${'a'.repeat(63)}\0`,
    'a'.repeat(300),
    `/${'a'.repeat(63)}`,
  ])('F50 a reference to %j is refused, so none can name a path', async (sha256) => {
    const { store, folder } = newStore();
    await store.write(['a']);
    writeFileSync(path.join(folder, '..', 'x'), 'not an artifact');
    const ref = { uri: `sha256:${sha256}`, sha256, bytes: 1, rows: 1 };
    await expect(store.file(ref)).rejects.toMatchObject({
      code: 'ARTIFACT_CORRUPT',
      message: expect.stringContaining('is not a SHA-256 hash'),
    });
    await expect(rowsOf(store, ref)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
  });

  test('F50 a reference never leads outside of the store', async () => {
    const { store, folder } = newStore();
    await store.write(['a']);
    writeFileSync(path.join(folder, '..', 'outside'), 'outside\n');
    const part = fc.constantFrom('..', '/', '\\', '\0', '.', '%2e%2e', '~', 'outside', 'aa', 'a'.repeat(64), '\n', 'é');
    const hostile = fc.oneof(
      fc.array(part, { maxLength: 8 }).map((parts) => parts.join('')),
      fc.string({ maxLength: 300 }),
      fc.string({ unit: fc.constantFrom('a', 'F', '0'), minLength: 60, maxLength: 300 }),
    );
    await fc.assert(
      fc.asyncProperty(hostile, async (sha256) => {
        const ref = { uri: `sha256:${sha256}`, sha256, bytes: 1, rows: 1 };
        await expect(store.file(ref)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
      }),
      { numRuns: 500 },
    );
    expect(readdirSync(path.dirname(folder)).toSorted()).toEqual(['artifacts', 'outside']);
  });

  test('F50 a link in place of an artifact is refused, even to the right bytes, and is replaced when they are written', async () => {
    const { store, folder } = newStore();
    const text = 'outside\n';
    const outside = path.join(folder, '..', 'outside');
    mkdirSync(folder, { recursive: true });
    writeFileSync(outside, text);
    const sha256 = createHash('sha256').update(text).digest('hex');
    const link = path.join(folder, sha256.slice(0, 2), sha256);
    mkdirSync(path.dirname(link));
    symlinkSync(outside, link);
    const ref = { uri: `sha256:${sha256}`, sha256, bytes: text.length, rows: 1 };
    await expect(store.file(ref)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
    expect(await store.write(['outside'])).toEqual(ref);
    writeFileSync(outside, 'changed\n');
    expect(readFileSync(await store.file(ref), 'utf8')).toBe(text);
  });
});

function flipBit(bytes: Buffer, bit: number): Buffer {
  const flipped = Buffer.from(bytes);
  flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  return flipped;
}

describe('JSON', () => {
  test('one JSON value comes back as it was stored', async () => {
    const { store } = newStore();
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const ref = await writeJson(store, value);
        expect(ref.rows).toBe(1);
        expect(JSON.stringify(await readJson(store, ref))).toBe(JSON.stringify(value));
      }),
      { numRuns: 30 },
    );
  });

  test('JSON rows come back in their order', async () => {
    const { store } = newStore();
    const values = [{ input: 'two\nlines\u2028' }, { input: '\ud83d' }, { input: '' }];
    const ref = await store.write(values.map((value) => JSON.stringify(value)));
    expect(await readJsonRows(store, ref)).toEqual(values);
  });

  test('an artifact without rows holds no JSON value', async () => {
    const { store } = newStore();
    const ref = await store.write([]);
    await expect(readJson(store, ref)).rejects.toThrow(`${ref.uri} is empty`);
    expect(await readJsonRows(store, ref)).toEqual([]);
  });
});
