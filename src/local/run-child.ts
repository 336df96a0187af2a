import { spawn } from 'node:child_process';
import { childEnvironment } from '../config/environment.ts';

export interface ChildOptions {
  /** Variables of the child besides those of this process. */
  env?: Record<string, string>;
  /** Ends the child. */
  signal?: AbortSignal | undefined;
  /** Is told the last line that the child has written to stderr. */
  onLine?: (line: string) => void;
}

/**
 * Runs a program to its end, without a shell.
 *
 * @throws Error with the exit code and the last line of stderr, after the child has ended
 */
export async function runChild(command: string, args: string[], options: ChildOptions = {}): Promise<void> {
  const { env = {}, signal, onLine } = options;
  signal?.throwIfAborted();
  let last = '';
  await new Promise<void>((resolve, reject) => {
    const child = spawn(command, args, { env: childEnvironment(env), stdio: ['ignore', 'ignore', 'pipe'] });
    const end = () => child.kill();
    signal?.addEventListener('abort', end, { once: true });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      last = text.trim().split('\n').at(-1)?.trim() || last;
      onLine?.(last);
    });
    // A program that cannot be started has no `close` on every platform.
    child.once('error', reject);
    child.once('close', (code, killer) => {
      signal?.removeEventListener('abort', end);
      if (code === 0) resolve();
      else reject(new Error(`ended with ${code ?? killer}${last ? `: ${last}` : ''}`));
    });
  });
  signal?.throwIfAborted();
}
