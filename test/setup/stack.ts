import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import OpenAI from 'openai';
import type { FineTuningJob } from 'openai/resources/fine-tuning/jobs/jobs';
import type { FaultRule } from '../../packages/local-trainer/src/faults/fault-plan.ts';
import type { LedgerEntry } from '../../packages/local-trainer/src/faults/ledger.ts';
import { type RunHandle, startRun } from '../../src/client/runs.ts';
import { childEnvironment, type Environment, readEnvironment } from '../../src/config/environment.ts';
import { SEARCH_ATTRIBUTES } from '../../src/contract/search-attributes.ts';
import type { Prices } from '../../src/core/evaluation/cost.ts';
import { freePort } from '../../src/local/ports.ts';
import { findServerProgram } from '../../src/local/server-program.ts';
import { connectClient } from '../../src/worker/connection.ts';
import { ROOT, temporaryHome } from './cli.ts';
import { writePipeline } from './shop-log.ts';
import { sharedWorkflowBundle } from './workflow-bundle.ts';

/** The variable of the worker that holds the provider's key: with a key the trainer counts as a provider that is paid. */
const KEY_VARIABLE = 'CHAOS_KEY';
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 50;

/** USD per 1M tokens. Round numbers in the proportions that providers ask. */
export const STACK_PRICES: Prices = {
  date: '2026-11-01',
  source: 'made up for tests',
  local: { machine_usd_per_hour: 0.1 },
  models: {
    'local-nano': { training: 10, tuned: { input: 1, output: 4 }, base: { input: 0.5, output: 2 } },
    'local-mini': { training: 20, tuned: { input: 2, output: 8 }, base: { input: 1, output: 4 } },
    'local-base': { training: 40, tuned: { input: 4, output: 16 }, base: { input: 2, output: 8 } },
  },
};

export interface StackOptions {
  /** Seconds to which the trainer stretches each job; default: as fast as it trains. */
  jobSeconds?: number;
  /** Variables of the worker besides those that the stack needs. */
  workerEnv?: Record<string, string>;
  /** What plays the provider in place of the trainer. */
  player?: Player;
}

/** A program that plays a provider, and what its users need. */
export interface Player {
  /** Its file and its arguments, besides `--port`. */
  args: readonly string[];
  prices: Prices;
  /** Its own price list, a file of which it gets with `--prices`. */
  listed: object;
  /** The value of `provider` in a pipeline file. */
  provider: (origin: string) => object;
  /** For the worker. */
  env: Readonly<Record<string, string>>;
}

/** A rule as the trainer shows it, with its effects so far. */
export type FiredRule = FaultRule & { matched: number; fired: number };

/**
 * A Temporal server, a trainer that fails on purpose and one worker, as processes of their own that can be killed and
 * started again. All state is in a temporary home folder; everything listens on 127.0.0.1 only.
 */
export class Stack {
  readonly home: string;
  /** As a command of the project would read it. */
  readonly environment: Environment;
  readonly #server: Service;
  readonly #trainer: Service;
  readonly #worker: Service;
  readonly #address: string;
  readonly #trainerUrl: string;
  readonly #remove: () => void;
  readonly #ledger: LedgerFile;
  readonly #player: Player | undefined;
  #client: Client | undefined;

  /** Starts all three. Nothing is left running when one of them does not start. */
  static async start(options: StackOptions = {}): Promise<Stack> {
    const found = await findServerProgram(readEnvironment());
    if (!found) throw new Error('no temporal program: set TEMPORAL_CLI, or run the demo once, which fetches one');
    const { home, remove } = temporaryHome();
    const stack = new Stack(options, found.file, {
      home,
      remove,
      server: await freePort(),
      trainer: await freePort(),
    });
    try {
      await Promise.all([stack.startServer(), stack.#startTrainer()]);
      await stack.startWorker();
      return stack;
    } catch (error) {
      await stack.stop();
      throw error;
    }
  }

  private constructor(
    { jobSeconds, workerEnv = {}, player }: StackOptions,
    program: string,
    own: { home: string; remove: () => void; server: number; trainer: number },
  ) {
    const { home } = own;
    const prices = path.join(home, 'prices.json');
    writeFileSync(prices, JSON.stringify(player?.prices ?? STACK_PRICES));
    this.#player = player;
    this.home = home;
    this.environment = readEnvironment({ TUNELOOP_HOME: home, TUNELOOP_PRICES: prices });
    this.#remove = own.remove;
    this.#address = `127.0.0.1:${own.server}`;
    this.#trainerUrl = `http://127.0.0.1:${own.trainer}`;

    const attributes = SEARCH_ATTRIBUTES.flatMap(({ name, type }) => [
      '--search-attribute',
      `${name}=${type === 'KEYWORD' ? 'Keyword' : 'Double'}`,
    ]);
    const database = ['--db-filename', path.join(home, 'temporal.db')];
    for (const pragma of ['journal_mode=WAL', 'synchronous=NORMAL']) database.push('--sqlite-pragma', pragma);
    const serverArgs = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', `${own.server}`, '--headless'];
    const log = (name: string) => path.join(home, 'logs', `${name}.log`);
    this.#server = new Service({
      name: 'temporal',
      command: program,
      args: [...serverArgs, '--log-level', 'error', ...database, ...attributes],
      logFile: log('temporal'),
    });

    const trainerDir = path.join(home, 'trainer');
    const stretch = jobSeconds === undefined ? [] : ['--job-seconds', `${jobSeconds}`];
    const listed = path.join(home, 'listed-prices.json');
    writeFileSync(listed, JSON.stringify(player?.listed ?? {}));
    const trainerArgs = [path.join(ROOT, 'src/client.ts'), 'trainer', '--dir', trainerDir, '--faults', '--json'];
    this.#trainer = new Service({
      name: 'trainer',
      command: process.execPath,
      args: [...(player ? [...player.args, '--prices', listed] : trainerArgs), '--port', `${own.trainer}`, ...stretch],
      env: { TUNELOOP_HOME: home },
      logFile: log('trainer'),
    });
    this.#ledger = new LedgerFile(path.join(trainerDir, 'ledger.jsonl'));

    this.#worker = new Service({
      name: 'worker',
      command: process.execPath,
      args: [path.join(ROOT, 'src/worker.ts')],
      env: {
        TUNELOOP_HOME: home,
        TUNELOOP_PRICES: prices,
        // Settings of a developer are for other servers than these.
        TUNELOOP_TASK_QUEUE: undefined,
        TUNELOOP_MONTHLY_BUDGET_USD: undefined,
        TUNELOOP_LOG_LEVEL: 'info',
        TUNELOOP_WORKFLOW_BUNDLE: sharedWorkflowBundle(),
        TEMPORAL_ADDRESS: this.#address,
        TEMPORAL_NAMESPACE: undefined,
        TEMPORAL_API_KEY: undefined,
        TEMPORAL_PROFILE: undefined,
        [KEY_VARIABLE]: 'key-of-the-stack',
        ...player?.env,
        ...workerEnv,
      },
      logFile: log('worker'),
    });
  }

  /** The client; it reconnects by itself when the server was killed, and its calls fail until then. */
  get client(): Client {
    if (!this.#client) throw new Error('the Temporal server was not started');
    return this.#client;
  }

  /** The server again, on the same port and the same data; resolves when it answers. */
  async startServer(): Promise<void> {
    this.#server.start();
    const address = this.#address;
    await this.#server.ready(async () => {
      const client = await connectClient({ address, namespace: 'default', named: true, connect: { address } });
      // Not known in the first moments of a server.
      await client.workflow.count();
      // The first client is kept: it connects again by itself, and calls that wait for that fail when it is closed.
      if (this.#client) await client.connection.close();
      this.#client ??= client;
    });
  }

  /** @returns whether there was a live process, and SIGKILL ended it. */
  killServer(): Promise<boolean> {
    return this.#server.kill();
  }

  /** Resolves when the worker takes work. */
  async startWorker(): Promise<void> {
    const start = this.#worker.logSize();
    this.#worker.start();
    await this.#worker.ready(async () => {
      if (!this.#worker.log(start).includes('"worker ready"')) throw new Error('not ready');
    });
  }

  /** As {@link killServer}. */
  killWorker(): Promise<boolean> {
    return this.#worker.kill();
  }

  /** Asks the worker to end and waits for it; running activities may end first. */
  stopWorker(): Promise<void> {
    return this.#worker.stop();
  }

  /** Where the provider listens, for what a test asks besides. */
  get providerOrigin(): string {
    return this.#trainerUrl;
  }

  /** Replaces the provider's whole fault plan; no rules lift all faults. A player has rules of its own. */
  async setFaults(rules: readonly (FaultRule | object)[], seed = 0): Promise<void> {
    const body = JSON.stringify({ seed, rules });
    const response = await fetch(`${this.#trainerUrl}/_faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    if (!response.ok) throw new Error(`the trainer refused the fault plan: ${await response.text()}`);
  }

  /** The plan that is in force, with how often each rule has fired. */
  async faults(): Promise<FiredRule[]> {
    const response = await fetch(`${this.#trainerUrl}/_faults`);
    const shown = (await response.json()) as FiredRule[] | { rules: FiredRule[] };
    return Array.isArray(shown) ? shown : shown.rules;
  }

  /** The true course of events at the trainer, in order. */
  ledger(): readonly LedgerEntry[] {
    return this.#ledger.read();
  }

  /** All jobs, as the trainer shows them to its users. */
  jobs(): Promise<FineTuningJob[]> {
    const openai = new OpenAI({ baseURL: `${this.#trainerUrl}/v1`, apiKey: 'any', maxRetries: 2 });
    return Array.fromAsync(openai.fineTuning.jobs.list({ limit: 100 }));
  }

  /** Writes a log and a pipeline file for it that names the trainer, or the player, as a paid provider; returns the pipeline file. */
  writePipeline(
    name: string,
    rows: readonly object[],
    changes: Record<string, unknown> & { candidates?: object } = {},
  ): string {
    const provider = this.#player?.provider(this.#trainerUrl) ?? {
      profile: 'generic',
      baseURL: `${this.#trainerUrl}/v1`,
      apiKeyEnv: KEY_VARIABLE,
      settling_seconds: 4,
    };
    return writePipeline(path.join(this.home, 'pipelines', name), rows, { name, provider, ...changes });
  }

  startRun(pipelineFile: string): Promise<RunHandle> {
    return startRun(this.client, this.environment, pipelineFile);
  }

  /** The ends of all logs, for error messages. */
  logTails(): string {
    return [this.#server, this.#trainer, this.#worker].map((service) => service.tail()).join('\n');
  }

  /** Ends all processes and removes the home folder. */
  async stop({ keepHome = false }: { keepHome?: boolean } = {}): Promise<void> {
    await this.#client?.connection.close();
    await this.#worker.stop();
    await Promise.all([this.#trainer.stop(), this.#server.stop()]);
    if (!keepHome) this.#remove();
  }

  async #startTrainer(): Promise<void> {
    this.#trainer.start();
    await this.#trainer.ready(async () => {
      await this.faults();
    });
  }
}

interface ServiceOptions {
  name: string;
  command: string;
  args: readonly string[];
  env?: Record<string, string | undefined>;
  logFile: string;
}

/** Ends the processes that it has started when its own parent ends, in whatever way. */
const GUARD = path.join(ROOT, 'src/local/guard.ts');

/** A program behind the guard, both in a process group of their own, with their output in a file. */
class Service {
  readonly #options: ServiceOptions;
  #child: ChildProcess | undefined;

  constructor(options: ServiceOptions) {
    this.#options = options;
    mkdirSync(path.dirname(options.logFile), { recursive: true });
    writeFileSync(options.logFile, '');
  }

  /** The guard ends with its program, so it stands for both. */
  get #running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  start(): void {
    const { name, command, args, env = {}, logFile } = this.#options;
    if (this.#running) throw new Error(`${name} runs already`);
    const log = openSync(logFile, 'a', 0o600);
    this.#child = spawn(process.execPath, [GUARD, command, ...args], {
      cwd: ROOT,
      env: childEnvironment(env),
      detached: true,
      stdio: ['pipe', log, log],
    });
    closeSync(log);
  }

  /** Asks until the service answers. @throws Error with the end of its log where it ends or takes too long. */
  async ready(ask: () => Promise<void>): Promise<void> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (!this.#running || Date.now() > deadline) {
          throw new Error(`${this.#options.name} did not start (${error}).\n${this.tail()}`);
        }
        await delay(POLL_MS);
      }
    }
  }

  /** SIGKILL for the whole group at once. @returns whether it was alive until then. */
  async kill(): Promise<boolean> {
    const child = this.#child;
    if (!child?.pid || !this.#running) return false;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    process.kill(-child.pid, 'SIGKILL');
    await exited;
    // A moment later the kernel has closed the sockets of the program as well.
    await delay(POLL_MS);
    return child.signalCode === 'SIGKILL';
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (!child || !this.#running) return;
    const exited = new Promise<boolean>((resolve) => child.once('exit', () => resolve(true)));
    child.kill('SIGTERM');
    if (!(await Promise.race([exited, delay(STOP_TIMEOUT_MS, false, { ref: false })]))) await this.kill();
  }

  logSize(): number {
    return statSync(this.#options.logFile).size;
  }

  /** The part of the log after this many bytes. */
  log(from = 0): string {
    return readFileSync(this.#options.logFile).subarray(from).toString('utf8');
  }

  tail(lines = 15): string {
    const end = this.log(Math.max(0, this.logSize() - 20_000))
      .trim()
      .split('\n')
      .slice(-lines);
    return [`--- end of ${this.#options.logFile}`, ...end.map((line) => line.slice(0, 500))].join('\n');
  }
}

/** The trainer's ledger, read from its file: a file that only grows is cheaper to follow than the whole list over HTTP. */
class LedgerFile {
  readonly #file: string;
  readonly #entries: LedgerEntry[] = [];
  #offset = 0;

  constructor(file: string) {
    this.#file = file;
  }

  read(): readonly LedgerEntry[] {
    const size = statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0;
    if (size <= this.#offset) return this.#entries;
    const bytes = Buffer.alloc(size - this.#offset);
    const descriptor = openSync(this.#file, 'r');
    readSync(descriptor, bytes, 0, bytes.length, this.#offset);
    closeSync(descriptor);
    const whole = bytes.subarray(0, bytes.lastIndexOf('\n') + 1);
    this.#offset += whole.length;
    for (const line of whole.toString('utf8').split('\n')) {
      if (line !== '') this.#entries.push(JSON.parse(line) as LedgerEntry);
    }
    return this.#entries;
  }
}
