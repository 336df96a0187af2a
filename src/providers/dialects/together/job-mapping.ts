import type { JobPhase } from '../../../core/run/job-heartbeat.ts';
import type { Checkpoint, MetricPoint } from '../../../core/run/training-metrics.ts';
import { isLabelOf } from '../../job-label.ts';
import { numberOrNull } from '../../openai-protocol/job-mapping.ts';
import { modelId, type ProviderProfile } from '../../profile.ts';
import type { Job, JobIdentity, JobState } from '../../training.ts';
import type { TogetherCheckpoint, TogetherJob } from './answers.ts';

const ENDED = new Map<string, JobState>([
  ['completed', 'succeeded'],
  ['error', 'failed'],
  ['user_error', 'failed'],
  ['cancelled', 'cancelled'],
]);

// A status that is not listed here nor above counts as running, and is not known.
const PHASES = new Map<string, JobPhase>([
  ['pending', 'queued'],
  ['queued', 'queued'],
  ['running', 'running'],
  ['compressing', 'running'],
  ['uploading', 'running'],
  ['cancel_requested', 'running'],
]);

/** Prices come in billionths of a dollar. */
const PER_USD = 1e9;
/** A measurement belongs to the end of an epoch if it is at most this part of an epoch away from it. */
const NEAR = 0.25;

export function toJob(job: TogetherJob): Job {
  const state = ENDED.get(job.status) ?? 'pending';
  return {
    id: job.id,
    state,
    phase: PHASES.get(job.status) ?? 'running',
    known: PHASES.has(job.status) || ENDED.has(job.status),
    status: job.status,
    // The name may be there before the model is.
    model: state === 'succeeded' ? (job.model_output_name ?? null) : null,
    failure: state === 'failed' ? failureOf(job) : null,
    needsPerson: (job.events ?? []).some(({ type }) => type === 'billing_limit') && state === 'failed',
    createdAt: secondsOf(job.created_at) ?? 0,
    finishedAt: state === 'pending' ? null : (secondsOf(job.updated_at) ?? null),
    ...paidOf(state, job),
  };
}

/** A failed job is not charged; a cancelled one pays for its completed steps. */
function paidOf(state: JobState, { token_count: tokens, total_price: price }: TogetherJob) {
  if (state === 'pending') return { trainedTokens: null };
  if (state === 'failed') return { trainedTokens: null, costUsd: 0 };
  return { trainedTokens: tokens || null, costUsd: price == null ? null : price / PER_USD };
}

function failureOf({ status, events }: TogetherJob): string {
  const told = (events ?? []).filter(
    ({ type, level, message }) => message && (type === 'job_error' || type === 'billing_limit' || level === 'error'),
  );
  return (told.at(-1)?.message ?? `the provider says "${status}" and gives no reason`).slice(0, 500);
}

/** Unix seconds of a time stamp. */
export function secondsOf(time: string | null | undefined): number | null {
  const milliseconds = time ? Date.parse(time) : Number.NaN;
  return Number.isFinite(milliseconds) ? Math.floor(milliseconds / 1000) : null;
}

/** By the label that we gave it, and where that is lost by three figures that nobody else's job has together. */
export function isSame(job: TogetherJob, identity: JobIdentity, profile: Pick<ProviderProfile, 'models'>): boolean {
  if (labelsOf(job).some((label) => isLabelOf(label, identity))) return true;
  return (
    job.training_file === identity.trainingFile &&
    job.model === modelId(profile, identity.baseModel) &&
    job.random_seed === identity.seed
  );
}

/** Where our label may stand: in the suffix, or in the name of the model that a list without suffixes still has. */
export function labelsOf({ suffix, model_output_name: model }: TogetherJob): string[] {
  if (suffix) return [suffix];
  if (!model) return [];
  // `account/base:suffix:job`, and in older jobs `account/base-suffix-1a2b3c4d`.
  return [model.split(':')[1] ?? '', model.replace(/-[0-9a-f]{8}$/, '')];
}

/** The steps and epochs of a job, from which the ends of its epochs follow. */
export interface JobLength {
  epochs: number | null;
  totalSteps: number | null;
}

export function lengthOf({ n_epochs: epochs, events }: TogetherJob): JobLength {
  const totals = (events ?? []).flatMap(({ total_steps: total }) => (total ? [total] : []));
  return { epochs: epochs ?? null, totalSteps: totals.length === 0 ? null : Math.max(...totals) };
}

type Row = Readonly<Record<string, unknown>>;

/**
 * The figures of each step. What was measured in training and what on the validation file comes in separate rows, which a step joins. Every
 * measurement on the validation file is one of the end of an epoch, because jobs are created with as many measurements as epochs. If the
 * measurement of an epoch is missing, the later ones count no longer as ends of epochs: they would be taken for those of the epochs before.
 */
export function toMetricPoints(rows: readonly Row[], length: JobLength): MetricPoint[] {
  const points = new Map<number, MetricPoint>();
  for (const row of rows) {
    const step = numberOrNull(row['train/global_step']) ?? numberOrNull(row['eval/global_step']);
    if (step === null) continue;
    const before = points.get(step);
    points.set(step, {
      step,
      totalSteps: length.totalSteps,
      trainLoss: numberOrNull(row['train/loss']) ?? before?.trainLoss ?? null,
      validLoss: null,
      fullValidLoss: numberOrNull(row['eval/loss']) ?? before?.fullValidLoss ?? null,
      fullValidAccuracy: numberOrNull(row['eval/accuracy']) ?? before?.fullValidAccuracy ?? null,
    });
  }
  const sorted = [...points.values()].toSorted((a, b) => a.step - b.step);
  return withEpochs(sorted, length);
}

function withEpochs(points: readonly MetricPoint[], length: JobLength): MetricPoint[] {
  const measured = points.filter(isMeasured).map(({ step }) => step);
  const epochSteps = epochLength(measured, length);
  let ended = 0;
  return points.map((point) => {
    if (point.step > 0 && !isMeasured(point)) return point;
    if (epochOf(point.step, epochSteps) === ended + 1) {
      ended += 1;
      return point;
    }
    return { ...point, validLoss: point.fullValidLoss, fullValidLoss: null, fullValidAccuracy: null };
  });
}

function isMeasured({ step, fullValidLoss, fullValidAccuracy }: MetricPoint): boolean {
  // A model may be measured before its first step, which ends no epoch.
  return step > 0 && (fullValidLoss !== null || fullValidAccuracy !== null);
}

/** From the job where it says its steps; else the least distance between two ends of epochs, or from the beginning to the first. */
function epochLength(ends: readonly number[], { epochs, totalSteps }: JobLength): number {
  if (epochs && totalSteps) return totalSteps / epochs;
  return Math.max(1, Math.min(...ends.map((step, place) => step - (ends[place - 1] ?? 0))));
}

/** Null for a step in the middle of an epoch. */
function epochOf(step: number, epochSteps: number): number | null {
  const epochs = step / epochSteps;
  return Math.abs(epochs - Math.round(epochs)) <= NEAR ? Math.round(epochs) : null;
}

/** One checkpoint an epoch, with what was measured then. Adapters are left out where the whole model of the same step is there. */
export function toCheckpoints(
  checkpoints: readonly TogetherCheckpoint[],
  job: TogetherJob,
  points: readonly MetricPoint[],
): Checkpoint[] {
  const bySteps = new Map<number, TogetherCheckpoint>();
  for (const checkpoint of checkpoints) {
    if (!bySteps.has(checkpoint.step) || !isAdapter(checkpoint)) bySteps.set(checkpoint.step, checkpoint);
  }
  const sorted = [...bySteps.values()].toSorted((a, b) => a.step - b.step);
  const last = sorted.at(-1)?.step ?? 0;
  const epochSteps = epochLength(
    sorted.map(({ step }) => step),
    { epochs: job.n_epochs ?? null, totalSteps: last },
  );
  return sorted.map((checkpoint) => {
    const { step } = checkpoint;
    const point = points.find((each) => each.step === step);
    return {
      epoch: Math.max(1, Math.round(step / epochSteps)),
      step,
      model: step === last ? (job.model_output_name ?? '') : nameOf(checkpoint, job),
      validLoss: point?.fullValidLoss ?? point?.validLoss ?? null,
      validAccuracy: point?.fullValidAccuracy ?? null,
    };
  });
}

function isAdapter({ checkpoint_type: type }: TogetherCheckpoint): boolean {
  return /adapter/i.test(type);
}

/** The name in the list of models where there is one, else the form in which jobs name a checkpoint to go on from. */
function nameOf({ object_name: name, step }: TogetherCheckpoint, { model_output_name: model }: TogetherJob): string {
  return name ?? `${model}:${step}`;
}
