import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { epochEndedSignal } from '../contract/messages.ts';
import { trainingCost, trainingTariffOf } from '../core/evaluation/cost.ts';
import type { EpochReport } from '../core/run/early-stop.ts';
import type { JobHeartbeat, JobProgress, SeenEpoch, WaitPhase } from '../core/run/job-heartbeat.ts';
import type { AwaitJobInput } from '../core/run/job-input.ts';
import type { JobOutcome } from '../core/run/job-outcome.ts';
import type { Pipeline } from '../core/run/pipeline.ts';
import type { Candidate } from '../core/run/plan.ts';
import type { MetricPoint } from '../core/run/training-metrics.ts';
import { durationText } from '../core/text/format.ts';
import type { ErrorCode } from '../errors.ts';
import { ProviderError } from '../providers/provider-error.ts';
import { endsEpoch, type Job, type Training } from '../providers/training.ts';
import { type Dependencies, loadPipeline } from './support/dependencies.ts';
import { cancelExtras } from './support/extra-jobs.ts';
import { jobIdentity } from './support/job-input.ts';

/** The state that an attempt hands to the next one, besides the times. */
type Shown = Omit<JobHeartbeat, 'status' | 'phase' | 'since'>;

const NO_PROGRESS: JobProgress = { step: null, totalSteps: null, trainLoss: null, validLoss: null };
/** Jobs are compared after their first and second epoch; later epochs change nothing. */
const EPOCHS_TOLD = 2;
/** The time for each optional request; together they take less than the time of an attempt. */
const EXTRA_MS = 3_000;
/** The delay after an error that does not pass quickly: the job runs on meanwhile, and a person may mend the cause. */
const REFUSED_DELAY_MS = 60_000;

/**
 * Asks once how a job is, and fails with JOB_PENDING and the time of the next question while it has not ended: waiting by retries writes no
 * event, however long it takes. The failure is benign, so that it is no alarm in logs and metrics.
 *
 * A question that fails is no reason to give up a job that is paid for: whatever the error, the question is repeated until the deadline of
 * the phase. Only a job that the provider does not know is lost at once.
 */
export function createAwaitJob(dependencies: Dependencies) {
  return async (input: AwaitJobInput): Promise<JobOutcome> => {
    const { definition, jobId, candidate } = input;
    const { provider: choice, deadlines } = await loadPipeline(dependencies, definition);
    const { training, profile } = dependencies.connectProvider(choice);
    const wait = new Wait(deadlines);
    const askAgain = (error: unknown): unknown => {
      if (!(error instanceof ProviderError)) return error;
      const delay =
        error.retryAfterMs ?? (error.retryable ? pollDelayMs(Context.current().info.attempt) : REFUSED_DELAY_MS);
      return wait.goesOn(jobId, wait.last?.phase ?? 'running', `unknown (${error.message})`, wait.shown, delay);
    };
    const cancelOthers = async () =>
      cancelExtras(dependencies, training, await training.findJobs(jobIdentity(input)), jobId);
    let job: Job;
    try {
      job = await training.getJob(jobId);
    } catch (error) {
      throw error instanceof ProviderError && error.status === 404 ? error : askAgain(error);
    }
    if (!job.known) dependencies.log.warn({ job: jobId, status: job.status }, 'an unknown status counts as running');
    if (job.state === 'pending' || (job.state === 'succeeded' && !job.model)) {
      const phase = job.state === 'pending' ? job.phase : 'ready';
      // Asked before another question may cost the attempt's time; the question at the end decides.
      const entered = wait.last && wait.last.phase !== phase;
      if (entered || isTimeForExtras(Context.current().info.attempt)) await cancelOthers().catch(() => {});
      throw wait.goesOn(jobId, phase, job.status, await look(dependencies, training, input, wait.shown));
    }
    try {
      await cancelOthers();
    } catch (error) {
      throw askAgain(error);
    }
    const { startedAt, workedMs } = await soon(training.getTrainingTime(jobId), { startedAt: null, workedMs: null });
    const seconds = trainingSeconds(job, startedAt);
    const tariff = trainingTariffOf(dependencies.prices, profile.billing, candidate.baseModel);
    // A machine that several jobs share worked on this one for a part of the time only.
    const cost = (tokens: number) =>
      job.costUsd ?? trainingCost(tariff, tokens, workedMs === null ? (seconds ?? 0) : workedMs / 1000);
    if (job.state === 'succeeded' && job.model) {
      // Others are compared with it, even if it was faster than the questions.
      if (input.reportTo && owesReports(wait.shown, candidate)) {
        await soon(look(dependencies, training, input, wait.shown), wait.shown);
      }
      const trainingUsd = cost(job.trainedTokens ?? 0);
      const checkpoints = await soon(training.listCheckpoints(jobId), []);
      return { state: 'succeeded', jobId, model: job.model, trainingUsd, trainingSeconds: seconds, checkpoints };
    }
    const isCharged =
      (job.costUsd ?? job.trainedTokens) !== null || (tariff.kind === 'machine' && job.state === 'cancelled');
    return {
      state: job.state === 'cancelled' ? 'cancelled' : 'failed',
      jobId,
      reason: job.failure ?? (job.state === 'cancelled' ? 'cancelled at the provider' : 'ended without a model'),
      // A failed job is not charged. The cost of a cancelled one is documented nowhere: null counts the whole reservation.
      trainingUsd: isCharged ? cost(job.trainedTokens ?? 0) : job.state === 'failed' ? 0 : null,
      pause: job.needsPerson ? 'PROVIDER_QUOTA' : null,
    };
  };
}

/** The progress of the job since the attempt before. If it cannot be had, the wait continues without it. */
async function look(
  dependencies: Dependencies,
  training: Training,
  input: AwaitJobInput,
  before: Shown,
): Promise<Shown> {
  const points = await training.listMetrics(input.jobId, before.step ?? undefined).catch(() => []);
  const progress = points.reduce(advance, before);
  if (!input.reportTo) return progress;
  const epochs = [
    ...(before.epochs ?? []),
    ...points
      .filter(endsEpoch)
      .map((point) => ({ validLoss: point.fullValidLoss, validAccuracy: point.fullValidAccuracy, told: false })),
  ].slice(0, EPOCHS_TOLD);
  return { ...progress, epochs: await tellEpochs(dependencies, input, input.reportTo, epochs) };
}

function owesReports({ epochs = [] }: Shown, { hyperparameters }: Candidate): boolean {
  return epochs.filter(({ told }) => told).length < Math.min(EPOCHS_TOLD, hyperparameters.epochs);
}

function advance(before: Shown, { step, totalSteps, trainLoss, validLoss, fullValidLoss }: MetricPoint): Shown {
  return {
    ...before,
    step,
    totalSteps: totalSteps ?? before.totalSteps,
    trainLoss: trainLoss ?? before.trainLoss,
    validLoss: fullValidLoss ?? validLoss ?? before.validLoss,
  };
}

/** Reports epochs in their order. The next attempt repeats a failed report; the run ignores a report that it has already. */
async function tellEpochs(
  { temporal, log }: Dependencies,
  { candidate, jobId }: AwaitJobInput,
  { workflowId, runId }: NonNullable<AwaitJobInput['reportTo']>,
  epochs: readonly SeenEpoch[],
): Promise<SeenEpoch[]> {
  const known = [...epochs];
  for (const [place, epoch] of epochs.entries()) {
    if (epoch.told) continue;
    const { validLoss, validAccuracy } = epoch;
    const report: EpochReport = { candidate: candidate.id, epoch: place + 1, validLoss, validAccuracy };
    try {
      await temporal.withDeadline(Date.now() + EXTRA_MS, () =>
        temporal.workflow.getHandle(workflowId, runId).signal(epochEndedSignal, report),
      );
      known[place] = { ...epoch, told: true };
    } catch (error) {
      log.warn({ job: jobId, epoch: report.epoch, error: String(error) }, 'the run could not be told of an epoch');
      break;
    }
  }
  return known;
}

/**
 * The optional figures of a job that has ended. A provider that does not give them, or takes longer than an attempt may, loses no job that
 * is paid for.
 */
function soon<T>(extra: Promise<T>, otherwise: T): Promise<T> {
  return Promise.race([extra, delay(EXTRA_MS, otherwise, { ref: false })]).catch(() => otherwise);
}

const JOB = { validating: 'JOB_PENDING', queued: 'JOB_PENDING', running: 'JOB_PENDING' } as const;
const NOT_YET: Record<WaitPhase, ErrorCode> = { ...JOB, ready: 'MODEL_PENDING', serving: 'LEASE_PENDING' };
const TOO_LATE: Record<WaitPhase, ErrorCode> = {
  validating: 'JOB_DEADLINE',
  queued: 'JOB_DEADLINE',
  running: 'JOB_DEADLINE',
  ready: 'MODEL_NOT_READY',
  serving: 'LEASE_NOT_READY',
};

/** Counts how long a wait has been in one phase, over its attempts, and tells when the deadline has passed. */
export class Wait {
  readonly #deadlines: Pipeline['deadlines'];

  constructor(deadlines: Pipeline['deadlines']) {
    this.#deadlines = deadlines;
  }

  /** The state that the attempt before this one left. */
  get last(): JobHeartbeat | undefined {
    return Context.current().info.heartbeatDetails as JobHeartbeat | undefined;
  }

  /** The job's state at that time. */
  get shown(): Shown {
    if (!this.last) return NO_PROGRESS;
    const { status: _, phase: __, since: ___, ...shown } = this.last;
    return shown;
  }

  /**
   * The failure that ends an attempt: before the deadline another attempt follows, past it none does. All times are the server's, so that a
   * worker with a wrong clock makes no deadline wrong.
   */
  goesOn(
    what: string,
    phase: WaitPhase,
    status: string,
    shown: Shown,
    delayMs: number = pollDelayMs(Context.current().info.attempt),
  ): ApplicationFailure {
    const { currentAttemptScheduledTimestampMs: now } = Context.current().info;
    const since = this.last?.phase === phase ? this.last.since : now;
    const details: JobHeartbeat = { status, phase, since, ...shown };
    Context.current().heartbeat(details);
    const limitMs = this.#deadlines[`${phase}_minutes`] * 60_000;
    if (now - since > limitMs) {
      const message = `${what} has been ${status} for ${durationText((now - since) / 1000)}, longer than deadlines.${phase}_minutes allows`;
      return ApplicationFailure.nonRetryable(message, TOO_LATE[phase]);
    }
    return ApplicationFailure.create({
      message: `${what} is ${status}`,
      type: NOT_YET[phase],
      category: ApplicationFailureCategory.BENIGN,
      nextRetryDelay: Math.min(delayMs, Math.max(500, limitMs - (now - since))),
    });
  }
}

/** Half a second at first, 10 % longer each time, at most 30 seconds: short jobs are seen soon, long ones cost little. */
export function pollDelayMs(attempt: number): number {
  return Math.round(Math.min(30_000, 500 * 1.1 ** (attempt - 1)));
}

/**
 * About 8 s, 30 s, 80 s and 4 min after its creation: an extra job shows when the provider's list has caught up, and costs
 * the less the sooner it is cancelled.
 */
function isTimeForExtras(attempt: number): boolean {
  return attempt % 10 === 0 && attempt <= 40;
}

/** Time spent training, without validation and queue where the provider says when training began. */
function trainingSeconds({ createdAt, finishedAt }: Job, startedAt: number | null): number | null {
  return finishedAt === null ? null : finishedAt - (startedAt ?? createdAt);
}
