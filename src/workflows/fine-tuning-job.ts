import {
  CancellationScope,
  defineSignal,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { JobOutcome } from '../activities/await-job.ts';
import type { Activities } from '../activities/create-activities.ts';
import type { JobInput } from '../activities/job-input.ts';
import { BILLABLE, CANCEL, POLL } from './activity-options.ts';
import { endOf, reasonOf, wasCancelled } from './failure-reason.ts';
import { pauseCodeOf, pauseReasonOf } from './pause.ts';

const { createJob } = proxyActivities<Activities>(BILLABLE);
const { awaitJob, awaitModel } = proxyActivities<Activities>(POLL);
const { cancelJobs } = proxyActivities<Activities>(CANCEL);

/** Cancels the job of a candidate that promises little, for this reason. A job that has ended by then is left as it is. */
export const stop = defineSignal<[string]>('stop');

export interface FineTuningJobInput extends JobInput {
  /** Whether the parent is told, by a signal `epochEnded`, of each of the first epochs that ends. */
  reportEpochs: boolean;
}

/** One candidate: create its job once, wait until its model answers, and whatever goes wrong leave nothing running. */
export async function fineTuningJob({ reportEpochs, ...input }: FineTuningJobInput): Promise<JobOutcome> {
  const { definition, candidate } = input;
  const { parent } = workflowInfo();
  const reportTo = reportEpochs && parent ? { workflowId: parent.workflowId, runId: parent.runId } : undefined;
  let jobId: string | null = null;
  const stopped: { reason: string | null } = { reason: null };
  // Of its own, so that a stop reaches neither the creation, which has to be finished, nor a job that has succeeded.
  const waiting = new CancellationScope();
  setHandler(
    stop,
    (reason) => {
      stopped.reason ??= reason;
      waiting.cancel();
    },
    { description: 'Cancels the job, for a reason that its candidate is shown with' },
  );
  const cancel = () =>
    CancellationScope.nonCancellable(() =>
      cancelJobs.executeWithOptions({ summary: `cancel ${candidate.id}` }, [{ ...input, jobId }]),
    );
  try {
    setCurrentDetails('Creating the job');
    const created = await createJob.executeWithOptions({ summary: `create ${candidate.id}` }, [input]);
    if ('refused' in created) {
      const { code, message: reason } = created.refused;
      return { state: 'failed', jobId, reason, trainingUsd: 0, pause: pauseCodeOf(code) };
    }
    const id = created.jobId;
    jobId = id;
    setCurrentDetails(`Waiting for ${id}${created.adopted ? ', which an earlier attempt had created' : ''}`);
    const summary = `wait for ${id}`;
    let outcome: JobOutcome;
    try {
      outcome = await waiting.run(() => awaitJob.executeWithOptions({ summary }, [{ ...input, jobId: id, reportTo }]));
    } catch (error) {
      const { reason } = stopped;
      if (reason === null || !isCancellation(error) || CancellationScope.current().consideredCancelled) throw error;
      const { trainingUsd } = await cancel();
      // It may have ended before it could be cancelled: the provider has the last word.
      outcome = await awaitJob.executeWithOptions({ summary }, [{ ...input, jobId: id }]);
      if (outcome.state === 'cancelled') {
        outcome = { state: 'stopped', jobId: id, reason, trainingUsd: outcome.trainingUsd ?? trainingUsd };
      }
    }
    if (outcome.state === 'succeeded') {
      setCurrentDetails(`${id} succeeded; waiting until ${outcome.model} answers`);
      await awaitModel.executeWithOptions({ summary: 'wait until the model answers' }, [
        { definition, model: outcome.model },
      ]);
    }
    setCurrentDetails(`${id} ${outcome.state}`);
    return outcome;
  } catch (error) {
    // Whatever happened, and where cancellation does not reach: the job may exist although its id never came back.
    const { trainingUsd } = await cancel();
    if (wasCancelled(error) || pauseReasonOf(error)) throw endOf(error);
    const reason = reasonOf(error);
    setCurrentDetails(reason);
    return { state: 'failed', jobId, reason, trainingUsd, pause: null };
  }
}
