import path from 'node:path';
import {
  type Client,
  defaultPayloadConverter,
  ServiceError,
  type WorkflowExecutionDescription,
  WorkflowFailedError,
  type WorkflowHandle,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, TemporalFailure, TypedSearchAttributes } from '@temporalio/common';
import { DEFINITION } from '../config/definition.ts';
import type { Environment } from '../config/environment.ts';
import { readPipelineFile } from '../config/pipeline-file.ts';
import { jobWorkflowId, runId, runName } from '../contract/ids.ts';
import { progressQuery, resumeUpdate, WORKFLOWS } from '../contract/messages.ts';
import { PIPELINE, STAGE } from '../contract/search-attributes.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import type { JobHeartbeat } from '../core/run/job-heartbeat.ts';
import type { PauseReason } from '../core/run/pause-reason.ts';
import type { Pipeline } from '../core/run/pipeline.ts';
import type { RunProgress } from '../core/run/run-progress.ts';
import type { RunResult } from '../core/run/run-result.ts';
import type { StepProgress } from '../core/run/step-progress.ts';
import { TuneloopError } from '../errors.ts';
import type { ArtifactStore } from '../stores/artifact-store.ts';
import { openArtifacts } from '../stores/open-stores.ts';
import { loadStored, saveStored } from '../stores/stored-objects.ts';
import { askIfAnswered } from './follow.ts';

export type RunHandle = WorkflowHandle<typeof WORKFLOWS.fineTuningPipeline>;

export type RunStatus = 'running' | 'completed' | 'failed' | 'cancelled' | 'terminated' | 'timed_out' | 'unknown';

/** A run as commands print it with `--json`. */
export interface RunJson extends Partial<RunResult> {
  runId: string;
  status: RunStatus;
  error?: { code: string; message: string };
  historyEvents: number;
  seconds: number;
}

export function artifactsOf({ home }: Environment): ArtifactStore {
  return openArtifacts(home);
}

/** Everything that the start of a run needs except its id. The definition is stored and travels as a reference. */
export async function runOptions(environment: Environment, file: string) {
  const pipeline = await readPipelineFile(file);
  const definition = await saveStored(DEFINITION, artifactsOf(environment), pipeline);
  return {
    pipeline,
    options: {
      taskQueue: environment.taskQueue,
      args: [{ definition }] as [{ definition: ArtifactRef }],
      memo: { definition },
      typedSearchAttributes: new TypedSearchAttributes([
        { key: PIPELINE, value: pipeline.name },
        { key: STAGE, value: 'collect' },
      ]),
      staticSummary: `${pipeline.task}: ${pipeline.name}`,
      staticDetails: `Pipeline file \`${path.basename(file)}\`, definition \`${definition.sha256.slice(0, 16)}\``,
    },
  };
}

/** Starts a run of a pipeline file. */
export async function startRun(client: Client, environment: Environment, file: string): Promise<RunHandle> {
  const { pipeline, options } = await runOptions(environment, file);
  const workflowId = runId(pipeline.name, runName(new Date()));
  return client.workflow.start(WORKFLOWS.fineTuningPipeline, { workflowId, ...options });
}

/** @throws TuneloopError RUN_NOT_FOUND */
export async function describeRun(handle: RunHandle): Promise<WorkflowExecutionDescription> {
  try {
    return await handle.describe();
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    throw new TuneloopError(
      'RUN_NOT_FOUND',
      `there is no run ${handle.workflowId}: \`tuneloop list\` shows the existing ones`,
    );
  }
}

/** The pipeline of a run, as it was when the run started. */
export async function pipelineOf(
  environment: Environment,
  description: WorkflowExecutionDescription,
): Promise<Pipeline> {
  const definition = description.memo?.definition;
  if (definition === undefined) {
    throw new TuneloopError('RUN_NOT_FOUND', `${description.workflowId} is not a run of a pipeline`);
  }
  return loadStored(DEFINITION, artifactsOf(environment), definition as ArtifactRef);
}

/** The run as it is now; for one that has ended, with its result or error. */
export async function runJson(handle: RunHandle): Promise<RunJson> {
  const description = await describeRun(handle);
  const { startTime, closeTime, historyLength } = description;
  const seconds = ((closeTime ?? new Date()).getTime() - startTime.getTime()) / 1000;
  const base: RunJson = {
    runId: handle.workflowId,
    status: statusOf(description),
    historyEvents: historyLength,
    seconds: Math.round(seconds * 10) / 10,
  };
  if (base.status === 'running') return base;
  try {
    return { ...base, ...(await handle.result()) };
  } catch (error) {
    return { ...base, error: failureOf(error) };
  }
}

export function statusOf({ status: { name } }: Pick<WorkflowExecutionDescription, 'status'>): RunStatus {
  return name === 'UNSPECIFIED' || name === 'CONTINUED_AS_NEW' || name === 'UNKNOWN' || name === 'PAUSED'
    ? 'unknown'
    : (name.toLowerCase() as RunStatus);
}

/** The innermost failure of a run: the cause, without the workflows and activities that it passed through. */
export function failureOf(error: unknown): { code: string; message: string } {
  if (!(error instanceof WorkflowFailedError)) return { code: 'INTERNAL', message: String(error) };
  let cause: Error | undefined = error.cause;
  while (cause instanceof TemporalFailure && cause.cause instanceof Error) cause = cause.cause;
  if (cause instanceof CancelledFailure) return { code: 'CANCELLED', message: 'it was cancelled' };
  const code = cause instanceof ApplicationFailure ? (cause.type ?? 'INTERNAL') : 'INTERNAL';
  return { code, message: cause?.message ?? error.message };
}

/** The end of a workflow that gave no result. @throws the error itself, where it is not about the end of a workflow. */
export function endWithoutResult(error: unknown): {
  status: 'cancelled' | 'failed';
  error: { code: string; message: string };
} {
  if (!(error instanceof WorkflowFailedError)) throw error;
  const failure = failureOf(error);
  return { status: failure.code === 'CANCELLED' ? 'cancelled' : 'failed', error: failure };
}

/** Asks a run for its progress; undefined while no worker can answer. */
export function progressOf(client: Client, handle: RunHandle): Promise<RunProgress | undefined> {
  return askIfAnswered(client, () => handle.query(progressQuery));
}

const UPDATE_TIMEOUT_MS = 10_000;

/** Resumes a paused run; answers with the reason of the pause. @throws TuneloopError RUN_NOT_PAUSED */
export async function resumeRun(client: Client, handle: RunHandle): Promise<PauseReason> {
  try {
    return await client.withDeadline(Date.now() + UPDATE_TIMEOUT_MS, () => handle.executeUpdate(resumeUpdate));
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) {
      throw new TuneloopError('RUN_NOT_PAUSED', `${handle.workflowId} is not paused: there is nothing to resume`);
    }
    if (error instanceof ServiceError) {
      throw new TuneloopError(
        'TEMPORAL_UNREACHABLE',
        `${handle.workflowId} did not answer: it needs a running worker, start one with \`npm run worker\``,
      );
    }
    throw error;
  }
}

/** The progress of the run's own step; undefined where it reports none. */
export function stepProgressOf({ raw }: WorkflowExecutionDescription): StepProgress | undefined {
  const payload = raw.pendingActivities?.[0]?.heartbeatDetails?.payloads?.[0];
  const progress = payload && defaultPayloadConverter.fromPayload<StepProgress | null>(payload);
  return progress?.step === undefined ? undefined : progress;
}

/** The last report of a candidate's job; undefined before its first report and after its end. */
export async function jobProgressOf(client: Client, run: string, candidate: string): Promise<JobHeartbeat | undefined> {
  try {
    const { raw } = await client.workflow.getHandle(jobWorkflowId(run, candidate)).describe();
    const payload = raw.pendingActivities?.[0]?.heartbeatDetails?.payloads?.[0];
    return payload ? defaultPayloadConverter.fromPayload<JobHeartbeat>(payload) : undefined;
  } catch {
    return undefined;
  }
}
