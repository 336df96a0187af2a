import type { ProviderChoice } from '../core/run/pipeline.ts';
import { endpointOf } from './endpoint.ts';
import { openAIProtocolProvider } from './openai-protocol/provider.ts';
import type { ProviderProfile } from './profile.ts';
import { profileOf } from './profiles/index.ts';
import type { Provider } from './provider.ts';

/** Clients by the protocol that a profile names. A new protocol is one line here. */
const DIALECTS = { openai: openAIProtocolProvider } satisfies Record<
  ProviderProfile['dialect'],
  (profile: ProviderProfile, apiKey: string) => Provider
>;

/**
 * Makes the provider that a pipeline names; nothing is sent yet.
 *
 * @param trainerUrl address of the local trainer, if it is not the usual one
 * @throws TuneloopError ENVIRONMENT_INVALID where its key is missing
 */
export function connectProvider(choice: ProviderChoice, trainerUrl?: string): Provider {
  const profile = profileOf(choice, trainerUrl);
  return DIALECTS[profile.dialect](profile, endpointOf(profile).apiKey);
}
