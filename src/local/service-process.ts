import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { childEnvironment } from '../config/environment.ts';

export interface ServiceOptions {
  name: string;
  command: string;
  args: string[];
  env?: Record<string, string | undefined>;
  logFile: string;
  /** Whether the service outlives this process. */
  keep: boolean;
  /** Whether a service that ended is still wanted; by default it is. */
  wanted?: () => boolean;
  /** Is told when the service ended by itself and was started again. */
  onRestart?: (reason: string) => void;
}

const GUARD = new URL(`./guard${path.extname(import.meta.filename)}`, import.meta.url).pathname;
/** Longer than the guard waits. */
const FORCE_AFTER_MS = 70_000;
/** A service that ends this often by itself is broken, and not unlucky. */
const MAX_RESTARTS = 5;

/**
 * A program that runs beside this process, with its output in a log file. It is restarted when it dies, and it dies with this process,
 * unless it is to be kept.
 */
export class ServiceProcess {
  readonly #options: ServiceOptions;
  #child: ChildProcess;
  #stopping = false;
  #exited = false;
  #restarts = 0;

  constructor(options: ServiceOptions) {
    this.#options = options;
    mkdirSync(path.dirname(options.logFile), { recursive: true, mode: 0o700 });
    this.#child = this.#start();
  }

  get name(): string {
    return this.#options.name;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Whether it is no longer restarted. */
  get ended(): boolean {
    return this.#exited && !this.#startsAgain;
  }

  get #startsAgain(): boolean {
    const { wanted = () => true } = this.#options;
    return !this.#stopping && this.#restarts < MAX_RESTARTS && wanted();
  }

  /** The last lines that the service wrote, for error messages. */
  logTail(lines = 5): string {
    return readFileSync(this.#options.logFile, 'utf8').trim().split('\n').slice(-lines).join('\n');
  }

  /** Asks the service to end, waits, and ends it by force if it takes too long. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const timeout = new AbortController();
    await Promise.race([exited, delay(FORCE_AFTER_MS, undefined, { signal: timeout.signal }).catch(() => {})]);
    timeout.abort();
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  }

  /** Leaves the service running. */
  release(): void {
    this.#stopping = true;
    this.#child.unref();
  }

  #start(): ChildProcess {
    const { command, args, env = {}, logFile, keep } = this.#options;
    const log = openSync(logFile, 'a', 0o600);
    // Handed down, because the service's files, such as its database, are for its owner only.
    const mask = process.umask(0o077);
    try {
      // A process group of its own: Ctrl-C reaches this process alone, which then stops its services in order.
      const child = keep
        ? spawn(command, args, { env: childEnvironment(env), detached: true, stdio: ['ignore', log, log] })
        : spawn(process.execPath, [GUARD, command, ...args], {
            env: childEnvironment(env),
            detached: true,
            stdio: ['pipe', log, log],
          });
      this.#exited = false;
      child.once('error', ({ message }) => this.#onExit(message));
      child.once('exit', (code, signal) => {
        // A guard that was killed could not end its service, which would hold its port against the next one.
        if (signal && child.pid) killGroup(child.pid);
        this.#onExit(signal ?? `code ${code}`);
      });
      return child;
    } finally {
      process.umask(mask);
      closeSync(log);
    }
  }

  #onExit(reason: string): void {
    this.#exited = true;
    if (!this.#startsAgain) return;
    this.#restarts += 1;
    this.#options.onRestart?.(`${this.#options.name} ended (${reason}); starting it again`);
    this.#child = this.#start();
  }
}

/** Ends the rest of the process group that a process led. */
function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // The group is empty.
  }
}
