import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readEnvironment } from '../../../src/config/environment.ts';
import { type InstallRequest, installEngine } from '../../../src/local/engine/install.ts';
import { findPython } from '../../../src/local/engine/python.ts';
import { removeEngine } from '../../../src/local/engine/remove.ts';
import { readStatus } from '../../../src/local/engine/status.ts';
import { provideUv } from '../../../src/local/engine/uv.ts';
import { type EnvironmentKind, needSpace } from '../../../src/local/engine/work.ts';
import { until } from '../../setup/cli.ts';
import { writeWheel } from '../../setup/wheel.ts';

const { searchPath } = readEnvironment();
const say = () => {};
let tools: string;
/** Why no environment can be made here; undefined where one can. */
let missing: string | undefined;
let folder: string;
let engineDir: string;
let kind: EnvironmentKind;

beforeAll(async () => {
  tools = mkdtempSync(path.join(tmpdir(), 'tuneloop-uv-'));
  try {
    await findPython({ searchPath });
    await provideUv({ engineDir: tools, searchPath, say });
  } catch (error) {
    missing = error instanceof Error ? error.message : `${error}`;
    console.warn(`skipped, because no Python environment can be made here: ${missing}`);
  }
});
afterAll(() => rmSync(tools, { recursive: true, force: true }));

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tuneloop-engine-'));
  engineDir = path.join(folder, 'engine');
  const wheels = path.join(folder, 'wheels');
  mkdirSync(wheels);
  // It refuses to load where it sees a secret.
  const module = 'import os\nassert "OPENAI_API_KEY" not in os.environ, "a secret was passed on"\n';
  const lock = path.join(folder, 'tiny.lock');
  writeFileSync(lock, writeWheel(wheels, 'tiny', '1.0', module) + writeWheel(wheels, 'huge', '1.0', ''));
  kind = {
    lock,
    modules: ['tiny'],
    without: ['huge'],
    size: { disk: 1e6, download: 1e6 },
    install: ['--no-index', '--find-links', wheels],
  };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A test that is not run where no environment can be made. */
function rule(title: string, work: () => Promise<void>): void {
  test(title, async () => {
    if (missing === undefined) await work();
  });
}

function install(changes: Partial<InstallRequest> = {}) {
  const own = { engineDir, searchPath: [...searchPath, tools], say, device: 'cpu' as const, trainer: kind };
  return installEngine({ ...own, ...changes });
}

const site = () => {
  const lib = path.join(engineDir, 'trainer', 'lib');
  return path.join(lib, readdirSync(lib)[0] ?? '', 'site-packages');
};

rule('an installation holds the locked packages but those left out, and its marker comes last', async () => {
  const said: string[] = [];
  const installed = await install({ say: (message) => said.push(message) });
  expect(installed).toMatchObject({ format: 1, device: 'cpu', vllm: false });
  expect(readdirSync(site())).toContain('tiny.py');
  expect(readdirSync(site())).not.toContain('huge.py');
  expect(JSON.parse(readFileSync(path.join(engineDir, 'installed.json'), 'utf8'))).toEqual(installed);
  expect(readdirSync(engineDir).toSorted()).toEqual(['installed.json', 'trainer']);
  expect(said.at(-1)).toContain('is installed');
});

rule('an engine that is there is not made again', async () => {
  const first = await install();
  expect(await install()).toEqual(first);
});

rule('secrets of the environment are not passed on to Python', async () => {
  process.env.OPENAI_API_KEY = 'sk-secret';
  try {
    await install();
  } finally {
    delete process.env.OPENAI_API_KEY;
  }
});

rule('a module that does not load makes the engine damaged, and the next installation repairs it', async () => {
  await install();
  rmSync(path.join(site(), 'tiny.py'));
  const status = await readStatus(engineDir, { trainer: kind });
  expect(status.state).toBe('damaged');
  expect(status.problem).toMatch(/No module named 'tiny'.*engine install/);
  await install();
  expect((await readStatus(engineDir, { trainer: kind })).state).toBe('ready');
});

rule('another lock file makes the engine outdated', async () => {
  await install();
  writeFileSync(kind.lock, `# changed\n${readFileSync(kind.lock, 'utf8')}`);
  expect((await readStatus(engineDir, { trainer: kind })).state).toBe('outdated');
});

rule('an interrupted installation leaves no environment and no marker, and the next one succeeds', async () => {
  const interrupt = new AbortController();
  const broken = install({
    signal: interrupt.signal,
    say: (message) => {
      if (message.startsWith('Checking')) interrupt.abort(new Error('Ctrl-C'));
    },
  });
  await expect(broken).rejects.toThrow('Ctrl-C');
  expect(existsSync(path.join(engineDir, 'trainer'))).toBe(false);
  expect((await readStatus(engineDir, { trainer: kind })).state).toBe('absent');
  await install();
});

rule('what a killed installation has left is seen as unfinished and replaced', async () => {
  const rest = path.join(engineDir, 'trainer', 'half');
  mkdirSync(rest, { recursive: true });
  expect((await readStatus(engineDir, { trainer: kind })).state).toBe('unfinished');
  await install();
  expect(existsSync(rest)).toBe(false);
});

rule('a wheel with another hash than the locked one is refused, and nothing stays', async () => {
  writeFileSync(kind.lock, readFileSync(kind.lock, 'utf8').replace(/sha256:..../, 'sha256:0000'));
  await expect(install()).rejects.toMatchObject({ code: 'ENGINE_UNUSABLE', message: expect.stringMatching(/hash/i) });
  expect(existsSync(path.join(engineDir, 'trainer'))).toBe(false);
  expect(existsSync(path.join(engineDir, 'installed.json'))).toBe(false);
});

rule('an index that does not answer is named as the reason', async () => {
  const nowhere = { ...kind, install: ['--default-index', 'http://127.0.0.1:9/simple'] };
  await expect(install({ trainer: nowhere })).rejects.toThrow(/package index cannot be reached/);
});

rule('the engine for GPUs is not installed where its second environment fails', async () => {
  const vllm = { ...kind, modules: ['no_such_module'] };
  await expect(install({ device: 'cuda', vllm })).rejects.toThrow(/no_such_module/);
  expect((await readStatus(engineDir, { trainer: kind })).state).not.toBe('ready');
});

rule('two installations into one folder do not run at once', async () => {
  const first = install();
  await until(() => existsSync(path.join(engineDir, 'lock')), 'the first installation');
  await expect(install()).rejects.toMatchObject({ code: 'LOCKED' });
  await first;
});

rule('removing takes what was installed and leaves other files', async () => {
  await install();
  writeFileSync(path.join(engineDir, 'notes.txt'), 'mine');
  expect(await removeEngine(engineDir)).toHaveLength(2);
  expect(readdirSync(engineDir)).toEqual(['notes.txt']);
});

test('a Python that is too old or too new is named with its version', async () => {
  const bin = path.join(folder, 'bin');
  mkdirSync(bin);
  for (const [name, version] of [
    ['python3', '3.9.2'],
    ['python', '3.15.0'],
  ] as const) {
    writeFileSync(path.join(bin, name), `#!/bin/sh\necho ${version} ${bin}/${name}\n`);
    chmodSync(path.join(bin, name), 0o755);
  }
  await expect(findPython({ searchPath: [bin] })).rejects.toThrow(
    /needs Python 3\.11 to 3\.13, but .*python3 is 3\.9\.2, .*python is 3\.15\.0/,
  );
  await expect(findPython({ searchPath: [] })).rejects.toThrow(/no Python is on PATH/);
});

test('a disk without room is named before anything is downloaded', async () => {
  await expect(needSpace(folder, 1e18)).rejects.toMatchObject({ code: 'DISK_FULL' });
  await expect(needSpace(folder, 1)).resolves.toBeUndefined();
});
