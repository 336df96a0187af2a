import type { PythonPlace } from './python.ts';
import { PythonWorker } from './python-worker.ts';

/** A worker holds a model in memory: it ends when nobody has needed it for so long. */
const IDLE_MS = 120_000;

/** Processes that train; kept between epochs, because the start of one takes 20 seconds of computing. */
export class Workers {
  readonly #place: PythonPlace;
  readonly #idle = new Map<PythonWorker, NodeJS.Timeout>();
  readonly #busy = new Set<PythonWorker>();
  readonly #ending = new Set<Promise<void>>();
  #closed = false;

  constructor(place: PythonPlace) {
    this.#place = place;
  }

  /** For one training at a time; {@link giveBack} it. */
  take(): PythonWorker {
    if (this.#closed) throw new Error('the engine is closed');
    for (const [worker, timer] of this.#idle) {
      clearTimeout(timer);
      this.#idle.delete(worker);
      if (!worker.isAlive) continue;
      this.#busy.add(worker);
      return worker;
    }
    const worker = new PythonWorker(this.#place);
    this.#busy.add(worker);
    return worker;
  }

  giveBack(worker: PythonWorker): void {
    this.#busy.delete(worker);
    if (!worker.isAlive) return;
    const timer = setTimeout(() => {
      this.#idle.delete(worker);
      this.#end(worker);
    }, IDLE_MS);
    timer.unref();
    this.#idle.set(worker, timer);
  }

  /** Ends all processes; those that compute end after their present step, with their state on disk. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#idle.values()) clearTimeout(timer);
    for (const worker of [...this.#idle.keys(), ...this.#busy]) this.#end(worker);
    this.#idle.clear();
    await Promise.all(this.#ending);
  }

  #end(worker: PythonWorker): void {
    const ending = worker.close().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}
