import { CancellationScope, isCancellation, proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { JobOutcome } from '../activities/await-job.ts';
import type { Activities } from '../activities/create-activities.ts';
import type { CreateJobInput } from '../activities/create-job.ts';
import { BILLABLE, CANCEL, POLL } from './activity-options.ts';

const { createJob } = proxyActivities<Activities>(BILLABLE);
const { awaitJob } = proxyActivities<Activities>(POLL);
const { cancelJobs } = proxyActivities<Activities>(CANCEL);

/** One candidate: create its job once, wait until it has ended, and leave nothing running when cancelled. */
export async function fineTuningJob(input: CreateJobInput): Promise<JobOutcome> {
  const { definition, candidate } = input;
  try {
    setCurrentDetails('Creating the job');
    const { jobId, adopted } = await createJob.executeWithOptions({ summary: `create ${candidate.id}` }, [input]);
    setCurrentDetails(`Waiting for ${jobId}${adopted ? ', which an earlier attempt had created' : ''}`);
    const outcome = await awaitJob.executeWithOptions({ summary: `wait for ${jobId}` }, [
      { definition, jobId, baseModel: candidate.baseModel },
    ]);
    setCurrentDetails(`${jobId} ${outcome.state}`);
    return outcome;
  } catch (error) {
    if (isCancellation(error)) {
      // By key and not by id: the job may exist although its id never came back.
      await CancellationScope.nonCancellable(() =>
        cancelJobs.executeWithOptions({ summary: `cancel ${candidate.id}` }, [{ definition, key: candidate.key }]),
      );
    }
    throw error;
  }
}
