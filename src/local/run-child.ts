import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { childEnvironment, pythonEnvironment } from '../config/environment.ts';

const OUTPUT_TIMEOUT_MS = 20_000;
const MOST_STDERR = 2000;

export interface ChildOptions {
  /** Variables of the child besides those of this process. */
  env?: Record<string, string>;
  /** Set for Python, which gets no variables of this process that could hold a secret; `downloads` adds those of the network. */
  python?: 'offline' | 'downloads';
  /** Ends the child. */
  signal?: AbortSignal | undefined;
  /** Is told the last line that the child has written to stderr. */
  onLine?: (line: string) => void;
  /** Is told all that the child writes to stdout. */
  onOutput?: (text: string) => void;
}

/**
 * Runs a program to its end, without a shell.
 *
 * @throws Error with the exit code and the last line of stderr, after the child has ended; its cause is the end of stderr as text
 */
export async function runChild(command: string, args: string[], options: ChildOptions = {}): Promise<void> {
  const { env = {}, python, signal, onLine, onOutput } = options;
  signal?.throwIfAborted();
  let last = '';
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const child = spawn(command, args, {
      env: python ? pythonEnvironment(env, python === 'downloads') : childEnvironment(env),
      stdio: ['ignore', onOutput ? 'pipe' : 'ignore', 'pipe'],
    });
    const end = () => child.kill();
    signal?.addEventListener('abort', end, { once: true });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-MOST_STDERR);
      last = text.trim().split('\n').at(-1)?.trim() || last;
      onLine?.(last);
    });
    if (onOutput) child.stdout?.setEncoding('utf8').on('data', onOutput);
    // A program that cannot be started has no `close` on every platform.
    child.once('error', reject);
    child.once('close', (code, killer) => {
      signal?.removeEventListener('abort', end);
      if (code === 0) resolve();
      else reject(new Error(`ended with ${code ?? killer}${last ? `: ${last}` : ''}`, { cause: said.trim() }));
    });
  });
  signal?.throwIfAborted();
}

/** What a short program writes to stdout, without the line's end. */
export async function outputOf(command: string, args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args, {
    env: pythonEnvironment({}),
    timeout: OUTPUT_TIMEOUT_MS,
  });
  return stdout.trim();
}
