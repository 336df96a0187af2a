import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Journal } from '../../../src/activities/support/journal.ts';
import { isRecord, type StoredLine } from '../../../src/contract/stored/format.ts';
import { temporaryFolder } from '../../stores/temporary-folder.ts';

interface Entry {
  id: string;
  text: string;
}

const ENTRY: StoredLine<Entry> = {
  name: 'an answer',
  is: (value): value is Entry => isRecord(value) && typeof value.id === 'string' && typeof value.text === 'string',
};

const folder = temporaryFolder();
const open = (file: string) => Journal.open(file, ENTRY, ({ id }) => id);

test('a journal that is opened again has the entries that were added, the last one of an id', async () => {
  const file = path.join(folder, 'made', 'journal.jsonl');
  const journal = await open(file);
  await Promise.all(['a', 'b', 'a'].map((id, index) => journal.add({ id, text: `é\u2028${index}` })));
  expect([...(await open(file)).entries.values()]).toEqual([
    { id: 'a', text: 'é\u20282' },
    { id: 'b', text: 'é\u20281' },
  ]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('a last line that was cut off is dropped, and the next entry does not join it', async () => {
  const file = path.join(folder, 'cut-off.jsonl');
  const line = Buffer.from('{"id":"a","text":"é"}\n');
  for (let left = 0; left < line.length; left += 1) {
    writeFileSync(file, Buffer.concat([line, line.subarray(0, left)]));
    const journal = await open(file);
    await journal.add({ id: 'b', text: 'next' });
    expect(readFileSync(file, 'utf8')).toBe(`${line}{"id":"b","text":"next"}\n`);
  }
});

test('a whole line that is no entry is an error, because somebody has paid for what it was', async () => {
  const file = path.join(folder, 'broken.jsonl');
  writeFileSync(file, '{"id":"a"}\n{"id":"b","text":"whole"}\n');
  await expect(open(file)).rejects.toThrow(expect.objectContaining({ code: 'STORED_FORMAT' }));
});

test('a journal that cannot be read is an error, and not an empty journal', async () => {
  const file = path.join(folder, 'folder.jsonl');
  mkdirSync(file);
  await expect(open(file)).rejects.toMatchObject({ code: 'EISDIR' });
});

test('after a write that failed no entry is written into the middle of a line', async () => {
  const file = path.join(folder, 'later.jsonl');
  const journal = await open(file);
  mkdirSync(file);
  await expect(journal.add({ id: 'a', text: '' })).rejects.toMatchObject({ code: 'EISDIR' });
  await expect(journal.add({ id: 'b', text: '' })).rejects.toMatchObject({ code: 'EISDIR' });
});
