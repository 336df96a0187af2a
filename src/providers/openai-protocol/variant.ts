import type { FineTuningJobCheckpoint } from 'openai/resources/fine-tuning/jobs/checkpoints';
import type { FineTuningJob, JobCreateParams } from 'openai/resources/fine-tuning/jobs/jobs';
import type { Checkpoint, MetricPoint } from '../../core/run/training-metrics.ts';
import { modelId, type ProviderProfile } from '../profile.ts';
import type { Job, JobRequest } from '../training.ts';
import { toCheckpoints, toJob } from './job-mapping.ts';

/** The differences in code of a provider whose protocol is otherwise OpenAI's. What can be said as data stands in its profile. */
export interface ProtocolVariant {
  /** Asked before anything is paid for, beside the list of jobs: throws where the account lacks a right that a run needs. */
  check(): Promise<unknown>;
  /** Text in front of each training file. */
  readonly filePrefix: string;
  /** The request for a job, made from OpenAI's. */
  jobBody(usual: JobCreateParams, request: Pick<JobRequest, 'baseModel' | 'hyperparameters'>): Promise<object> | object;
  /** Whether a job's model is the one of a pipeline file. */
  isModel(jobModel: string, baseModel: string): boolean;
  readJob(job: FineTuningJob): Promise<Job> | Job;
  /** All reports of a job's steps, oldest first; null where they are its events. */
  readonly readMetrics: ((id: string) => Promise<MetricPoint[]>) | null;
  readCheckpoints(checkpoints: readonly FineTuningJobCheckpoint[], jobId: string): Promise<Checkpoint[]> | Checkpoint[];
}

/** The protocol as OpenAI speaks it. */
export function asOpenAI(profile: ProviderProfile): ProtocolVariant {
  return {
    check: async () => {},
    filePrefix: '',
    jobBody: (usual) => usual,
    // A server may answer with the dated name of the model that was asked for.
    isModel: (jobModel, baseModel) => jobModel.startsWith(modelId(profile, baseModel)),
    readJob: toJob,
    readMetrics: null,
    readCheckpoints: toCheckpoints,
  };
}
