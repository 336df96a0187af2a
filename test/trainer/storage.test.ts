import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockFolder, RecordWriter } from '../../src/trainer/storage.ts';
import { temporaryFolder } from './sample-data.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());
const lock = join(folder.dir, 'lock');

test('a second user of a folder is refused with the process id and the folder', () => {
  const unlock = lockFolder(folder.dir);
  expect(() => lockFolder(folder.dir)).toThrow(expect.objectContaining({ code: 'LOCKED' }));
  expect(() => lockFolder(folder.dir)).toThrow(new RegExp(`${folder.dir} .*${process.pid}`));
  unlock();
  lockFolder(folder.dir)();
});

test.each([
  ['of a process that is gone', '999999999 1'],
  ['of an earlier process with the same id', `${process.pid} 1`],
  ['without content', ''],
])('a lock %s is taken over', (_case, content) => {
  writeFileSync(lock, content);
  const unlock = lockFolder(folder.dir);
  expect(readFileSync(lock, 'utf8')).toMatch(new RegExp(`^${process.pid} `));
  unlock();
});

test('of many writes to one record the last one stays, readable by its owner only', async () => {
  const writer = new RecordWriter();
  const path = join(folder.dir, 'record.json');
  await Promise.all(Array.from({ length: 20 }, (_, number) => writer.write(path, { number })));
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ number: 19 });
  expect(statSync(path).mode & 0o777).toBe(0o600);
});
