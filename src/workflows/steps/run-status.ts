import { setCurrentDetails, setHandler, upsertSearchAttributes } from '@temporalio/workflow';
import { progressQuery } from '../../contract/messages.ts';
import { STAGE } from '../../contract/search-attributes.ts';
import type { PauseReason } from '../../core/run/pause-reason.ts';
import { renderProgress } from '../../core/run/progress.ts';
import type { Plan } from '../../core/run/run-plan.ts';
import type { CandidateProgress, RunProgress, Stage } from '../../core/run/run-progress.ts';

/** The state of a run: for the query, in the Web UI, and as the search attribute of its stage. */
export class RunStatus {
  readonly progress: RunProgress = {
    stage: 'collect',
    paused: null,
    dataset: null,
    estimate: null,
    candidates: [],
    winner: null,
    verdict: null,
  };

  constructor() {
    setHandler(progressQuery, () => this.progress, {
      description: 'The stage of this run and of each of its candidates',
    });
  }

  enter(stage: Stage): void {
    this.progress.stage = stage;
    upsertSearchAttributes([{ key: STAGE, value: stage }]);
    this.#show();
  }

  /** @param reason null when the run continues. */
  setPaused(reason: PauseReason | null): void {
    this.progress.paused = reason;
    upsertSearchAttributes([{ key: STAGE, value: reason ? 'paused' : this.progress.stage }]);
    this.#show();
  }

  /** A note that is shown from the next stage on. */
  setPlan({ estimate, candidates }: Plan): void {
    this.progress.estimate = estimate.text;
    this.progress.candidates = candidates.map(({ id }) => ({
      id,
      stage: 'waiting',
      score: null,
      costPer1kUsd: null,
      p95Ms: null,
      note: null,
    }));
  }

  updateCandidate(id: string, change: Partial<CandidateProgress>): void {
    this.progress.candidates = this.progress.candidates.map((candidate) =>
      candidate.id === id ? { ...candidate, ...change } : candidate,
    );
    this.#show();
  }

  #show(): void {
    setCurrentDetails(renderProgress(this.progress));
  }
}
