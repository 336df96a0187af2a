import type { Client } from '@temporalio/client';
import { BEST_SCORE, STAGE, WINNER } from '../contract/search-attributes.ts';
import type { PauseReason } from '../core/run/pause-reason.ts';
import { TuneloopError } from '../errors.ts';
import { describeRun, type RunHandle, type RunStatus, resumeRun, statusOf } from './runs.ts';

/** A run in a list. */
export interface ListedRun {
  runId: string;
  status: RunStatus;
  /** ISO 8601. */
  startTime: string;
  stage: string | null;
  winner: string | null;
  /** Of the winner, on the validation rows, 0 to 1. */
  score: number | null;
}

/** The newest runs, at most `limit` of them, newest first. */
export async function listRuns(client: Client, limit: number): Promise<ListedRun[]> {
  const runs: ListedRun[] = [];
  for await (const info of client.workflow.list({ query: 'WorkflowType = "fineTuningPipeline"' })) {
    runs.push({
      runId: info.workflowId,
      status: statusOf(info),
      startTime: info.startTime.toISOString(),
      stage: info.typedSearchAttributes.get(STAGE) ?? null,
      winner: info.typedSearchAttributes.get(WINNER) ?? null,
      score: info.typedSearchAttributes.get(BEST_SCORE) ?? null,
    });
    if (runs.length === limit) break;
  }
  return runs;
}

/** A run after a request to end: `cancelling`, or the status of one that had ended before. */
export interface CancelledRun {
  runId: string;
  status: 'cancelling' | RunStatus;
}

/** Asks a run to end; it cancels its jobs at the provider first. @throws TuneloopError RUN_NOT_FOUND */
export async function cancelRun(client: Client, id: string): Promise<CancelledRun> {
  const handle = client.workflow.getHandle(id);
  const status = statusOf(await describeRun(handle));
  if (status !== 'running') return { runId: id, status };
  await handle.cancel();
  return { runId: id, status: 'cancelling' };
}

/** A resumed run, with the reason of its pause. */
export interface ResumedRun {
  runId: string;
  resumed: PauseReason;
}

/** Resumes a paused run. @throws TuneloopError RUN_NOT_FOUND, RUN_NOT_PAUSED */
export async function resumePausedRun(client: Client, id: string): Promise<ResumedRun> {
  const handle: RunHandle = client.workflow.getHandle(id);
  const status = statusOf(await describeRun(handle));
  if (status !== 'running') throw new TuneloopError('RUN_NOT_PAUSED', `${id} has ended already: ${status}`);
  const { code, message } = await resumeRun(client, handle);
  return { runId: id, resumed: { code, message } };
}
