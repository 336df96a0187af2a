import { CancellationScope, proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { JobOutcome } from '../activities/await-job.ts';
import type { Activities } from '../activities/create-activities.ts';
import type { JobInput } from '../activities/job-input.ts';
import { BILLABLE, CANCEL, POLL } from './activity-options.ts';
import { endOf, reasonOf, wasCancelled } from './failure-reason.ts';
import { pauseCodeOf, pauseReasonOf } from './pause.ts';

const { createJob } = proxyActivities<Activities>(BILLABLE);
const { awaitJob, awaitModel } = proxyActivities<Activities>(POLL);
const { cancelJobs } = proxyActivities<Activities>(CANCEL);

/** One candidate: create its job once, wait until its model answers, and whatever goes wrong leave nothing running. */
export async function fineTuningJob(input: JobInput): Promise<JobOutcome> {
  const { definition, candidate } = input;
  let jobId: string | null = null;
  try {
    setCurrentDetails('Creating the job');
    const created = await createJob.executeWithOptions({ summary: `create ${candidate.id}` }, [input]);
    if ('refused' in created) {
      const { code, message: reason } = created.refused;
      return { state: 'failed', jobId, reason, trainingUsd: 0, pause: pauseCodeOf(code) };
    }
    jobId = created.jobId;
    setCurrentDetails(`Waiting for ${jobId}${created.adopted ? ', which an earlier attempt had created' : ''}`);
    const outcome = await awaitJob.executeWithOptions({ summary: `wait for ${jobId}` }, [{ ...input, jobId }]);
    if (outcome.state === 'succeeded') {
      setCurrentDetails(`${jobId} succeeded; waiting until ${outcome.model} answers`);
      await awaitModel.executeWithOptions({ summary: 'wait until the model answers' }, [
        { definition, model: outcome.model },
      ]);
    }
    setCurrentDetails(`${jobId} ${outcome.state}`);
    return outcome;
  } catch (error) {
    // Whatever happened, and where cancellation does not reach: the job may exist although its id never came back.
    const { trainingUsd } = await CancellationScope.nonCancellable(() =>
      cancelJobs.executeWithOptions({ summary: `cancel ${candidate.id}` }, [{ ...input, jobId }]),
    );
    if (wasCancelled(error) || pauseReasonOf(error)) throw endOf(error);
    const reason = reasonOf(error);
    setCurrentDetails(reason);
    return { state: 'failed', jobId, reason, trainingUsd, pause: null };
  }
}
