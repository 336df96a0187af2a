import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockFolder } from '../../../packages/app/src/shared/folder-lock.ts';
import { temporaryFolder } from '../../stores/temporary-folder.ts';

const folder = temporaryFolder();
const lock = join(folder, 'lock');

test('a second user of a folder is refused with the process id and the folder', () => {
  const unlock = lockFolder(folder);
  expect(() => lockFolder(folder)).toThrow(expect.objectContaining({ code: 'LOCKED' }));
  expect(() => lockFolder(folder)).toThrow(new RegExp(`${folder} .*${process.pid}`));
  unlock();
  lockFolder(folder)();
});

test.each([
  ['of a process that is gone', '999999999 1'],
  ['of an earlier process with the same id', `${process.pid} 1`],
  ['without content', ''],
])('a lock %s is taken over', (_case, content) => {
  writeFileSync(lock, content);
  const unlock = lockFolder(folder);
  expect(readFileSync(lock, 'utf8')).toMatch(new RegExp(`^${process.pid} `));
  unlock();
});
