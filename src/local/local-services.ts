import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Environment } from '../config/environment.ts';
import { SEARCH_ATTRIBUTES } from '../contract/search-attributes.ts';
import { TuneloopError } from '../errors.ts';
import { TRAINER_PORT } from '../providers/profiles/local.ts';
import { serviceLogFile, temporalDatabaseFile, trainerFolder } from '../stores/home.ts';
import {
  isAlive,
  pidsOf,
  readLeftovers,
  readServices,
  removeServices,
  type Services,
  writeServices,
} from '../stores/services-file.ts';
import { connectClient, type TemporalTarget, temporalTarget } from '../worker/connection.ts';
import { hasWorker, recently } from '../worker/task-queue.ts';
import { hasOldTables } from './old-database.ts';
import { reservePort } from './ports.ts';
import { provideServerProgram, type Say } from './server-program.ts';
import { ServiceProcess } from './service-process.ts';

const TEMPORAL_PORT = 7233;
const UI_PORT = 8233;
const START_TIMEOUT_MS = 60_000;
const LEFTOVERS_TIMEOUT_MS = 20_000;
const POLL_MS = 100;

export interface LocalServicesOptions {
  environment: Environment;
  /** Whether the started services outlive this process. */
  keep: boolean;
  /** Whether the local trainer is needed. */
  trainer: boolean;
  /** Stretches training jobs to this many seconds; see the trainer. */
  jobSeconds?: number | undefined;
  /** Is told which services are started, used or started again. */
  say: Say;
  signal?: AbortSignal | undefined;
}

/** A connection to Temporal, with a worker behind it. */
export interface LocalServices {
  client: Client;
  target: TemporalTarget;
  /** Stops the started services in the order of their dependence; services that were kept before continue. */
  stop(): Promise<void>;
  /** Leaves everything running. */
  release(): Promise<void>;
}

/**
 * Temporal server, trainer and worker: running ones are used, missing ones are started.
 *
 * @throws TuneloopError LOCKED where another process uses the home folder; TEMPORAL_UNAVAILABLE_HERE; SERVICE_FAILED
 * with the last lines of the log of a service that did not start. None of the started services is left running then.
 */
export async function startLocalServices(options: LocalServicesOptions): Promise<LocalServices> {
  const { environment, keep, say } = options;
  const { home } = environment;
  const before = await takeOver(home);
  // A service that joins kept ones is kept with them.
  const kept = keep || before !== undefined;
  const record: Services = { ...before, owner: process.pid, kept };
  const started: ServiceProcess[] = [];
  const stop = async () => {
    for (const service of started.toReversed()) await service.stop();
    if (before) writeServices(home, before);
    else removeServices(home);
  };
  const release = () => {
    for (const service of started) service.release();
  };
  const run = (name: string, command: string, args: string[], env: Record<string, string | undefined> = {}) => {
    const logFile = serviceLogFile(home, name);
    // `stop` in another terminal removes the record before it ends the services.
    const wanted = () => readServices(home) !== undefined;
    const service = new ServiceProcess({ name, command, args, env, logFile, keep: kept, wanted, onRestart: say });
    started.push(service);
    return service;
  };
  try {
    writeServices(home, record);
    const { client, target } = await provideTemporal(options, record, run);
    if (options.trainer && environment.trainerUrl === undefined) await provideTrainer(options, record, run);
    await provideWorker(options, record, run, client, target);
    return {
      client,
      target,
      stop: async () => {
        await client.connection.close();
        if (before) release();
        else await stop();
      },
      release: async () => {
        await client.connection.close();
        release();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Stops the services that an earlier command has kept running. Returns the process ids that were told to end. */
export async function stopKeptServices(home: string): Promise<number[]> {
  const record = readServices(home);
  if (!record?.kept) return [];
  const pids = pidsOf(record).filter(isAlive);
  removeServices(home);
  for (const pid of pids) {
    process.kill(pid, 'SIGTERM');
    await until(() => !isAlive(pid), LEFTOVERS_TIMEOUT_MS);
  }
  return pids;
}

type Run = (name: string, command: string, args: string[], env?: Record<string, string | undefined>) => ServiceProcess;

/** The services that were kept running, after making sure that no other command is about to stop or use this folder. */
async function takeOver(home: string): Promise<Services | undefined> {
  const leftovers = readLeftovers(home);
  if (leftovers) {
    const gone = await until(() => !pidsOf(leftovers).some(isAlive), LEFTOVERS_TIMEOUT_MS);
    if (!gone) {
      const alive = pidsOf(leftovers).filter(isAlive).join(', ');
      throw new TuneloopError(
        'LOCKED',
        `processes ${alive} still use ${home}: end them, or set TUNELOOP_HOME to another folder`,
      );
    }
    removeServices(home);
  }
  const services = readServices(home);
  if (services && !services.kept) {
    throw new TuneloopError(
      'LOCKED',
      `process ${services.owner} uses ${home}: wait until it ends, or set TUNELOOP_HOME to another folder`,
    );
  }
  return services;
}

async function provideTemporal(
  { environment, say, signal }: LocalServicesOptions,
  record: Services,
  run: Run,
): Promise<{ client: Client; target: TemporalTarget }> {
  const { home } = environment;
  const running = temporalTarget(home);
  if (running.named || (record.temporal && isAlive(record.temporal.pid))) {
    say(`Using the Temporal server at ${running.address}`);
    return { client: await connectClient(running), target: running };
  }
  const program = await provideServerProgram(environment, say, signal);
  const { port, release: releasePort } = await reservePort(TEMPORAL_PORT);
  const { port: ui, release: releaseUi } = await reservePort(UI_PORT);
  if (port !== TEMPORAL_PORT) say(`Port ${TEMPORAL_PORT} is taken by another program: Temporal listens on ${port}`);
  const args = [
    'server',
    'start-dev',
    '--ip',
    '127.0.0.1',
    '--port',
    `${port}`,
    '--ui-port',
    `${ui}`,
    '--log-level',
    'error',
  ];
  // Not made beforehand with a mode of its own: the server takes an empty file for a database that has its tables.
  // WAL and synchronous NORMAL: several times the throughput, and still safe against a killed process.
  const database = temporalDatabaseFile(home);
  const madeBefore = existsSync(database);
  args.push('--db-filename', database, '--sqlite-pragma', 'journal_mode=WAL');
  args.push('--sqlite-pragma', 'synchronous=NORMAL');
  for (const { name, type } of SEARCH_ATTRIBUTES) {
    args.push('--search-attribute', `${name}=${type === 'KEYWORD' ? 'Keyword' : 'Double'}`);
  }
  const service = run('temporal', program, args);
  record.temporal = { address: `127.0.0.1:${port}`, ui: `http://127.0.0.1:${ui}`, pid: service.pid };
  writeServices(home, record);
  const target = temporalTarget(home);
  const client = await started(service, () => connectClient(target)).finally(() => {
    releasePort();
    releaseUi();
  });
  say(`Temporal server at ${target.address}, Web UI at ${record.temporal.ui}`);
  if (madeBefore && (await hasOldTables(client, () => service.logTail()))) {
    say(
      `${database} was made by an older Temporal server: its runs continue, but this server cannot list its schedules. ` +
        'To get the list back, stop everything, move the file away, and create the schedules again',
    );
  }
  return { client, target };
}

async function provideTrainer(
  { environment: { home }, jobSeconds, say }: LocalServicesOptions,
  record: Services,
  run: Run,
): Promise<void> {
  if (record.trainer && isAlive(record.trainer.pid)) {
    say(`Using the local trainer at ${record.trainer.url}`);
    return;
  }
  const { port, release } = await reservePort(TRAINER_PORT);
  if (port !== TRAINER_PORT) say(`Port ${TRAINER_PORT} is taken by another program: the trainer listens on ${port}`);
  const args = [program('client'), 'trainer', '--port', `${port}`, '--dir', trainerFolder(home)];
  if (jobSeconds !== undefined) args.push('--job-seconds', `${jobSeconds}`);
  const service = run('trainer', process.execPath, args);
  record.trainer = { url: `http://127.0.0.1:${port}/v1`, pid: service.pid };
  writeServices(home, record);
  const { url } = record.trainer;
  await started(service, async () => {
    const { ok } = await fetch(`${url}/models`);
    if (!ok) throw new Error('not ready');
  }).finally(release);
  say(`Local trainer at ${url}`);
}

async function provideWorker(
  { environment, say }: LocalServicesOptions,
  record: Services,
  run: Run,
  client: Client,
  target: TemporalTarget,
): Promise<void> {
  const { home, taskQueue } = environment;
  const running = record.worker
    ? isAlive(record.worker.pid)
    : target.named && (await hasWorker(client, taskQueue, recently()));
  if (running) {
    say(`Using the worker on task queue ${taskQueue}`);
    return;
  }
  const start = new Date();
  const service = run('worker', process.execPath, [program('worker')], { TUNELOOP_HOME: home });
  record.worker = { pid: service.pid };
  writeServices(home, record);
  await started(service, async () => {
    if (!(await hasWorker(client, taskQueue, start))) throw new Error('not ready');
  });
  say(`Worker on task queue ${taskQueue}`);
}

/** The entry file of one of our own programs, in the sources or in the build. */
function program(name: 'client' | 'worker'): string {
  return path.join(import.meta.dirname, '..', `${name}${path.extname(import.meta.filename)}`);
}

/** Asks until a service answers. */
async function started<T>(service: ServiceProcess, ask: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      return await ask();
    } catch {
      if (service.ended || Date.now() > deadline) {
        throw new TuneloopError(
          'SERVICE_FAILED',
          `${service.name} did not start; its log ends with:\n${service.logTail()}`,
        );
      }
      await delay(POLL_MS);
    }
  }
}

async function until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}
