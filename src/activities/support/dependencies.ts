import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import { z } from 'zod';
import { DEFINITION } from '../../config/definition.ts';
import { pipelineSchema } from '../../config/pipeline.ts';
import { contentOf } from '../../contract/stored/format.ts';
import type { Prices } from '../../core/evaluation/cost.ts';
import type { ArtifactRef } from '../../core/run/artifact-ref.ts';
import type { Pipeline, ProviderChoice } from '../../core/run/pipeline.ts';
import { TuneloopError } from '../../errors.ts';
import type { Provider } from '../../providers/provider.ts';
import type { ArtifactStore } from '../../stores/artifact-store.ts';
import { loadJson } from '../../stores/stored-objects.ts';

/** Everything that activities need from outside; there are no globals. */
export interface Dependencies {
  artifacts: ArtifactStore;
  /** Folder of the runs' reports and unfinished predictions; see `stores/run-folder.ts`. */
  home: string;
  prices: Prices;
  connectProvider(choice: ProviderChoice): Provider;
  /** The Temporal server of the worker, which knows the open runs and the month's budget. */
  temporal: Client;
  /** The most that all runs together may spend in a month, in USD; null for no cap. */
  monthlyBudgetUsd: number | null;
  log: Logger;
}

/**
 * The pipeline that the client stored when it started the run. Checked again: another client may have started the run with an artifact that
 * is no pipeline, or an older version without a key that has a default now.
 */
export async function loadPipeline({ artifacts }: Dependencies, definition: ArtifactRef): Promise<Pipeline> {
  const { success, data, error } = pipelineSchema.safeParse(
    contentOf(DEFINITION, await loadJson(artifacts, definition), definition.uri),
  );
  if (success) return data;
  throw new TuneloopError('PIPELINE_INVALID', `${definition.uri} is no pipeline: ${z.prettifyError(error)}`);
}

/** The id of the workflow that called the activity. It comes from Temporal and not from the caller, so it can name a folder. */
export function currentWorkflowId(): string {
  const { workflowExecution } = Context.current().info;
  if (!workflowExecution) throw new Error('this activity was not started by a workflow');
  return workflowExecution.workflowId;
}

/** Names an evaluation among all, by Temporal's ids: another run of the same name is another one. */
export function currentEvaluation(name: string): string {
  return [currentWorkflowId(), Context.current().info.workflowExecution?.runId, name].join(' ');
}
