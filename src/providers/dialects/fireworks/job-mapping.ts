import { z } from 'zod';
import type { JobPhase } from '../../../core/run/job-heartbeat.ts';
import type { Job, JobState } from '../../training.ts';
import { idOf, secondsOf } from './api.ts';

/** What a resource says about itself: an error code of gRPC, or OK. */
export const statusAnswer = z.object({ code: z.string().nullish(), message: z.string().nullish() });

/** A job, as far as we read it. 64-bit numbers are strings, and null stands for a field that is not set. */
export const jobAnswer = z.object({
  name: z.string(),
  displayName: z.string().nullish(),
  state: z.string().nullish(),
  status: statusAnswer.nullish(),
  outputModel: z.string().nullish(),
  createTime: z.string().nullish(),
  updateTime: z.string().nullish(),
  completedTime: z.string().nullish(),
  epochs: z.number().nullish(),
  metricsFileSignedUrl: z.string().nullish(),
  estimatedCost: z
    .object({
      currencyCode: z.string().nullish(),
      units: z.union([z.string(), z.number()]).nullish(),
      nanos: z.number().nullish(),
    })
    .nullish(),
});

export type JobAnswer = z.infer<typeof jobAnswer>;

const ENDED = new Map<string, JobState>([
  ['JOB_STATE_COMPLETED', 'succeeded'],
  ['JOB_STATE_EARLY_STOPPED', 'succeeded'],
  ['JOB_STATE_FAILED', 'failed'],
  ['JOB_STATE_EXPIRED', 'failed'],
  ['JOB_STATE_CANCELLED', 'cancelled'],
]);

// A state that is not listed here nor above counts as running, and is not known.
const PHASES = new Map<string, JobPhase>([
  ['JOB_STATE_CREATING', 'validating'],
  ['JOB_STATE_CREATING_INPUT_DATASET', 'validating'],
  ['JOB_STATE_VALIDATING', 'validating'],
  ['JOB_STATE_PENDING', 'queued'],
  ['JOB_STATE_RE_QUEUEING', 'queued'],
  ['JOB_STATE_RUNNING', 'running'],
  ['JOB_STATE_IDLE', 'running'],
  ['JOB_STATE_PAUSED', 'running'],
  ['JOB_STATE_WRITING_RESULTS', 'running'],
  ['JOB_STATE_CANCELLING', 'running'],
  ['JOB_STATE_DELETING', 'running'],
  ['JOB_STATE_DELETING_CLEANING_UP', 'running'],
]);

/** The code of a job that a quota or a limit on spending has ended. */
const NEEDS_A_PERSON = 'RESOURCE_EXHAUSTED';
const LONGEST_FAILURE = 500;

/** @param modelOf the name of the model that a job makes, where its answer leaves that out */
export function toJob(job: JobAnswer, modelOf: (id: string) => string): Job {
  const { name, createTime, updateTime, completedTime } = job;
  const status = job.state ?? 'JOB_STATE_UNSPECIFIED';
  const id = idOf(name);
  const state = ENDED.get(status) ?? 'pending';
  const code = job.status?.code ?? 'OK';
  const failed = state === 'failed' && code !== 'OK';
  return {
    id,
    state,
    phase: PHASES.get(status) ?? 'running',
    known: PHASES.has(status) || ENDED.has(status),
    status,
    model: state === 'succeeded' ? job.outputModel || modelOf(id) : null,
    failure: failed ? `${code}: ${job.status?.message ?? ''}`.slice(0, LONGEST_FAILURE) : null,
    needsPerson: failed && code === NEEDS_A_PERSON,
    createdAt: secondsOf(createTime) ?? 0,
    finishedAt: state === 'pending' ? null : secondsOf(completedTime ?? updateTime),
    // It tells what a job costs, and not how many tokens that were.
    trainedTokens: null,
    costUsd: state === 'pending' ? null : usdOf(job.estimatedCost),
  };
}

/** An amount of money: whole units, and billionths of one. Null where there is none, or not in dollars. */
export function usdOf(amount: JobAnswer['estimatedCost']): number | null {
  if (!amount) return null;
  const { currencyCode, units, nanos } = amount;
  // Zero may be left out: an amount without a currency and without a number is none.
  const isThere = (currencyCode ?? units ?? nanos ?? null) !== null;
  const usd = Number(units ?? 0) + (nanos ?? 0) / 1e9;
  return isThere && (currencyCode ?? 'USD') === 'USD' && Number.isFinite(usd) ? Number(usd.toFixed(9)) : null;
}
