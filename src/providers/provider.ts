import type { Inference } from './inference.ts';
import type { ProviderProfile } from './profile.ts';
import type { StoredLog } from './stored-log.ts';
import type { Training } from './training.ts';

/** A provider: its profile, and a port for each of its abilities. A caller takes only the port that it uses. */
export interface Provider {
  readonly profile: ProviderProfile;
  readonly training: Training;
  readonly inference: Inference;
  /** Null where the provider keeps no completions. */
  readonly storedLog: StoredLog | null;
}
