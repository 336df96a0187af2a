import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { sharedWorkflowBundle } from './workflow-bundle.ts';

export const ROOT = path.join(import.meta.dirname, '..', '..');

/** A home folder of its own, so that tests share no server, port or state. */
export function temporaryHome(): { home: string; remove: () => void } {
  const home = mkdtempSync(path.join(tmpdir(), 'tuneloop-test-'));
  return { home, remove: () => rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }) };
}

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A command of the project, run from its sources as a user would. */
export class Cli {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';

  constructor(home: string, args: string[], env: Record<string, string> = {}, entry = 'src/client.ts') {
    const startsWorker = entry === 'src/worker.ts' || args[0] === 'demo';
    const bundle = startsWorker ? { TUNELOOP_WORKFLOW_BUNDLE: sharedWorkflowBundle() } : {};
    this.child = spawn(process.execPath, [path.join(ROOT, entry), ...args], {
      cwd: ROOT,
      env: { ...process.env, ...bundle, TUNELOOP_HOME: home, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', (code) => resolve({ code, stdout: this.stdout, stderr: this.stderr }));
    });
  }

  /** Waits until the command has written something to standard error. */
  async says(pattern: RegExp): Promise<void> {
    await until(() => pattern.test(this.stderr) || this.child.exitCode !== null, `${pattern} in ${this.stderr}`);
    if (!pattern.test(this.stderr)) throw new Error(`ended without saying ${pattern}: ${this.stderr}${this.stdout}`);
  }
}

export function cli(home: string, args: string[], env: Record<string, string> = {}): Promise<Ended> {
  return new Cli(home, args, env).ended;
}

/** The JSON object that a command with --json prints as its last line. */
export function lastJson<T>({ stdout, stderr }: Ended): T {
  const line = stdout.trim().split('\n').at(-1) ?? '';
  if (!line.startsWith('{') && !line.startsWith('[')) throw new Error(`no JSON in: ${stdout}\n${stderr}`);
  return JSON.parse(line) as T;
}

/** Waits for a condition. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 90_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await delay(50);
  }
}
