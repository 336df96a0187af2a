import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import fc from 'fast-check';
import type { ArtifactRef } from '../../src/core/run/artifact-ref.ts';
import { DatasetVersions } from '../../src/stores/dataset-versions.ts';
import { temporaryFolder } from './temporary-folder.ts';

const root = temporaryFolder();
const newHome = () => mkdtempSync(path.join(root, 'home-'));

function manifest(digit = 'a'): ArtifactRef {
  const sha256 = digit.repeat(64);
  return { uri: `sha256:${sha256}`, sha256, bytes: 10, rows: 1 };
}

const MODULE = path.join(import.meta.dirname, '../../src/stores/dataset-versions.ts');

/** A process that appends `versions` versions to `support`, and prints the number of each once it is there. */
function appender(home: string, versions: number): ChildProcess {
  const script = `
    import { DatasetVersions } from ${JSON.stringify(MODULE)};
    const versions = new DatasetVersions(${JSON.stringify(home)});
    for (let made = 0; made < ${versions}; ) {
      const previous = (await versions.latest('support'))?.number ?? 0;
      try {
        const { number } = await versions.append('support', previous, ${JSON.stringify(manifest())});
        made += 1;
        console.log(number);
      } catch (error) {
        if (error.code !== 'DATASET_CHANGED') throw error;
      }
    }`;
  return spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function numbersOf({ stdout }: ChildProcess): Promise<number[]> {
  const numbers: number[] = [];
  if (stdout) for await (const line of createInterface(stdout)) numbers.push(Number(line));
  return numbers;
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

test('versions are numbered from 1, and read as they were appended', async () => {
  const versions = new DatasetVersions(newHome());
  expect(await versions.latest('support')).toBeNull();
  const first = await versions.append('support', 0, manifest('1'));
  const second = await versions.append('support', 1, manifest('2'));
  expect(first).toEqual({
    pipeline: 'support',
    number: 1,
    manifest: manifest('1'),
    createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  });
  expect(await versions.list('support')).toEqual([first, second]);
  expect(await versions.latest('support')).toEqual(second);
});

test('versions of all pipelines are listed by name and number', async () => {
  const versions = new DatasetVersions(newHome());
  await versions.append('b', 0, manifest());
  for (const previous of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) await versions.append('a', previous, manifest());
  expect((await versions.list()).map(({ pipeline, number }) => `${pipeline}@${number}`)).toEqual([
    ...upTo(10).map((number) => `a@${number}`),
    'b@1',
  ]);
  expect(await versions.list('c')).toEqual([]);
});

test('there is no version before the first', async () => {
  const home = newHome();
  expect(await new DatasetVersions(home).list()).toEqual([]);
  expect(existsSync(path.join(home, 'datasets'))).toBe(false);
});

test.each([
  ['that is there', 1],
  ['that would leave a gap', 3],
])('a number %s is not appended', async (_name, previous) => {
  const versions = new DatasetVersions(newHome());
  const two = [await versions.append('support', 0, manifest()), await versions.append('support', 1, manifest())];
  await expect(versions.append('support', previous, manifest('b'))).rejects.toThrow(
    expect.objectContaining({ code: 'DATASET_CHANGED' }),
  );
  expect(await versions.list('support')).toEqual(two);
});

test('exactly one of many simultaneous appends succeeds, and nothing else is left', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 2, max: 30 }), async (count) => {
      const home = newHome();
      const versions = new DatasetVersions(home);
      const results = await Promise.allSettled(
        Array.from({ length: count }, (_, index) => versions.append('support', 0, manifest((index % 10).toString()))),
      );
      const [made, ...others] = results.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
      expect(others).toEqual([]);
      for (const each of results) {
        if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'DATASET_CHANGED' });
      }
      expect(await versions.list()).toEqual([made]);
      expect(readdirSync(path.join(home, 'datasets', 'support'))).toEqual(['000001.json']);
    }),
    { numRuns: 10 },
  );
});

test('processes that append at the same time make every number exactly once', async () => {
  const home = newHome();
  const children = Array.from({ length: 4 }, () => appender(home, 25));
  const numbers = (await Promise.all(children.map(numbersOf))).flat();
  expect(numbers.toSorted((a, b) => a - b)).toEqual(upTo(100));
  const versions = await new DatasetVersions(home).list('support');
  expect(versions.map(({ number }) => number)).toEqual(upTo(100));
});

test('a killed writer leaves its versions whole, and others continue', async () => {
  const home = newHome();
  for (let kills = 1; kills <= 5; kills += 1) {
    const child = appender(home, 1000);
    if (!child.stdout) throw new Error('no output');
    const lines = createInterface(child.stdout);
    const exit = once(child, 'exit');
    let last = 0;
    let seen = 0;
    for await (const line of lines) {
      last = Number(line);
      seen += 1;
      if (seen === kills * 7) child.kill('SIGKILL');
    }
    await exit;
    const versions = await new DatasetVersions(home).list('support');
    expect(versions.length).toBeGreaterThanOrEqual(last);
    expect(versions.map(({ number }) => number)).toEqual(upTo(versions.length));
  }
});

test('a file that is no version is ignored', async () => {
  const home = newHome();
  const versions = new DatasetVersions(home);
  const version = await versions.append('support', 0, manifest());
  const folder = path.join(home, 'datasets', 'support');
  for (const name of ['000002.json.writing-1', '000002', '2.json', 'x000002.json', '000002.json~', '.000002.json']) {
    writeFileSync(path.join(folder, name), '{"half');
  }
  writeFileSync(path.join(home, 'datasets', 'notes'), 'text');
  mkdirSync(path.join(home, 'datasets', 'Not A Pipeline'));
  expect(await versions.list()).toEqual([version]);
  expect((await versions.append('support', 1, manifest())).number).toBe(2);
});

test.each([
  ['no JSON', '{"half'],
  ['no version', '{}'],
  [
    'of another number',
    JSON.stringify({ pipeline: 'support', number: 2, manifest: manifest(), createdAt: '2026-01-01T00:00:00Z' }),
  ],
  [
    'of another pipeline',
    JSON.stringify({ pipeline: 'other', number: 1, manifest: manifest(), createdAt: '2026-01-01T00:00:00Z' }),
  ],
  [
    'without a hash',
    JSON.stringify({
      pipeline: 'support',
      number: 1,
      manifest: { ...manifest(), sha256: '../x' },
      createdAt: '2026-01-01T00:00:00Z',
    }),
  ],
])('a file that is %s is refused by name', async (_name, text) => {
  const home = newHome();
  const versions = new DatasetVersions(home);
  await versions.append('support', 0, manifest());
  const file = path.join(home, 'datasets', 'support', '000001.json');
  writeFileSync(file, text);
  const refusal = expect.objectContaining({ code: 'ARTIFACT_CORRUPT', message: expect.stringContaining(file) });
  await expect(versions.latest('support')).rejects.toThrow(refusal);
  await expect(versions.list()).rejects.toThrow(refusal);
});

test('a pipeline cannot name a path', async () => {
  const home = newHome();
  const versions = new DatasetVersions(home);
  const hostile = fc.oneof(
    fc.constantFrom('', '.', '..', '../x', '/etc', 'a/b', 'a\\b', 'a\0', 'a\n', '-a', 'A', 'a'.repeat(64)),
    fc.string().filter((name) => !/^[a-z0-9][a-z0-9-]*$/.test(name)),
  );
  const refusal = expect.objectContaining({ code: 'USAGE' });
  await fc.assert(
    fc.asyncProperty(hostile, async (name) => {
      await expect(versions.append(name, 0, manifest())).rejects.toThrow(refusal);
      await expect(versions.latest(name)).rejects.toThrow(refusal);
      await expect(versions.list(name)).rejects.toThrow(refusal);
    }),
  );
  expect(readdirSync(home)).toEqual([]);
});

test('versions are readable by their owner only', async () => {
  const home = newHome();
  await new DatasetVersions(home).append('support', 0, manifest());
  const folder = path.join(home, 'datasets', 'support');
  const file = path.join(folder, '000001.json');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(readFileSync(file, 'utf8')).toMatch(/^\{.*\}\n$/);
});
