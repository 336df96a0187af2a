import type { FineTuningJobCheckpoint } from 'openai/resources/fine-tuning/jobs/checkpoints';
import type { FineTuningJob, FineTuningJobEvent } from 'openai/resources/fine-tuning/jobs/jobs';
import type { JobPhase } from '../../core/run/job-heartbeat.ts';
import type { Checkpoint, MetricPoint } from '../../core/run/training-metrics.ts';
import { isLabelOf, labelOwner } from '../job-label.ts';
import { needsPerson } from '../provider-error.ts';
import {
  endsEpoch,
  type Job,
  type JobIdentity,
  type JobOwner,
  type JobRequest,
  type JobState,
  type OwnedJob,
} from '../training.ts';

/** What our jobs carry in their metadata: the key under which they are found again, and whose they are. */
export const KEY = 'tuneloop_key';
const OWNER = { pipeline: 'tuneloop_pipeline', workflowId: 'tuneloop_job', executionId: 'tuneloop_execution' } as const;
/** The protocol's limit for a value of the metadata. */
const LONGEST_VALUE = 512;
const LONGEST_FAILURE = 500;

const ENDED = new Map<string, JobState>([
  ['succeeded', 'succeeded'],
  ['failed', 'failed'],
  ['cancelled', 'cancelled'],
]);

// A status that is not listed here nor above counts as running, and is not known.
const PHASES = new Map<string, JobPhase>([
  ['validating_files', 'validating'],
  ['queued', 'queued'],
  ['running', 'running'],
  ['pausing', 'running'],
  ['paused', 'running'],
]);

export function toJob(job: FineTuningJob): Job {
  return {
    id: job.id,
    state: ENDED.get(job.status) ?? 'pending',
    phase: PHASES.get(job.status) ?? 'running',
    known: PHASES.has(job.status) || ENDED.has(job.status),
    status: job.status,
    // Other hosts leave fields out where OpenAI says null.
    model: job.fine_tuned_model ?? null,
    failure: failureOf(job),
    needsPerson: needsPerson(job.error?.code ?? ''),
    createdAt: job.created_at ?? 0,
    finishedAt: job.finished_at ?? null,
    trainedTokens: job.trained_tokens ?? null,
  };
}

/** Healthy jobs may carry an empty error object: only a code says that something failed, or the state of the job. */
function failureOf({ status, error }: FineTuningJob): string | null {
  if (error?.code) return `${error.code}: ${error.message}`.slice(0, LONGEST_FAILURE);
  const text: unknown = typeof error === 'string' ? error : error?.message;
  return status === 'failed' && typeof text === 'string' && text !== '' ? text.slice(0, LONGEST_FAILURE) : null;
}

/** Undefined for events that are about something else than a step. */
export function toMetricPoint({ type, data }: FineTuningJobEvent): MetricPoint | undefined {
  const metrics = recordOf(data);
  const step = numberOrNull(metrics.step);
  if (type !== 'metrics' || step === null) return undefined;
  return {
    step,
    totalSteps: numberOrNull(metrics.total_steps),
    trainLoss: numberOrNull(metrics.train_loss),
    validLoss: numberOrNull(metrics.valid_loss),
    fullValidLoss: numberOrNull(metrics.full_valid_loss),
    fullValidAccuracy: numberOrNull(metrics.full_valid_mean_token_accuracy),
  };
}

/** About `most` points, evenly spread, counted from the newest; ends of epochs are never dropped. */
export function thinned(points: readonly MetricPoint[], most: number): MetricPoint[] {
  const ends = points.filter(endsEpoch).length;
  const stride = Math.max(1, (points.length - ends) / Math.max(1, most - ends));
  let newer = points.length - ends;
  return points.filter((point) => {
    if (endsEpoch(point)) return true;
    newer -= 1;
    return Math.floor(newer / stride) !== Math.floor((newer - 1) / stride);
  });
}

/**
 * The protocol counts steps and names no epochs. There is one checkpoint an epoch, so the least distance between two, or
 * from the beginning to the first, is the length of an epoch.
 */
export function toCheckpoints(checkpoints: readonly FineTuningJobCheckpoint[]): Checkpoint[] {
  const sorted = checkpoints.toSorted((a, b) => a.step_number - b.step_number);
  const steps = sorted.map(({ step_number: step }) => step);
  const epochSteps = Math.max(1, Math.min(...steps.map((step, place) => step - (steps[place - 1] ?? 0))));
  return sorted.map(({ step_number: step, fine_tuned_model_checkpoint: model, metrics }) => ({
    epoch: Math.round(step / epochSteps),
    step,
    model,
    validLoss: numberOrNull(metrics?.full_valid_loss),
    validAccuracy: numberOrNull(metrics?.full_valid_mean_token_accuracy),
  }));
}

/**
 * Compared here and not only by the server, which may not know the filter and answer with all jobs. A server that keeps
 * no metadata leaves the second fingerprint: nobody else has the same file, model and 31 bits of a hash as seed.
 */
export function isSame(
  job: FineTuningJob,
  { key, baseModel, trainingFile, seed }: JobIdentity,
  isModel: (jobModel: string, baseModel: string) => boolean,
): boolean {
  const keyOfJob = job.metadata?.[KEY];
  if (keyOfJob !== undefined) return keyOfJob === key;
  if (isLabelOf(suffixOf(job), { key })) return true;
  return job.training_file === trainingFile && job.seed === seed && isModel(job.model, baseModel);
}

export function metadataOf({ key, owner }: JobRequest): Record<string, string> {
  const fields = Object.entries(OWNER) as [keyof JobOwner, string][];
  return {
    ...Object.fromEntries(fields.map(([field, name]) => [name, owner[field].slice(0, LONGEST_VALUE)])),
    [KEY]: key,
  };
}

export function ownerOf(job: FineTuningJob): OwnedJob['owner'] | undefined {
  const { metadata } = job;
  const { pipeline, workflowId, executionId } = OWNER;
  const [of, by, execution] = [metadata?.[pipeline], metadata?.[workflowId], metadata?.[executionId]];
  if (of && by && execution) return { pipeline: of, workflowId: by, executionId: execution };
  return labelOwner(suffixOf(job));
}

/** The suffix of a job: its own field where the server keeps it, which the client's types leave out. */
export function suffixOf(job: FineTuningJob): string | null {
  const { suffix, user_provided_suffix: other } = recordOf(job);
  return [suffix, other].find((value) => typeof value === 'string') ?? null;
}

/** The fields of an object; none, where a value is no object. */
export function recordOf(value: unknown): Partial<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

export function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
