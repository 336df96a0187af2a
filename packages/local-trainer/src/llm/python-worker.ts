import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { Metrics } from '../engine.ts';
import { engineFiles, PYTHON_FOLDER } from './engine-folder.ts';
import { type PythonPlace, pythonEnvironment } from './python.ts';

/** Longer than a step takes, and the writing of a state. */
const FORCE_AFTER_MS = 30_000;
/** The exit code of a process that was told to end, and has its state on disk. */
const STOPPED = 75;
/** Characters of the standard error that are kept for messages. */
const TAIL = 2_000;

const metrics = z.looseObject({
  step: z.int(),
  total_steps: z.int(),
  train_loss: z.number(),
  train_mean_token_accuracy: z.number(),
  full_valid_loss: z.number().optional(),
  full_valid_mean_token_accuracy: z.number().optional(),
}) satisfies z.ZodType<Metrics>;

const epochEvent = z.object({
  event: z.literal('epoch'),
  metrics,
  /** Of the adapter. */
  folder: z.string(),
});

const event = z.discriminatedUnion('event', [
  z.object({ event: z.literal('ready'), torch: z.string(), device: z.string() }),
  z.object({ event: z.literal('started'), resumed_step: z.int().nullable() }),
  z.object({ event: z.literal('metrics'), metrics }),
  epochEvent,
  z.object({ event: z.literal('stopped') }),
  z.object({ event: z.literal('failed'), code: z.string(), message: z.string() }),
]);

/** What the process is told to train; see worker.py. */
export type TrainCommand = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** What is told while an epoch is computed. */
export type TrainEvent =
  | { readonly event: 'started'; readonly resumed_step: number | null }
  | { readonly event: 'metrics'; readonly metrics: Metrics };

/** How an epoch ended. `died`: the process, by what it says. */
export type EpochEnd =
  | z.infer<typeof epochEvent>
  | { readonly event: 'stopped' }
  | { readonly event: 'failed'; readonly code: string; readonly message: string }
  | { readonly event: 'died'; readonly message: string };

/** A Python process that trains one epoch of one job at a time. It ends when this process ends, in whatever way. */
export class PythonWorker {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #tail = '';
  #onEvent: (event: TrainEvent) => void = () => undefined;
  #onEnd: ((end: EpochEnd) => void) | undefined;

  constructor(place: PythonPlace) {
    const { trainerPython } = engineFiles(place.engineDir);
    this.#child = spawn(trainerPython, ['-m', 'tuneloop_trainer.worker', place.device], {
      cwd: PYTHON_FOLDER,
      env: pythonEnvironment(place),
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
      // A group of its own: Ctrl-C in a terminal is for this process, which then ends its children in order.
      detached: true,
    });
    this.#exited = once(this.#child, 'close').catch(() => undefined);
    this.#child.on('error', (error) => this.#end({ event: 'died', message: error.message }));
    this.#child.on('close', (code, signal) => {
      const how = signal ?? `exit code ${code}`;
      this.#end(
        code === STOPPED
          ? { event: 'stopped' }
          : { event: 'died', message: `the training process ended with ${how}${this.#lastWords()}` },
      );
    });
    // Its end is told by `close`.
    this.#child.stdin?.on('error', () => undefined);
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#tail = (this.#tail + text).slice(-TAIL);
    });
    createInterface({ input: this.#child.stdio[3] as Readable }).on('line', (line) => this.#take(line));
  }

  get isAlive(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Trains the next epoch of a job. One at a time. */
  train(command: TrainCommand, onEvent: (event: TrainEvent) => void): Promise<EpochEnd> {
    this.#onEvent = onEvent;
    return new Promise((resolve) => {
      this.#onEnd = resolve;
      if (this.isAlive) this.#send({ op: 'train', ...command });
      else this.#end({ event: 'died', message: `the training process has ended${this.#lastWords()}` });
    });
  }

  /** The epoch ends after its present step, as stopped. */
  stopEpoch(): void {
    this.#send({ op: 'stop' });
  }

  /** Lets the present step end, and then the process. */
  async close(): Promise<void> {
    if (!this.isAlive) return;
    this.#child.kill('SIGTERM');
    const force = setTimeout(() => this.#child.kill('SIGKILL'), FORCE_AFTER_MS);
    await this.#exited;
    clearTimeout(force);
  }

  #send(command: TrainCommand): void {
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  #take(line: string): void {
    const told = event.parse(JSON.parse(line));
    if (told.event === 'ready') return;
    if (told.event === 'started' || told.event === 'metrics') this.#onEvent(told);
    else this.#end(told);
  }

  #end(end: EpochEnd): void {
    const onEnd = this.#onEnd;
    this.#onEnd = undefined;
    onEnd?.(end);
  }

  #lastWords(): string {
    const lines = this.#tail
      .trim()
      .split('\n')
      .filter((line) => line.trim() !== '');
    return lines.length === 0 ? '' : `. It said: ${lines.slice(-3).join(' | ')}`;
  }
}
