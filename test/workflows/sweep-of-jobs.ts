import { defineSignal, setHandler } from '@temporalio/workflow';
import { epochEndedSignal, stopSignal } from '../../src/contract/messages.ts';
import type { EpochReport } from '../../src/core/run/early-stop.ts';
import type { PlannedCandidate } from '../../src/core/run/run-plan.ts';
import { LeaseHold } from '../../src/workflows/steps/lease-hold.ts';
import { Pause } from '../../src/workflows/steps/pause.ts';
import { RunBudget } from '../../src/workflows/steps/run-budget.ts';
import {
  type TrainedCandidate,
  type Training,
  trainCandidate,
  trainingFileKey,
  type UploadedFiles,
} from '../../src/workflows/steps/train-candidate.ts';

export { fineTuningJob } from '../../src/workflows/fine-tuning-job.ts';

export interface SweepInput {
  job: Training['job'];
  files: UploadedFiles;
  candidates: PlannedCandidate[];
  reportEpochs: boolean;
}

export interface SweepResult {
  trained: TrainedCandidate[];
  /** As they came. */
  reports: EpochReport[];
  stages: Record<string, (string | undefined)[]>;
  spentUsd: number;
  /** Jobs that count as running when all have ended. */
  running: number;
}

/** A candidate, and why it is stopped. */
const stopCandidate = defineSignal<[string, string]>('stopCandidate');

/** The part of a run that trains; the test sends the signals of the rule that stops jobs. */
export async function sweepOfJobs({ job, files, candidates, reportEpochs }: SweepInput): Promise<SweepResult> {
  const reports: EpochReport[] = [];
  const stages: SweepResult['stages'] = {};
  const running: Training['running'] = new Map();
  const budget = new RunBudget(null, false);
  setHandler(epochEndedSignal, (report) => {
    reports.push(report);
  });
  setHandler(stopCandidate, (id, reason) =>
    running
      .get(id)
      ?.signal(stopSignal, reason)
      .catch(() => {}),
  );
  const training: Training = {
    job,
    files: new Map(candidates.map((candidate) => [trainingFileKey(candidate), files])),
    running,
    reportEpochs,
    budget,
    hold: new LeaseHold(budget, { leases: null, concurrency: 1, checkpoints: null, validationRows: 0 }),
    pause: new Pause(() => {}),
    update: (id, { stage }) => {
      stages[id] = [...(stages[id] ?? []), stage];
    },
  };
  const trained = await Promise.all(candidates.map((candidate) => trainCandidate(training, candidate)));
  return { trained, reports, stages, spentUsd: budget.spentUsd, running: running.size };
}
