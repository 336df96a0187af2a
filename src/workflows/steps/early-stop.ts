import { type ChildWorkflowHandle, setHandler } from '@temporalio/workflow';
import { epochEndedSignal, stopSignal } from '../../contract/messages.ts';
import { type CandidateEnd, candidatesToStop, type EpochReport, type Stop } from '../../core/run/early-stop.ts';
import type { Pipeline } from '../../core/run/pipeline.ts';
import type { Candidate } from '../../core/run/plan.ts';
import type { fineTuningJob } from '../fine-tuning-job.ts';

/** Stops jobs that are behind the others, at the end of their first epochs. */
export class EarlyStop {
  /** The candidates that were told to stop, with the reasons. */
  readonly stops = new Map<string, Stop>();
  readonly #candidates: readonly Candidate[];
  readonly #task: Pipeline['task'];
  readonly #running: ReadonlyMap<string, ChildWorkflowHandle<typeof fineTuningJob>>;
  readonly #reports: EpochReport[] = [];
  readonly #ended = new Map<string, CandidateEnd>();

  /** @param running jobs by candidate, for as long as they can be stopped. */
  constructor(
    candidates: readonly Candidate[],
    task: Pipeline['task'],
    running: ReadonlyMap<string, ChildWorkflowHandle<typeof fineTuningJob>>,
  ) {
    this.#candidates = candidates;
    this.#task = task;
    this.#running = running;
    setHandler(epochEndedSignal, (report) => this.#add(report), {
      description: 'The validation figures of a job after an epoch',
    });
  }

  /** Takes the end of each candidate: one without a model keeps no other out. */
  async ended(candidate: string, end: CandidateEnd): Promise<void> {
    this.#ended.set(candidate, end);
    await this.#stopLate();
  }

  async #add(report: EpochReport): Promise<void> {
    this.#reports.push(report);
    await this.#stopLate();
  }

  async #stopLate(): Promise<void> {
    for (const late of candidatesToStop(this.#candidates, this.#reports, this.#ended, this.#task)) {
      const job = this.#running.get(late.candidate);
      if (!job || this.stops.has(late.candidate)) continue;
      this.stops.set(late.candidate, late);
      this.#ended.set(late.candidate, 'stopped');
      // A job that has just ended needs no stop signal.
      await job.signal(stopSignal, late.reason).catch(() => {});
    }
  }
}
