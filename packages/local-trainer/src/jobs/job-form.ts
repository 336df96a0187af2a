import { isRecord } from '@tuneloop/app/internal/shared/json-body';
import type { Metrics, RequestedHyperparameters } from '../engine.ts';
import type { Checkpoint, FineTuningJob, JobEvent, JobRecord, JobStatus } from './job-record.ts';

const STATUSES: Readonly<Record<JobStatus, true>> = {
  validating_files: true,
  queued: true,
  running: true,
  succeeded: true,
  failed: true,
  cancelled: true,
};

/** Whether a value that was read from disk is what is kept of a job. */
export function isJobRecord(value: unknown): value is JobRecord {
  return (
    isRecord(value) &&
    isNumber(value.sequence) &&
    isText(value.modelId) &&
    (value.startedAt === null || isNumber(value.startedAt)) &&
    isNumber(value.trainingTokens) &&
    isJob(value.job) &&
    isListOf(value.checkpoints, isCheckpoint) &&
    isListOf(value.deletedModels, isText)
  );
}

/** Whether a value that was read from disk is an event of a job. */
export function isJobEvent(value: unknown): value is JobEvent {
  return (
    isRecord(value) &&
    value.object === 'fine_tuning.job.event' &&
    isText(value.id) &&
    isNumber(value.created_at) &&
    isText(value.message) &&
    (value.level === 'info' || value.level === 'warn' || value.level === 'error') &&
    (value.type === 'metrics' ? isMetrics(value.data) : value.type === 'message' && isRecord(value.data))
  );
}

/** Whether a value is a status that a job can have. */
export function isJobStatus(value: unknown): value is JobStatus {
  return isText(value) && Object.hasOwn(STATUSES, value);
}

function isJob(value: unknown): value is FineTuningJob {
  return (
    isRecord(value) &&
    value.object === 'fine_tuning.job' &&
    isText(value.id) &&
    isText(value.model) &&
    isNumber(value.created_at) &&
    isJobStatus(value.status) &&
    isText(value.training_file) &&
    (value.validation_file === null || isText(value.validation_file)) &&
    (value.fine_tuned_model === null || isText(value.fine_tuned_model)) &&
    isListOf(value.result_files, isText) &&
    isHyperparameters(value.hyperparameters) &&
    isRecord(value.error) &&
    isNumber(value.seed) &&
    (value.metadata === null || (isRecord(value.metadata) && Object.values(value.metadata).every(isText)))
  );
}

function isHyperparameters(value: unknown): value is RequestedHyperparameters {
  return (
    isRecord(value) &&
    ['n_epochs', 'batch_size', 'learning_rate_multiplier'].every((name) => name in value) &&
    Object.values(value).every((each) => each === undefined || each === 'auto' || isNumber(each))
  );
}

function isCheckpoint(value: unknown): value is Checkpoint {
  return (
    isRecord(value) &&
    isText(value.id) &&
    isNumber(value.created_at) &&
    isText(value.fine_tuned_model_checkpoint) &&
    isText(value.fine_tuning_job_id) &&
    isMetrics(value.metrics) &&
    isNumber(value.step_number)
  );
}

function isMetrics(value: unknown): value is Metrics {
  return isRecord(value) && isNumber(value.step) && isNumber(value.total_steps) && isNumber(value.train_loss);
}

function isListOf<T>(value: unknown, is: (each: unknown) => each is T): value is T[] {
  return Array.isArray(value) && value.every(is);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}
