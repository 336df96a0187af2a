import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { WORKFLOWS, wakeSignal } from '../../contract/messages.ts';
import { JOB } from '../../contract/search-attributes.ts';
import { isJobId } from '../../providers/profiles/index.ts';

/** One workflow waits for a job; a person may have started another one by hand. */
const MOST_WORKFLOWS = 10;
/** Less than the time that a sender waits for its answer. */
const TIMEOUT_MS = 5000;

/**
 * Tells the workflows that wait for a job of the provider to ask for it now.
 *
 * @returns their number: none for a foreign job, or one that is known to have ended
 * @throws the error of the Temporal client where the server does not answer
 */
export async function wakeJob(temporal: Client, jobId: string): Promise<number> {
  // No character of such an id could end the text of the query around it.
  if (!isJobId(jobId)) return 0;
  const query = `${JOB.name} = "${jobId}" AND WorkflowType = "${WORKFLOWS.fineTuningJob.name}" AND ExecutionStatus = "Running"`;
  return temporal.withDeadline(Date.now() + TIMEOUT_MS, async () => {
    let woken = 0;
    for await (const { workflowId, runId } of temporal.workflow.list({ query })) {
      try {
        await temporal.workflow.getHandle(workflowId, runId).signal(wakeSignal);
        woken += 1;
      } catch (error) {
        // It has ended meanwhile.
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      }
      if (woken === MOST_WORKFLOWS) break;
    }
    return woken;
  });
}
