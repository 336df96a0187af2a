import { execFile } from 'node:child_process';
import {
  appendFileSync,
  createWriteStream,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGzip, gzipSync } from 'node:zlib';
import type { Cursor } from '../../src/core/run/snapshot.ts';
import { openSource } from '../../src/sources/open-source.ts';
import { call, openFilesIn, readAll } from '../conformance/sources.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';

const root = temporaryFolder();
const dependencies = {
  provider: () => {
    throw new Error('files need no provider');
  },
};

/** The lines of calls. */
const lines = (...numbers: number[]) => numbers.map((number) => `${JSON.stringify(call(number))}\n`).join('');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(root, 'logs-'));
});
const at = (name: string) => path.join(folder, name);
const read = async (pattern: string, since: Cursor | null = null) => {
  const { anew, rows, cursor } = await readAll({ type: 'jsonl', path: at(pattern) }, dependencies, since);
  return { anew, ids: rows.map(({ id }) => Number(id.replace('call-', ''))), rows, cursor };
};

describe('several files', () => {
  test('several files are read in the order of their names, each with lines of its own', async () => {
    writeFileSync(at('b.jsonl'), lines(2, 3));
    writeFileSync(at('a.jsonl'), lines(0, 1));
    const { rows } = await read('*.jsonl');
    expect(rows.map(({ id, file, line }) => `${file}:${line} ${id}`)).toEqual([
      'a.jsonl:1 call-0',
      'a.jsonl:2 call-1',
      'b.jsonl:1 call-2',
      'b.jsonl:2 call-3',
    ]);
  });

  test('files may grow and become more: only new rows are read', async () => {
    writeFileSync(at('a.jsonl'), lines(0));
    writeFileSync(at('c.jsonl'), lines(1));
    const before = await read('*.jsonl');
    appendFileSync(at('a.jsonl'), lines(2));
    writeFileSync(at('b.jsonl'), lines(3));
    expect(await read('*.jsonl', before.cursor)).toMatchObject({ anew: false, ids: [2, 3] });
  });

  test.each<[string, () => void]>([
    ['whose first bytes have changed', () => writeFileSync(at('a.jsonl'), lines(5, 1, 2))],
    ['that is shorter', () => truncateSync(at('a.jsonl'), 20)],
    [
      'that another one took the place of',
      () => {
        renameSync(at('a.jsonl'), at('a.jsonl.1'));
        writeFileSync(at('a.jsonl'), lines(7));
      },
    ],
  ])('files with one %s are read anew', async (_case, change) => {
    writeFileSync(at('a.jsonl'), lines(0, 1));
    writeFileSync(at('b.jsonl'), lines(2));
    const before = await read('*.jsonl');
    change();
    const after = await read('*.jsonl', before.cursor);
    expect(after.anew).toBe(true);
    expect(after.ids).toContain(2);
    // From there reading continues as usual.
    appendFileSync(at('b.jsonl'), lines(9));
    expect(await read('*.jsonl', after.cursor)).toMatchObject({ anew: false, ids: [9] });
  });
});

describe('a file that was read', () => {
  test('the rows of a removed file stay known, and the file is recognised when it comes back', async () => {
    writeFileSync(at('a.jsonl'), lines(0, 1));
    writeFileSync(at('b.jsonl'), lines(2));
    const before = await read('*.jsonl');
    renameSync(at('a.jsonl'), at('elsewhere'));
    const without = await read('*.jsonl', before.cursor);
    expect(without).toMatchObject({ anew: false, ids: [] });
    renameSync(at('elsewhere'), at('a.jsonl'));
    appendFileSync(at('a.jsonl'), lines(3));
    expect(await read('*.jsonl', without.cursor)).toMatchObject({ anew: false, ids: [3] });
  });

  test('a file is the same under another name, so that rotating it repeats and loses nothing', async () => {
    writeFileSync(at('log.jsonl'), lines(0, 1));
    const before = await read('*.jsonl');
    appendFileSync(at('log.jsonl'), lines(2));
    renameSync(at('log.jsonl'), at('log-1.jsonl'));
    writeFileSync(at('log.jsonl'), lines(3));
    const after = await read('*.jsonl', before.cursor);
    expect(after).toMatchObject({ anew: false, ids: [2, 3] });
    expect(await read('*.jsonl', after.cursor)).toMatchObject({ anew: false, ids: [] });
  });
});

test('a file that grows while it is read is read up to its earlier end', async () => {
  writeFileSync(at('a.jsonl'), lines(...Array.from({ length: 5000 }, (_, number) => number)));
  const reading = await openSource({ type: 'jsonl', path: at('a.jsonl') }, dependencies).read(
    null,
    new AbortController().signal,
  );
  let seen = 0;
  for await (const _ of reading.items) {
    seen += 1;
    if (seen === 1) appendFileSync(at('a.jsonl'), lines(7777));
  }
  expect(seen).toBe(5000);
  expect(await read('a.jsonl', reading.cursor())).toMatchObject({ anew: false, ids: [7777] });
});

test('a cursor holds positions and hashes, and nothing of the rows', async () => {
  writeFileSync(at('a.jsonl'), lines(0, 1));
  const { cursor } = await read('a.jsonl');
  expect(cursor).toEqual({
    type: 'jsonl',
    choice: expect.stringMatching(/^[0-9a-f]{64}$/),
    rows: {
      type: 'files',
      files: {
        [at('a.jsonl')]: {
          bytes: statSync(at('a.jsonl')).size,
          sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
          records: 2,
          open: false,
        },
      },
    },
    actuals: null,
  });
});

test('an unreadable cursor counts as another configuration', async () => {
  writeFileSync(at('a.jsonl'), lines(0));
  expect(await read('a.jsonl', { type: 'something else' })).toMatchObject({ anew: true, ids: [0] });
});

describe('packed files', () => {
  test('packed files are unpacked, in several members too, and may grow by another one', async () => {
    writeFileSync(at('a.jsonl.gz'), Buffer.concat([gzipSync(lines(0, 1)), gzipSync(lines(2))]));
    const before = await read('*.gz');
    expect(before.ids).toEqual([0, 1, 2]);
    expect(await read('*.gz', before.cursor)).toMatchObject({ anew: false, ids: [] });
    appendFileSync(at('a.jsonl.gz'), gzipSync(lines(3)));
    expect(await read('*.gz', before.cursor)).toMatchObject({ anew: false, ids: [3] });
  });

  test.each<[string, () => Buffer, RegExp]>([
    [
      'that were cut off',
      () => gzipSync(lines(0, 1)).subarray(0, -12),
      /^a\.jsonl\.gz ends in the middle of its packed data/,
    ],
    [
      'that are not packed',
      () => Buffer.from(lines(0)),
      /^a\.jsonl\.gz is not packed with gzip or zstd, or was damaged$/,
    ],
  ])('gzip files %s are named', async (_case, bytes, message) => {
    writeFileSync(at('a.jsonl.gz'), bytes());
    await expect(read('a.jsonl.gz')).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringMatching(message),
    });
    expect(openFilesIn(folder)).toBe(0);
  });
});

test('a packed file is closed when reading ends early', async () => {
  writeFileSync(at('a.jsonl.gz'), gzipSync(lines(...Array.from({ length: 50_000 }, (_, number) => number))));
  const { items } = await openSource({ type: 'jsonl', path: at('a.jsonl.gz') }, dependencies).read(
    null,
    new AbortController().signal,
  );
  for await (const _ of items) break;
  while (openFilesIn(folder) > 0) await new Promise((resolve) => setImmediate(resolve));
});

test('an unreadable file is named, when its beginning is compared too', async () => {
  writeFileSync(at('a.jsonl'), lines(0));
  const { cursor } = await read('a.jsonl');
  const abort = new AbortController();
  const source = openSource({ type: 'jsonl', path: at('a.jsonl') }, dependencies);
  const reading = await source.read(null, abort.signal);
  rmSync(at('a.jsonl'));
  await expect(Array.fromAsync(reading.items)).rejects.toMatchObject({
    code: 'SOURCE_UNREADABLE',
    message: 'a.jsonl cannot be read (ENOENT)',
  });
  writeFileSync(at('a.jsonl'), lines(0));
  abort.abort(new Error('enough'));
  await expect(source.read(cursor, abort.signal)).rejects.toThrow('enough');
});

describe('memory stays flat', () => {
  const run = promisify(execFile);
  const measure = async (file: string): Promise<{ rows: number; kibibytes: number }> =>
    JSON.parse((await run(process.execPath, [path.join(import.meta.dirname, '../setup/read-log.ts'), file])).stdout);

  /** 200,000 rows of 1 kB, which pack to next to nothing; written many at a time, because each chunk costs a task of its own. */
  const write = (name: string, header: string, row: (number: number) => string) => {
    function* rows() {
      yield header;
      for (let start = 0; start < 200_000; start += 1000) {
        yield Array.from({ length: 1000 }, (_, index) => row(start + index)).join('');
      }
    }
    return pipeline(Readable.from(rows()), createGzip({ level: 1 }), createWriteStream(at(name)));
  };
  const text = 'x'.repeat(1000);

  test.each<[string, string, (number: number) => string]>([
    ['a.jsonl.gz', '', (number) => `{"id":"${number}","prompt":"${text}","completion":"a"}\n`],
    ['a.csv.gz', 'id,prompt,completion\n', (number) => `${number},"${text}",a\n`],
  ])('memory stays flat over 200,000 rows of %s, 200 MB unpacked', async (name, header, row) => {
    await write(name, header, row);
    const { rows, kibibytes } = await measure(at(name));
    expect(rows).toBe(200_000);
    // Node itself and the sources take some 110 MiB.
    expect(kibibytes / 1024).toBeLessThan(220);
  });

  test('F42 memory stays flat over one line of 200 MB', async () => {
    await write('a.jsonl.gz', '{"prompt":"', () => text);
    const { rows, kibibytes } = await measure(at('a.jsonl.gz'));
    expect(rows).toBe(0);
    expect(kibibytes / 1024).toBeLessThan(220);
  });
});
