import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { findFiles, nameOf } from '../../src/sources/files.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';

const logs = path.join(temporaryFolder(), 'logs');
mkdirSync(path.join(logs, 'folder.jsonl'), { recursive: true });
mkdirSync(path.join(logs, 'deep'));
for (const name of ['b.jsonl', 'a.jsonl', 'c.txt', 'C.jsonl', '[1].jsonl', 'deep/d.jsonl', 'deep/a.jsonl']) {
  writeFileSync(path.join(logs, name), '');
}

describe('finding files', () => {
  test('a path names its file', async () => {
    expect(await findFiles(path.join(logs, 'c.txt'))).toEqual([path.join(logs, 'c.txt')]);
  });

  test('a glob names files, not folders, in the order of their names', async () => {
    expect(await findFiles(path.join(logs, '*.jsonl'))).toEqual(
      ['C.jsonl', '[1].jsonl', 'a.jsonl', 'b.jsonl'].map((name) => path.join(logs, name)),
    );
  });

  test('a glob may span folders', async () => {
    expect(await findFiles(path.join(logs, '**', '{b,d}.jsonl'))).toEqual([
      path.join(logs, 'b.jsonl'),
      path.join(logs, 'deep', 'd.jsonl'),
    ]);
  });

  test('a file whose name looks like a glob is that file', async () => {
    expect(await findFiles(path.join(logs, '[1].jsonl'))).toEqual([path.join(logs, '[1].jsonl')]);
  });

  test.each(['missing.jsonl', 'missing-*.jsonl', 'deep', 'folder.json*'])('%s names no file', async (pattern) => {
    await expect(findFiles(path.join(logs, pattern))).rejects.toMatchObject({
      code: 'SOURCE_NOT_FOUND',
      message: `${path.join(logs, pattern)}: there is no such file`,
    });
  });
});

test('a found file is named by the part that distinguishes it from the others of its glob', () => {
  const name = (file: string, ...pattern: string[]) => nameOf(path.join(logs, file), path.join(logs, ...pattern));
  expect(name('a.jsonl', 'a.jsonl')).toBe('a.jsonl');
  expect(name('a.jsonl', '*.jsonl')).toBe('a.jsonl');
  expect(name('[1].jsonl', '[1].jsonl')).toBe('[1].jsonl');
  expect(name('deep/a.jsonl', '**', '*.jsonl')).toBe(path.join('deep', 'a.jsonl'));
  expect(name('deep/a.jsonl', 'd*', 'a.jsonl')).toBe(path.join('deep', 'a.jsonl'));
  expect(name('deep/a.jsonl', 'deep', '*.jsonl')).toBe('a.jsonl');
});
