import type { Engine, Metrics, Training, TrainingNews } from '../engine.ts';
import type { JobRecord } from './job-record.ts';

/** A job in `running`. */
export interface Run {
  readonly record: JobRecord;
  readonly engine: Engine;
  /** A turn is one epoch of computing. `none`: all epochs are trained, or training broke off. */
  turn: 'wanted' | 'held' | 'none';
  /** Epochs trained, which may be more than have been told. */
  epochs: number;
  /** Undefined before its first turn and after its last one. */
  training: Training | undefined;
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

export function newRun(record: JobRecord, engine: Engine): Run {
  return {
    record,
    engine,
    turn: 'wanted',
    epochs: 0,
    training: undefined,
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

/** Gives turns to runs: as many at a time as each engine has slots, to those with the fewest epochs first. */
export class Turns {
  readonly #runs: ReadonlyMap<string, Run>;
  readonly #onTurn: (run: Run) => void;
  /** Turns that are held, by engine; a run that has ended holds its turn until its training has stopped. */
  readonly #held = new Map<Engine, number>();
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
    while (!this.#closed) {
      const run = this.#next();
      if (run === undefined) return;
      run.turn = 'held';
      run.turnStart = performance.now();
      this.#count(run.engine, 1);
      this.#onTurn(run);
    }
  }

  /** Takes a run's turn back, and gives it to the next. */
  end(run: Run, turn: 'wanted' | 'none'): void {
    if (run.turn === 'held') {
      run.workedMs += performance.now() - run.turnStart;
      this.#count(run.engine, -1);
    }
    run.turn = turn;
    this.give();
  }

  /** No run gets a turn any more. */
  close(): void {
    this.#closed = true;
  }

  #count(engine: Engine, change: 1 | -1): void {
    this.#held.set(engine, (this.#held.get(engine) ?? 0) + change);
  }

  /** Whose turn it is: of the runs whose engine has a free slot those with the fewest epochs, and of these the oldest. */
  #next(): Run | undefined {
    let next: Run | undefined;
    for (const run of this.#runs.values()) {
      if (run.turn !== 'wanted') continue;
      if ((this.#held.get(run.engine) ?? 0) >= run.engine.slots) continue;
      const older = run.epochs === next?.epochs && run.record.sequence < next.record.sequence;
      if (next === undefined || run.epochs < next.epochs || older) next = run;
    }
    return next;
  }
}
