import type { Worker } from 'node:worker_threads';
import type { JobRecord } from './job-record.ts';
import type { Metrics } from './training.ts';
import type { TrainingNews } from './training-thread.ts';

/** Threads that compute at a time; those of the other running jobs wait for their turn. */
export const COMPUTING = 2;
/** A job in `running`. */
export interface Run {
  readonly record: JobRecord;
  /** A turn is one epoch of computing. `none`: all epochs are trained, or training broke off. */
  turn: 'wanted' | 'held' | 'none';
  /** Epochs trained, which may be more than have been told. */
  epochs: number;
  /** Undefined before its first turn and after its last one. */
  thread: Worker | undefined;
  /** When the present turn began, in milliseconds. */
  turnStart: number;
  /** Time of the turns before it, in milliseconds. */
  workedMs: number;
  timer: NodeJS.Timeout | undefined;
  /** News that training told and that is not due yet. */
  readonly waiting: TrainingNews[];
  readonly metrics: Metrics[];
  readonly checkpoints: Metrics[];
  ended: boolean;
}

export function newRun(record: JobRecord): Run {
  return {
    record,
    turn: 'wanted',
    epochs: 0,
    thread: undefined,
    turnStart: 0,
    workedMs: 0,
    timer: undefined,
    waiting: [],
    metrics: [],
    checkpoints: [],
    ended: false,
  };
}

/** How long the turns of a run took so far, in milliseconds. */
export function workedMs(run: Run): number {
  return run.workedMs + (run.turn === 'held' ? performance.now() - run.turnStart : 0);
}

/** Gives turns to runs: {@link COMPUTING} at a time, those with the fewest epochs first. */
export class Turns {
  readonly #runs: ReadonlyMap<string, Run>;
  readonly #onTurn: (run: Run) => void;
  #computing = 0;
  #closed = false;

  /**
   * @param runs the jobs that run, by id
   * @param onTurn makes a run compute its next epoch
   */
  constructor(runs: ReadonlyMap<string, Run>, onTurn: (run: Run) => void) {
    this.#runs = runs;
    this.#onTurn = onTurn;
  }

  /** Gives all turns that are free. */
  give(): void {
    while (!this.#closed && this.#computing < COMPUTING) {
      const run = nextOf(this.#runs.values());
      if (run === undefined) return;
      run.turn = 'held';
      run.turnStart = performance.now();
      this.#computing++;
      this.#onTurn(run);
    }
  }

  /** Takes a run's turn back, and gives it to the next. */
  end(run: Run, turn: 'wanted' | 'none'): void {
    if (run.turn === 'held') {
      run.workedMs += performance.now() - run.turnStart;
      this.#computing--;
    }
    run.turn = turn;
    this.give();
  }

  /** No run gets a turn any more. */
  close(): void {
    this.#closed = true;
  }
}

/** Whose turn it is: of the runs with the fewest epochs the oldest. */
function nextOf(runs: Iterable<Run>): Run | undefined {
  let next: Run | undefined;
  for (const run of runs) {
    if (run.turn !== 'wanted') continue;
    const older = run.epochs === next?.epochs && run.record.sequence < next.record.sequence;
    if (next === undefined || run.epochs < next.epochs || older) next = run;
  }
  return next;
}
