import type { ProfileName, ProviderChoice, ProviderLimitsChoice } from '../../core/run/pipeline.ts';
import type { ProviderLimits, ProviderProfile } from '../profile.ts';
import { GENERIC } from './generic.ts';
import { LOCAL } from './local.ts';
import { OPENAI } from './openai.ts';

/** The profile of each provider that a pipeline can name. A new provider is one line here, and its name in `core/run/pipeline.ts`. */
const PROFILES = { local: LOCAL, openai: OPENAI } as const satisfies Record<ProfileName, ProviderProfile>;

export const describeProfile = (name: ProfileName): string => PROFILES[name].description;

/**
 * The profile of the provider that a pipeline names.
 *
 * @param trainerUrl address of the local trainer, if it is not the usual one
 */
export function profileOf(settings: ProviderChoice, trainerUrl?: string): ProviderProfile {
  if (typeof settings === 'string') {
    return { ...PROFILES[settings], address: addressOf(settings, trainerUrl) };
  }
  const { apiKeyEnv, settling_seconds: seconds, limits } = settings;
  return {
    ...GENERIC,
    address: addressOf(settings, trainerUrl),
    keyVariable: apiKeyEnv,
    limits: withLimits(GENERIC.limits, limits ?? {}),
    jobs: { ...GENERIC.jobs, settlingMs: seconds === undefined ? GENERIC.jobs.settlingMs : seconds * 1000 },
  };
}

/** The address of a provider. @param trainerUrl address of the local trainer, if it is not the usual one */
export function addressOf(settings: ProfileName | { baseURL: string }, trainerUrl: string = LOCAL.address): string {
  if (typeof settings !== 'string') return settings.baseURL;
  return settings === 'local' ? trainerUrl : PROFILES[settings].address;
}

/** Whether an id has the form of a fine-tuning job of any provider. */
export function isJobId(id: string): boolean {
  return Object.values(PROFILES).some(({ ids }) => ids.job.test(id));
}

/** Whether OpenAI's own clients call this address unless told otherwise. */
export function isClientDefault({ address }: Pick<ProviderProfile, 'address'>): boolean {
  return new URL(address).hostname === new URL(OPENAI.address).hostname;
}

function withLimits(
  defaults: ProviderLimits,
  { fewest_examples: examples, largest_file_mb: megabytes, tokens_per_example: tokens }: ProviderLimitsChoice,
): ProviderLimits {
  return {
    ...defaults,
    fewestExamples: examples ?? defaults.fewestExamples,
    largestFileBytes: megabytes === undefined ? defaults.largestFileBytes : megabytes * 1_000_000,
    tokensPerExample: tokens ?? defaults.tokensPerExample,
  };
}
