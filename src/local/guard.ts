/**
 * Runs a command and ends it when the process that started this one ends, in whatever way, because its standard input is closed then.
 * Usage: guard.ts COMMAND ARGUMENTS.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** Longer than a worker that gives up on its activities takes: see the force time in `worker/create-worker.ts`. */
const FORCE_AFTER_MS = 65_000;

const [command = '', ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });

function stop(): void {
  child.kill('SIGTERM');
  setTimeout(() => child.kill('SIGKILL'), FORCE_AFTER_MS).unref();
}

process.stdin.resume().on('end', stop).on('error', stop);
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
child.on('error', (error) => {
  console.error(error.message);
  process.exit(127);
});
// The convention of shells: 128 and the number of the signal.
child.on('exit', (code, signal) => process.exit(code ?? 128 + (signal ? constants.signals[signal] : 0)));
