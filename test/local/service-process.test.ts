import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type ServiceOptions, ServiceProcess } from '../../src/local/service-process.ts';
import { end, runs, until } from './processes.ts';

const SOURCE = pathToFileURL(path.join(__dirname, '../../src/local/service-process.ts')).href;

let folder: string;
let logFile: string;
const services: ServiceProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tuneloop-test-'));
  logFile = path.join(folder, 'logs', 'service.log');
});
afterEach(async () => {
  for (const service of services.splice(0)) await service.stop();
  for (const pid of loggedPids()) end(pid);
  rmSync(folder, { recursive: true, force: true });
});

/** A service that writes its process id and runs until it is told to end. */
const LASTING = `console.log('pid ' + process.pid); setInterval(() => {}, 1000)`;
/** One that needs some time to end well. */
const TIDY = `process.on('SIGTERM', () => setTimeout(() => { console.log('tidied up'); process.exit(); }, 50)); ${LASTING}`;
/** One that does not end when it is asked to. */
const STUBBORN = `process.on('SIGTERM', () => console.log('not yet')); ${LASTING}`;

function start(script: string, changes: Partial<ServiceOptions> = {}): ServiceProcess {
  const options = { name: 'service', command: process.execPath, args: ['-e', script], logFile, keep: false };
  const service = new ServiceProcess({ ...options, ...changes });
  services.push(service);
  return service;
}

const log = () => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '');
/** The ids of the services themselves, in the order in which they were started. */
const loggedPids = () => [...log().matchAll(/^pid (\d+)$/gm)].map(([, pid]) => Number(pid));
async function nthPid(count: number): Promise<number> {
  await until(() => loggedPids().length >= count, `start number ${count}: ${log()}`);
  return loggedPids()[count - 1] ?? 0;
}

describe.each([
  ['a service that ends with this process', false],
  ['a service that is kept', true],
])('%s', (_, keep) => {
  test('a service writes to its log, which only its user can read', async () => {
    start(`console.error('to stderr'); ${LASTING}`, { keep });
    await nthPid(1);
    expect(log()).toContain('to stderr');
    expect(statSync(logFile).mode & 0o777).toBe(0o600);
  });

  test('a service gets the given variables, and loses the removed ones', async () => {
    process.env.TUNELOOP_TEST_TAKEN = 'there';
    try {
      const env = { TUNELOOP_TEST_GIVEN: 'given', TUNELOOP_TEST_TAKEN: undefined };
      const script = 'const { TUNELOOP_TEST_GIVEN: a, TUNELOOP_TEST_TAKEN: b } = process.env; console.log("env", a, b)';
      start(`${script}; ${LASTING}`, { keep, env });
      await nthPid(1);
      expect(log()).toContain('env given undefined');
    } finally {
      delete process.env.TUNELOOP_TEST_TAKEN;
    }
  });

  test('a service is ended by stop, and is not started again', async () => {
    const told: string[] = [];
    const service = start(LASTING, { keep, onRestart: (reason) => told.push(reason) });
    const pid = await nthPid(1);
    await service.stop();
    await until(() => !runs(pid), `the end of ${pid}`);
    expect(runs(service.pid)).toBe(false);
    expect(told).toEqual([]);
    expect(loggedPids()).toEqual([pid]);
  });

  test('a service may tidy up before it ends', async () => {
    const service = start(TIDY, { keep });
    await nthPid(1);
    await service.stop();
    await until(() => log().includes('tidied up'), 'the service to tidy up');
  });

  test('a service can be stopped twice', async () => {
    const service = start(LASTING, { keep });
    await nthPid(1);
    await Promise.all([service.stop(), service.stop()]);
    await service.stop();
    expect(runs(service.pid)).toBe(false);
  });

  test('a service is started again when it is killed, and its owner is told', async () => {
    const told: string[] = [];
    const service = start(LASTING, { keep, onRestart: (reason) => told.push(reason) });
    const first = await nthPid(1);
    process.kill(first, 'SIGKILL');
    const second = await nthPid(2);
    expect(second).not.toBe(first);
    expect(runs(second)).toBe(true);
    expect(service.ended).toBe(false);
    expect(told).toEqual([expect.stringMatching(/^service ended \((SIGKILL|code 137)\); starting it again$/)]);
    // `stop` ends the process that runs now.
    await service.stop();
    await until(() => !runs(second), `the end of ${second}`);
  });

  test('a service is not started again when it is no longer wanted', async () => {
    const told: string[] = [];
    const service = start(LASTING, { keep, wanted: () => false, onRestart: (reason) => told.push(reason) });
    const pid = await nthPid(1);
    process.kill(pid, 'SIGKILL');
    await until(() => service.ended, 'its end');
    expect(told).toEqual([]);
  });

  test('a service is the only one of its kind after the process that it is known by was killed', async () => {
    const service = start(LASTING, { keep });
    const first = await nthPid(1);
    process.kill(service.pid, 'SIGKILL');
    const second = await nthPid(2);
    await until(() => !runs(first), `the end of ${first}, which would hold its port`);
    expect(runs(second)).toBe(true);
  });

  test('a service that repeatedly ends by itself is given up, with the last lines of its log', async () => {
    const told: string[] = [];
    const script = 'console.log("first"); console.log("second"); process.exitCode = 3';
    const service = start(script, { keep, onRestart: (reason) => told.push(reason) });
    await until(() => service.ended, 'giving up');
    expect(told).toEqual(Array(5).fill('service ended (code 3); starting it again'));
    expect(service.logTail(3)).toBe('second\nfirst\nsecond');
  });

  test('a service that repeatedly dies by a signal is given up too', async () => {
    const service = start('process.kill(process.pid, "SIGKILL")', { keep });
    await until(() => service.ended, 'giving up');
  });

  test('a service whose program does not exist is given up', async () => {
    const service = start('', { keep, command: path.join(folder, 'no-such-program') });
    await until(() => service.ended, 'giving up');
    await service.stop();
  });
});

test('the tail of a log has its last lines and no empty one at the end', async () => {
  const service = start(`for (let i = 1; i <= 9; i += 1) console.log(i); ${LASTING}`);
  const pid = await nthPid(1);
  expect(service.logTail()).toBe(`6\n7\n8\n9\npid ${pid}`);
  expect(service.logTail(1)).toBe(`pid ${pid}`);
});

test('a log continues where an earlier service stopped', async () => {
  await start(LASTING).stop();
  const before = log();
  start(LASTING);
  await until(() => log().length > before.length, 'the second service');
  expect(log().startsWith(before)).toBe(true);
});

describe('when this process is killed', () => {
  /** A process that starts a service and is killed without a chance to tidy up. */
  async function killParent(keep: boolean, script: string): Promise<number> {
    const options = { name: 'service', command: process.execPath, args: ['-e', script], logFile, keep };
    const program = `
      import { ServiceProcess } from ${JSON.stringify(SOURCE)};
      new ServiceProcess(${JSON.stringify(options)});
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'ignore' });
    const pid = await nthPid(1);
    expect(runs(pid)).toBe(true);
    parent.kill('SIGKILL');
    await until(() => parent.signalCode !== null, 'the end of the parent');
    return pid;
  }

  test('a service ends when this process is killed, so that no orphan is left', async () => {
    const pid = await killParent(false, TIDY);
    await until(() => !runs(pid), `the end of the orphan ${pid}`);
    expect(log()).toContain('tidied up');
  });

  test('a kept service continues when this process is killed', async () => {
    const pid = await killParent(true, STUBBORN);
    // A process that waits for the end of its parent would have reported it by now: it answers a signal and lives.
    process.kill(pid, 'SIGTERM');
    await until(() => log().includes('not yet'), 'an answer');
    expect(runs(pid)).toBe(true);
    end(pid);
    await until(() => !runs(pid), `the end of ${pid}`);
  });
});

test('a released service continues, and stop does not start it again', async () => {
  const service = start(LASTING, { keep: true });
  const pid = await nthPid(1);
  service.release();
  process.kill(pid, 'SIGKILL');
  await until(() => !runs(pid), `the end of ${pid}`);
  await service.stop();
  expect(loggedPids()).toEqual([pid]);
});
