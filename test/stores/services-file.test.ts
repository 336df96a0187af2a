import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  isAlive,
  pidsOf,
  readLeftovers,
  readServices,
  removeServices,
  type Services,
  writeServices,
} from '../../src/stores/services-file.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'tuneloop-test-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** The id of a process that has ended. */
function deadPid(): number {
  const { pid } = spawnSync(process.execPath, ['--version']);
  return pid;
}

const record = (changes: Partial<Services> = {}): Services => ({
  owner: process.pid,
  kept: false,
  temporal: { address: '127.0.0.1:7233', ui: 'http://127.0.0.1:8233', pid: 11 },
  trainer: { url: 'http://127.0.0.1:8484/v1', pid: 12 },
  worker: { pid: 13 },
  ...changes,
});

test('a record is read as it was written, and is gone when removed', () => {
  writeServices(home, record());
  expect(readServices(home)).toEqual(record());
  removeServices(home);
  expect(readServices(home)).toBeUndefined();
  removeServices(home);
});

test('a record whose owner is dead does not count, and names the leftovers', () => {
  const left = record({ owner: deadPid() });
  writeServices(home, left);
  expect(readServices(home)).toBeUndefined();
  expect(readLeftovers(home)).toEqual(left);
});

test('a record whose owner lives names no leftovers', () => {
  writeServices(home, record());
  expect(readLeftovers(home)).toBeUndefined();
});

test('kept services outlive their owner', () => {
  const kept = record({ owner: deadPid(), kept: true });
  writeServices(home, kept);
  expect(readServices(home)).toEqual(kept);
  expect(readLeftovers(home)).toBeUndefined();
});

test.each(['', '{"owner": 1', 'null', '[]', '17', '"text"'])('a record that says %j is no record', (text) => {
  writeFileSync(path.join(home, 'services.json'), text);
  expect(readServices(home)).toBeUndefined();
  expect(readLeftovers(home)?.temporal).toBeUndefined();
});

test('a home that does not exist has no record, and gets one', () => {
  const nested = path.join(home, 'a', 'b');
  expect(readServices(nested)).toBeUndefined();
  expect(readLeftovers(nested)).toBeUndefined();
  writeServices(nested, record());
  expect(readServices(nested)).toEqual(record());
});

test('a record replaces the one before at once, is readable by its user alone, and leaves no half-written file', () => {
  writeServices(home, record());
  writeServices(home, record({ kept: true }));
  expect(readServices(home)?.kept).toBe(true);
  expect(readdirSync(home).filter((name) => name !== '.gitignore')).toEqual(['services.json']);
  expect(statSync(path.join(home, 'services.json')).mode & 0o777).toBe(0o600);
});

test('the home folder stays out of the repository around it', () => {
  writeServices(home, record());
  expect(readFileSync(path.join(home, '.gitignore'), 'utf8')).toBe('*\n');
});

test('an existing .gitignore is left alone', () => {
  writeFileSync(path.join(home, '.gitignore'), 'node_modules\n');
  writeServices(home, record());
  expect(readFileSync(path.join(home, '.gitignore'), 'utf8')).toBe('node_modules\n');
});

test('process ids are in the order in which services are stopped: those that need others first', () => {
  expect(pidsOf(record())).toEqual([13, 12, 11]);
  expect(pidsOf({ owner: 1, kept: false })).toEqual([]);
});

test('a process lives until it has ended; one of another user lives too', () => {
  expect(isAlive(process.pid)).toBe(true);
  expect(isAlive(1)).toBe(true);
  expect(isAlive(deadPid())).toBe(false);
});

test.each([0, -1, Number.NaN])(
  '%p is the id of no process, because a signal to it would reach a whole group',
  (pid) => {
    expect(isAlive(pid)).toBe(false);
  },
);
