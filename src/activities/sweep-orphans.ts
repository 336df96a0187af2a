import { WorkflowNotFoundError } from '@temporalio/client';
import { LEASE_PREFIX, leaseOwner } from '../contract/ids.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import type { ProviderChoice } from '../core/run/pipeline.ts';
import type { SweepResult } from '../core/run/sweep-result.ts';
import { ProviderError } from '../providers/provider-error.ts';
import type { Serving } from '../providers/serving.ts';
import type { JobOwner, OwnedJob } from '../providers/training.ts';
import { type Dependencies, loadPipeline } from './support/dependencies.ts';

const LOOK_BACK_DAYS = 60;
const DAY_MS = 86_400_000;

/**
 * Cancels every job that carries our labels and whose workflow has closed. A job whose workflow this server does not
 * know is left alone: it may belong to another Temporal server that uses the same account. Serving leases are removed likewise.
 */
export function createSweepOrphans(dependencies: Dependencies) {
  const { log } = dependencies;
  return async (): Promise<SweepResult> => {
    const result: SweepResult = { pending: 0, cancelled: [], removed: [], failed: [] };
    for (const choice of await providersInUse(dependencies)) {
      try {
        const { training, serving } = dependencies.connectProvider(choice);
        const jobs = await training.listPendingJobs();
        const ownerOf = ownersBy(dependencies);
        result.pending += jobs.length;
        for (const { id, owner: label } of jobs) {
          const owner = await ownerOf(label);
          if (!owner || !(await isOrphan(dependencies, owner))) continue;
          await training.cancelJob(id);
          log.warn({ job: id, workflowId: owner.workflowId }, 'a job that no workflow waited for was cancelled');
          result.cancelled.push({ jobId: id, workflowId: owner.workflowId });
        }
        if (serving) result.removed.push(...(await removeOrphanLeases(dependencies, serving)));
      } catch (error) {
        // The others are swept nevertheless, and this one the next time.
        if (!(error instanceof ProviderError)) throw error;
        result.failed.push(error.message);
      }
    }
    return result;
  };
}

/** Removes the leases whose names carry an execution of ours that has closed. @returns their names */
async function removeOrphanLeases(dependencies: Dependencies, serving: Serving): Promise<string[]> {
  const removed: string[] = [];
  for (const lease of await serving.list(LEASE_PREFIX)) {
    const executionId = leaseOwner(lease.name);
    const owner = executionId && (await executionOf(dependencies, executionId));
    if (!owner || !(await isOrphan(dependencies, owner))) continue;
    await serving.remove(lease);
    dependencies.log.warn(
      { lease: lease.name, workflowId: owner.workflowId },
      'a serving lease that nobody needed was removed',
    );
    removed.push(lease.name);
  }
  return removed;
}

async function executionOf({ temporal }: Dependencies, executionId: string): Promise<Execution | undefined> {
  for await (const { workflowId } of temporal.workflow.list({ query: `RunId = "${executionId}"` })) {
    return { workflowId, executionId };
  }
  return undefined;
}

/** The providers of the runs of the last weeks, each once. */
async function providersInUse(dependencies: Dependencies): Promise<ProviderChoice[]> {
  const since = new Date(Date.now() - LOOK_BACK_DAYS * DAY_MS).toISOString();
  const query = `WorkflowType = "fineTuningPipeline" AND StartTime > "${since}"`;
  const definitions = new Map<string, ArtifactRef>();
  for await (const { memo } of dependencies.temporal.workflow.list({ query })) {
    const definition = memo?.definition as ArtifactRef | undefined;
    if (definition) definitions.set(definition.sha256, definition);
  }
  const choices = new Map<string, ProviderChoice>();
  for (const definition of definitions.values()) {
    // Runs of another home folder are swept from there.
    const pipeline = await loadPipeline(dependencies, definition).catch(() => undefined);
    if (pipeline) choices.set(JSON.stringify(pipeline.provider), pipeline.provider);
  }
  return [...choices.values()];
}

type Execution = Pick<JobOwner, 'workflowId' | 'executionId'>;

/** Finds the execution that a job's owner names; undefined where this server knows none. The executions are listed once, when first needed. */
function ownersBy({ temporal }: Dependencies): (owner: OwnedJob['owner']) => Promise<Execution | undefined> {
  let listed: Promise<Execution[]> | undefined;
  const list = async (): Promise<Execution[]> => {
    const since = new Date(Date.now() - LOOK_BACK_DAYS * DAY_MS).toISOString();
    const query = `WorkflowType = "fineTuningJob" AND StartTime > "${since}"`;
    const executions: Execution[] = [];
    for await (const { workflowId, runId } of temporal.workflow.list({ query })) {
      executions.push({ workflowId, executionId: runId });
    }
    return executions;
  };
  return async (owner) => {
    if ('workflowId' in owner) return owner;
    listed ??= list();
    return (await listed).find(({ executionId }) => executionId.endsWith(owner.executionEnd));
  };
}

async function isOrphan({ temporal }: Dependencies, { workflowId, executionId }: Execution): Promise<boolean> {
  try {
    // The execution that created the job shows that it is ours; the newest execution of the same id shows whether a workflow still waits
    // for it.
    await temporal.workflow.getHandle(workflowId, executionId).describe();
    const { status } = await temporal.workflow.getHandle(workflowId).describe();
    return status.name !== 'RUNNING' && status.name !== 'PAUSED';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
