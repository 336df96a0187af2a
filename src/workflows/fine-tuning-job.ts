import {
  CancellationScope,
  condition,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/create-activities.ts';
import { BILLABLE, CANCEL, POLL } from '../contract/activity-options.ts';
import { type FineTuningJobInput, stopSignal, wakeSignal } from '../contract/messages.ts';
import { JOB } from '../contract/search-attributes.ts';
import type { AwaitJobInput } from '../core/run/job-input.ts';
import type { JobOutcome } from '../core/run/job-outcome.ts';
import { pauseCodeOf } from '../core/run/pause-reason.ts';
import { asCancellation, reasonOf, wasCancelled } from './steps/failure-reason.ts';
import { pauseReasonOf } from './steps/pause.ts';

const { createJob } = proxyActivities<Activities>(BILLABLE);
const { awaitJob, awaitModel } = proxyActivities<Activities>(POLL);
const { cancelJobs } = proxyActivities<Activities>(CANCEL);
/** Asks for about five seconds, because the provider's answers may lag behind its webhook. */
const { awaitJob: askNow } = proxyActivities<Activities>({
  ...POLL,
  // If the provider asks for patience, the polling takes over.
  scheduleToCloseTimeout: '1 minute',
  retry: { ...POLL.retry, maximumAttempts: 8 },
});
/** At most this many questions follow from wakes. The polling covers later wakes, so that a history stays small. */
const MOST_WAKES = 20;

/** One candidate: creates its job once and waits until its model answers. Whatever goes wrong, no job is left running. */
export async function fineTuningJob({ reportEpochs, ...input }: FineTuningJobInput): Promise<JobOutcome> {
  const { definition, candidate } = input;
  const { parent } = workflowInfo();
  const reportTo = reportEpochs && parent ? { workflowId: parent.workflowId, runId: parent.runId } : undefined;
  let jobId: string | null = null;
  const stopped: { reason: string | null } = { reason: null };
  // A scope of its own, because a stop must reach neither the creation, which has to be finished, nor a job that has succeeded.
  const waiting = new CancellationScope();
  setHandler(
    stopSignal,
    (reason) => {
      stopped.reason ??= reason;
      waiting.cancel();
    },
    { description: 'Cancels the job, for a reason that its candidate is shown with' },
  );
  const wakes = { heard: 0 };
  setHandler(
    wakeSignal,
    () => {
      wakes.heard += 1;
    },
    { description: 'Asks the provider for the job now, because somebody says that it has ended' },
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
    upsertSearchAttributes([{ key: JOB, value: id }]);
    setCurrentDetails(`Waiting for ${id}${created.adopted ? ', which an earlier attempt had created' : ''}`);
    let outcome: JobOutcome;
    try {
      outcome = await waiting.run(() => awaitEnd({ ...input, jobId: id, reportTo }, wakes));
    } catch (error) {
      const { reason } = stopped;
      if (reason === null || !isCancellation(error) || CancellationScope.current().consideredCancelled) throw error;
      const { trainingUsd } = await cancel();
      // The job may have ended before it could be cancelled: the provider's answer decides.
      outcome = await awaitJob.executeWithOptions({ summary: `wait for ${id}` }, [{ ...input, jobId: id }]);
      if (outcome.state === 'cancelled') {
        outcome = { state: 'stopped', jobId: id, reason, trainingUsd: outcome.trainingUsd ?? trainingUsd };
      }
    }
    if (outcome.state === 'succeeded') {
      setCurrentDetails(`${id} succeeded; waiting until ${outcome.model} answers`);
      const { model } = outcome;
      const asked = await awaitModel.executeWithOptions({ summary: 'wait until the model answers' }, [
        { definition, model, baseModel: candidate.baseModel },
      ]);
      // Earlier versions answered with nothing.
      outcome.askedUsd = asked?.usd ?? 0;
    }
    setCurrentDetails(`${id} ${outcome.state}`);
    return outcome;
  } catch (error) {
    // In a scope that cancellation does not reach, because the job may exist although its id was never returned.
    const { trainingUsd } = await cancel();
    if (wasCancelled(error) || pauseReasonOf(error)) throw asCancellation(error);
    const reason = reasonOf(error);
    setCurrentDetails(reason);
    return { state: 'failed', jobId, reason, trainingUsd, pause: null };
  }
}

/**
 * Polls, and asks once more after each wake. The polling continues unchanged, with its deadlines and its reports of epochs, so that a
 * mistaken wake changes nothing.
 */
function awaitEnd(job: AwaitJobInput, wakes: Readonly<{ heard: number }>): Promise<JobOutcome> {
  return CancellationScope.cancellable(async () => {
    const polled = awaitJob.executeWithOptions({ summary: `wait for ${job.jobId}` }, [job]);
    try {
      return await Promise.race([polled, askWhenWoken(job, wakes)]);
    } finally {
      CancellationScope.current().cancel();
    }
  });
}

/** Resolves when a question finds that the job has ended, and never rejects, because failures belong to the polling. */
async function askWhenWoken(job: AwaitJobInput, wakes: Readonly<{ heard: number }>): Promise<JobOutcome> {
  let { heard } = wakes;
  for (let questions = 0; questions < MOST_WAKES; questions += 1) {
    try {
      await condition(() => wakes.heard > heard);
      ({ heard } = wakes);
      return await askNow.executeWithOptions({ summary: `ask for ${job.jobId}` }, [job]);
    } catch (error) {
      if (wasCancelled(error)) break;
    }
  }
  return new Promise(() => {});
}
