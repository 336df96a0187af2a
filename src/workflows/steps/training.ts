import type { Stop } from '../../core/run/early-stop.ts';
import type { Pipeline } from '../../core/run/pipeline.ts';
import type { PlannedCandidate } from '../../core/run/run-plan.ts';
import { EarlyStop } from './early-stop.ts';
import type { Reservation } from './run-budget.ts';
import { refuseIfAllFailed } from './survivors.ts';
import { type TrainedCandidate, type Training, trainCandidate } from './train-candidate.ts';

/** The outcomes of a run's jobs. */
export interface TrainedCandidates {
  /** In the order of the candidates. */
  trained: readonly TrainedCandidate[];
  /** Why jobs were told to stop, by candidate. */
  stops: ReadonlyMap<string, Stop>;
  /** Held back for the leases in which they are evaluated. */
  forLeases: readonly Reservation[];
}

/**
 * Trains all candidates side by side and stops those that fall behind.
 *
 * @throws ApplicationFailure ALL_CANDIDATES_FAILED where no job has left a model
 */
export async function trainCandidates(
  common: Omit<Training, 'running' | 'reportEpochs'>,
  candidates: readonly PlannedCandidate[],
  { task, candidates: { early_stop: stopsEarly } }: Pick<Pipeline, 'task' | 'candidates'>,
): Promise<TrainedCandidates> {
  const running: Training['running'] = new Map();
  const earlyStop = new EarlyStop(stopsEarly ? candidates : [], task, running);
  const training: Training = { ...common, running, reportEpochs: stopsEarly };
  // `allSettled`, because a cancelled run ends only when each of its jobs has been cancelled.
  const settled = await Promise.allSettled(
    candidates.map(async (candidate) => {
      const trained = await trainCandidate(training, candidate);
      await earlyStop.ended(candidate.id, trained.job.state);
      return trained;
    }),
  );
  const trained = settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
  refuseIfAllFailed(
    'no candidate survived its training',
    trained.map(({ job }) => (job.state === 'succeeded' ? null : job.reason)),
  );
  return { trained, stops: earlyStop.stops, forLeases: common.hold.reservations };
}
