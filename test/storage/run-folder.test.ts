import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { fileName, runFolder, writeFileAtomically } from '../../src/storage/run-folder.ts';
import { anyText } from './any-text.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
const home = path.resolve('/home/me/.tuneloop');

const hostile = fc.oneof(
  anyText(300),
  fc
    .array(fc.constantFrom('.', '..', '/', '\\', ':', '\0', '~', 'C:', '%2e', 'a', '-', ' ', '\n', 'é', '\ud83d'), {
      maxLength: 200,
    })
    .map((parts) => parts.join('')),
);

test('F50 a file name can never leave its folder', () => {
  fc.assert(
    fc.property(hostile, (part) => {
      const name = fileName(part);
      expect(name).toMatch(/^[A-Za-z0-9_.-]{1,121}$/);
      expect(path.dirname(path.join(home, name))).toBe(home);
      expect(path.basename(path.join(home, name))).toBe(name);
    }),
    { numRuns: 1000 },
  );
});

test.each([
  ['', '_'],
  ['.', '_.'],
  ['..', '_..'],
  ['...', '_...'],
  ['../x', '.._x'],
  ['a\\b:c', 'a_b_c'],
  ['job-1.report_2', 'job-1.report_2'],
])('the part %j becomes the file name %j', (part, name) => {
  expect(fileName(part)).toBe(name);
});

test('F50 the folder of a run is inside runs, whatever the id of its workflow', () => {
  fc.assert(
    fc.property(hostile, (runId) => {
      const runs = path.join(home, 'runs');
      const inside = path.relative(runs, runFolder(home, runId));
      expect(inside).not.toBe('');
      expect(inside.split(path.sep)).not.toContain('..');
      expect(path.isAbsolute(inside)).toBe(false);
    }),
    { numRuns: 1000 },
  );
});

test('the parts of a run id are folders', () => {
  expect(runFolder(home, 'support-triage/20261101-7f3a')).toBe(
    path.join(home, 'runs', 'support-triage', '20261101-7f3a'),
  );
});

test('a file is written into folders that are made for it, for its owner only', async () => {
  const file = path.join(folder, 'runs', 'a', 'report.json');
  await writeFileAtomically(file, 'été');
  expect(readFileSync(file, 'utf8')).toBe('été');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
  expect(readdirSync(path.dirname(file))).toEqual(['report.json']);
});

test('a file that is there is replaced', async () => {
  const file = path.join(folder, 'report.md');
  await writeFileAtomically(file, 'a long first text');
  await writeFileAtomically(file, 'second');
  expect(readFileSync(file, 'utf8')).toBe('second');
});

test('a write that fails leaves what was there', async () => {
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
