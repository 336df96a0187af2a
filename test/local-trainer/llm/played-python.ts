#!/usr/bin/env node
/**
 * Plays the Python of the LLM engine: the protocol of worker.py and the answers of check_rows.py, without a model. A test puts it where the
 * engine's Python belongs. Rows with `refuse` in them are refused; a job whose folder holds a file `die`, `fail` or `wait` dies, fails, or
 * waits in its epoch until it is told to stop.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [, module, ...args] = process.argv.slice(2);
const STEPS_PER_EPOCH = 2;

interface Command {
  readonly op: 'train' | 'stop';
  readonly folder: string;
  readonly n_epochs: number;
  readonly reported_step: number;
}

if (module === 'tuneloop_trainer.check_rows') checkRows(args[1] ?? '');
else work();

function checkRows(path: string): void {
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  const refused = lines.findIndex((line) => line.includes('refuse'));
  const answer =
    refused >= 0
      ? { invalid: `Line ${refused + 1}: too long.` }
      : { examples: lines.length, tokens: lines.length * 10 };
  console.log(JSON.stringify(answer));
}

function work(): void {
  let waiting: Command | undefined;
  const input = createInterface({ input: process.stdin });
  input.on('line', (line) => {
    const command = JSON.parse(line) as Command;
    if (command.op === 'train') waiting = train(command);
    else if (waiting !== undefined) {
      waiting = undefined;
      tell({ event: 'stopped' });
    }
  });
  input.on('close', () => process.exit(0));
  process.on('SIGTERM', () => process.exit(75));
  tell({ event: 'ready', torch: 'none', device: 'cpu' });
}

/** Returns the command where it is still running. */
function train(command: Command): Command | undefined {
  const { folder, n_epochs, reported_step } = command;
  mkdirSync(folder, { recursive: true });
  appendFileSync(join(folder, 'pids'), `${process.pid}\n`);
  const state = join(folder, 'state.pt');
  const resumed = existsSync(state) ? Number(readFileSync(state, 'utf8')) : null;
  tell({ event: 'started', resumed_step: resumed });
  let step = resumed ?? 0;
  const isTold = step > reported_step && step % STEPS_PER_EPOCH === 0;
  const figures = { total_steps: n_epochs * STEPS_PER_EPOCH, train_loss: 1, train_mean_token_accuracy: 0.5 };
  while (!isTold) {
    step++;
    if (step % STEPS_PER_EPOCH === 0) break;
    tell({ event: 'metrics', metrics: { ...figures, step } });
    writeFileSync(state, `${step}`);
    if (existsSync(join(folder, 'wait'))) return command;
    if (existsSync(join(folder, 'fail'))) {
      tell({ event: 'failed', code: 'disk_full', message: 'The disk of the trainer is full.' });
      return undefined;
    }
    if (existsSync(join(folder, 'die'))) {
      rmSync(join(folder, 'die'));
      process.kill(process.pid, 'SIGKILL');
    }
  }
  const model = join(folder, `step-${step}`);
  mkdirSync(model, { recursive: true });
  writeFileSync(state, `${step}`);
  tell({
    event: 'epoch',
    metrics: { ...figures, step, full_valid_loss: 0.5 },
    folder: model,
  });
  return undefined;
}

function tell(event: unknown): void {
  writeSync(3, `${JSON.stringify(event)}\n`);
}
