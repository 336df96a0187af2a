import type { Inference } from './inference.ts';
import type { ProviderProfile } from './profile.ts';
import type { Serving } from './serving.ts';
import type { StoredLog } from './stored-log.ts';
import type { JobRequest, Training } from './training.ts';

/** A provider: its profile, and a port for each of its abilities. A caller takes only the port that it uses. */
export interface Provider {
  readonly profile: ProviderProfile;
  readonly training: Training;
  readonly inference: Inference;
  /** Null where a tuned model can be called without a lease. */
  readonly serving: Serving | null;
  /** Null where the provider keeps no completions. */
  readonly storedLog: StoredLog | null;
  /**
   * The provider's own estimate of what a job costs, in USD; null where it cannot be asked. The question is free.
   *
   * @param job as it would be created, with uploaded files
   */
  readonly estimateJob:
    | ((job: Pick<JobRequest, 'baseModel' | 'trainingFile' | 'validationFile' | 'hyperparameters'>) => Promise<number>)
    | null;
}
