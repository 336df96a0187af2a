import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Environment, readEnvironment } from '../../src/config/environment.ts';
import { findServerProgram, isOlderThanTested, provideServerProgram } from '../../src/local/server-program.ts';
import { SERVER_VERSION } from '../../src/local/server-program-pin.ts';
import type { Way } from '../../src/local/server-program-ways.ts';

let folder: string;
let said: string[];
const say = (message: string) => said.push(message);

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tuneloop-program-'));
  said = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A script in place of the program. */
function program(file: string, server: string): string {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\necho 'temporal version 1.2.3 (Server ${server}, UI 2.0.0)'\n`);
  chmodSync(file, 0o755);
  return file;
}

const cacheFolder = () => path.join(folder, 'tuneloop');
const cached = () => path.join(cacheFolder(), 'temporal');

function environment(changes: Partial<Environment> = {}): Environment {
  return { ...readEnvironment({ XDG_CACHE_HOME: folder }), ...changes };
}

function bringing(server: string, name = 'a good way', pinned = true): Way {
  return { name, pinned, get: async (request) => program(path.join(request.folder, 'temporal'), server) };
}

function failing(reason: string, name = 'a bad way', pinned = true): Way {
  return {
    name,
    pinned,
    get: async (request) => {
      program(path.join(request.folder, 'temporal'), SERVER_VERSION);
      throw new Error(reason);
    },
  };
}

test('TEMPORAL_CLI comes before PATH, and PATH before the cache folder', async () => {
  const own = program(path.join(folder, 'own', 'temporal'), SERVER_VERSION);
  const onPath = program(path.join(folder, 'bin', 'temporal'), SERVER_VERSION);
  program(cached(), SERVER_VERSION);
  const searchPath = [path.dirname(onPath)];
  expect(await findServerProgram(environment({ temporalCli: own, searchPath }))).toMatchObject({ file: own });
  expect(await findServerProgram(environment({ searchPath }))).toMatchObject({ file: onPath, cached: false });
  expect(await findServerProgram(environment())).toMatchObject({ file: cached(), cached: true });
});

test('a TEMPORAL_CLI that does not run is refused, and not passed over', async () => {
  const temporalCli = path.join(folder, 'none');
  program(cached(), SERVER_VERSION);
  await expect(findServerProgram(environment({ temporalCli }))).rejects.toMatchObject({ code: 'ENVIRONMENT_INVALID' });
});

test.each([
  ['1.29.1', true],
  ['1.9.0', true],
  [SERVER_VERSION, false],
  ['1.100.0', false],
  ['2.0.0', false],
  [undefined, false],
])('server %s is older than the tested one: %s', (version, older) => {
  expect(isOlderThanTested(version)).toBe(older);
});

test('a failed way is named with its reason before the next way begins', async () => {
  const ways = [failing('no route'), bringing(SERVER_VERSION)];
  expect(await provideServerProgram(environment(), say, undefined, ways)).toBe(cached());
  expect(said[0]).toBe('No a bad way: no route');
  expect(readdirSync(cacheFolder())).toEqual(['temporal']);
});

test('the last error names every way and why it failed', async () => {
  const ways = [failing('no route', 'the first'), failing('no Go', 'the second', false)];
  await expect(provideServerProgram(environment(), say, undefined, ways)).rejects.toMatchObject({
    code: 'TEMPORAL_UNAVAILABLE_HERE',
    message: expect.stringMatching(/the first: no route; the second: no Go/),
  });
  expect(readdirSync(cacheFolder())).toEqual([]);
});

test('a file that does not run as the program is never kept', async () => {
  const broken: Way = {
    name: 'a way',
    pinned: true,
    get: async (request) => {
      const file = path.join(request.folder, 'temporal');
      writeFileSync(file, 'half of it', { mode: 0o755 });
      return file;
    },
  };
  await expect(provideServerProgram(environment(), say, undefined, [broken])).rejects.toThrow(/does not run/);
  expect(existsSync(cached())).toBe(false);
});

test('an older program in the cache folder is replaced', async () => {
  program(cached(), '1.29.1');
  expect(await provideServerProgram(environment(), say, undefined, [bringing(SERVER_VERSION)])).toBe(cached());
  expect(readFileSync(cached(), 'utf8')).toContain(SERVER_VERSION);
});

test('an older program is used where it cannot be replaced, with a message, and the replacement is tried again after a day', async () => {
  program(cached(), '1.29.1');
  let tries = 0;
  const bad: Way = {
    name: 'a way',
    pinned: true,
    get: async () => {
      tries += 1;
      throw new Error('no route');
    },
  };
  const unpinned = bringing('1.29.1', 'a build', false);
  for (let start = 0; start < 2; start += 1) {
    expect(await provideServerProgram(environment(), say, undefined, [bad, unpinned])).toBe(cached());
    expect(said.at(-1)).toMatch(/Using version 1\.29\.1 .* could not be replaced/);
  }
  expect(tries).toBe(1);

  const marker = path.join(cacheFolder(), 'replacement-failed');
  const yesterday = Date.now() / 1000 - 25 * 60 * 60;
  utimesSync(marker, yesterday, yesterday);
  await provideServerProgram(environment(), say, undefined, [bad]);
  expect(tries).toBe(2);

  utimesSync(marker, yesterday, yesterday);
  await provideServerProgram(environment(), say, undefined, [bringing(SERVER_VERSION)]);
  expect(readFileSync(cached(), 'utf8')).toContain(SERVER_VERSION);
  expect(existsSync(marker)).toBe(false);
});

test("the user's own older program stays, with one line about its version", async () => {
  const temporalCli = program(path.join(folder, 'own', 'temporal'), '1.29.1');
  const ways = [bringing(SERVER_VERSION)];
  expect(await provideServerProgram(environment({ temporalCli }), say, undefined, ways)).toBe(temporalCli);
  expect(said).toEqual([expect.stringMatching(/1\.29\.1, older than/)]);
});

test('an abort ends the search with its reason and leaves nothing behind', async () => {
  const stop = new AbortController();
  const waiting: Way = {
    name: 'a way',
    pinned: true,
    get: async (request) => {
      program(path.join(request.folder, 'temporal'), SERVER_VERSION);
      stop.abort(new Error('stopped'));
      throw new Error('the child was ended');
    },
  };
  const ways = [waiting, bringing(SERVER_VERSION)];
  await expect(provideServerProgram(environment(), say, stop.signal, ways)).rejects.toThrow('stopped');
  expect(readdirSync(cacheFolder())).toEqual([]);
});
