import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Pipeline, ProviderChoice } from '../config/pipeline.ts';
import type { Prices } from '../evaluation/cost.ts';
import type { Provider } from '../providers/provider.ts';
import { type ArtifactRef, type ArtifactStore, readJson } from '../storage/artifact-store.ts';

/** All that activities need from outside; there are no globals. */
export interface Dependencies {
  artifacts: ArtifactStore;
  /** Folder of the runs' reports and unfinished predictions; see `storage/run-folder.ts`. */
  home: string;
  prices: Prices;
  connectProvider(choice: ProviderChoice): Provider;
  /** The server that the worker works for: to ask which runs are open, and for the month's budget. */
  temporal: Client;
  /** What all runs together may spend in a month, in USD; null for no cap. */
  monthlyBudgetUsd: number | null;
  log: Logger;
}

/** The pipeline that the client stored when it started the run. */
export function loadPipeline({ artifacts }: Dependencies, definition: ArtifactRef): Promise<Pipeline> {
  return readJson<Pipeline>(artifacts, definition);
}

/** The id of the workflow that called the activity. From Temporal and not from the caller, so it can name a folder. */
export function currentWorkflowId(): string {
  const { workflowExecution } = Context.current().info;
  if (!workflowExecution) throw new Error('this activity was not started by a workflow');
  return workflowExecution.workflowId;
}
