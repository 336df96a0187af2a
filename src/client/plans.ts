import type { Client, WorkflowHandle } from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import { DEFINITION } from '../config/definition.ts';
import type { Environment } from '../config/environment.ts';
import { planId } from '../contract/ids.ts';
import { WORKFLOWS } from '../contract/messages.ts';
import { PIPELINE } from '../contract/search-attributes.ts';
import type { Pipeline } from '../core/run/pipeline.ts';
import type { PlannedRun } from '../core/run/planned-run.ts';
import { saveStored } from '../stores/stored-objects.ts';
import { artifactsOf, endWithoutResult } from './runs.ts';

export type PlanHandle = WorkflowHandle<typeof WORKFLOWS.planRun>;

/** A plan, or its failure, as it is printed with `--json`. */
export type EndedPlan =
  | ({ planId: string; status: 'completed' } & PlannedRun)
  | { planId: string; status: 'cancelled' | 'failed'; error: { code: string; message: string } };

export interface PlanOptions {
  /** Cancels the plan. */
  signal?: AbortSignal;
  /** Is called and awaited once the plan has been started. */
  onStarted?: (started: StartedPlan) => void | Promise<void>;
}

export interface StartedPlan {
  planId: string;
  /** Its page in Temporal's Web UI. */
  webUi: string;
}

/** Starts the workflow that plans a run. It uploads and pays nothing. */
export async function startPlan(client: Client, environment: Environment, pipeline: Pipeline): Promise<PlanHandle> {
  const definition = await saveStored(DEFINITION, artifactsOf(environment), pipeline);
  return client.workflow.start(WORKFLOWS.planRun, {
    workflowId: planId(pipeline.name, new Date()),
    taskQueue: environment.taskQueue,
    args: [{ definition }],
    typedSearchAttributes: new TypedSearchAttributes([{ key: PIPELINE, value: pipeline.name }]),
    staticSummary: `plan: ${pipeline.name}`,
  });
}

/** Waits for a plan. The signal cancels the plan, because only this caller waits for it. */
export async function planResult(handle: PlanHandle, signal?: AbortSignal): Promise<EndedPlan> {
  const id = handle.workflowId;
  const cancel = () => void handle.cancel();
  if (signal?.aborted) cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    return { planId: id, status: 'completed', ...(await handle.result()) };
  } catch (error) {
    return { planId: id, ...endWithoutResult(error) };
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}
