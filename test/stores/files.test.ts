import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { writeFileAtomically } from '../../src/stores/files.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();

test('a file is written into folders that are made for it, for its owner only', async () => {
  const file = path.join(folder, 'runs', 'a', 'report.json');
  await writeFileAtomically(file, 'été');
  expect(readFileSync(file, 'utf8')).toBe('été');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
  expect(readdirSync(path.dirname(file))).toEqual(['report.json']);
});

test('an existing file is replaced', async () => {
  const file = path.join(folder, 'report.md');
  await writeFileAtomically(file, 'a long first text');
  await writeFileAtomically(file, 'second');
  expect(readFileSync(file, 'utf8')).toBe('second');
});

test('a failed write leaves the old file', async () => {
  const parent = path.join(folder, 'not-a-folder');
  writeFileSync(parent, 'kept');
  await expect(writeFileAtomically(path.join(parent, 'report.md'), 'text')).rejects.toThrow();
  expect(readFileSync(parent, 'utf8')).toBe('kept');
  const taken = path.join(folder, 'taken');
  mkdirSync(path.join(taken, 'inner'), { recursive: true });
  await expect(writeFileAtomically(taken, 'text')).rejects.toThrow();
  expect(readdirSync(taken)).toEqual(['inner']);
});

test('two writers of one file leave one whole file, and a failed one leaves nothing', async () => {
  const file = path.join(folder, 'two-writers', 'report.md');
  await Promise.all([writeFileAtomically(file, 'a'), writeFileAtomically(file, 'b')]);
  expect(['a', 'b']).toContain(readFileSync(file, 'utf8'));
  const target = path.dirname(file);
  await expect(writeFileAtomically(target, 'x')).rejects.toThrow();
  expect(readdirSync(target)).toEqual(['report.md']);
  expect(
    readdirSync(path.dirname(target)).filter((name) => name.startsWith(`${path.basename(target)}.writing-`)),
  ).toEqual([]);
});
