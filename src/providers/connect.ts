import type { ProviderChoice } from '../core/run/pipeline.ts';
import { azureProvider } from './dialects/azure.ts';
import { crusoeProvider } from './dialects/crusoe.ts';
import { fireworksProvider } from './dialects/fireworks/provider.ts';
import { nebiusProvider } from './dialects/nebius.ts';
import { togetherProvider } from './dialects/together/provider.ts';
import { keyOf } from './endpoint.ts';
import { openAIProtocolProvider } from './openai-protocol/provider.ts';
import type { ProviderProfile } from './profile.ts';
import { profileOf } from './profiles/index.ts';
import type { Provider } from './provider.ts';

/** Clients by the protocol that a profile names. A new protocol is one line here. */
const DIALECTS: Record<ProviderProfile['dialect'], (profile: ProviderProfile, apiKey: string) => Provider> = {
  openai: openAIProtocolProvider,
  azure: azureProvider,
  crusoe: crusoeProvider,
  nebius: nebiusProvider,
  together: togetherProvider,
  fireworks: fireworksProvider,
};

/**
 * Makes the provider that a pipeline names; nothing is sent yet.
 *
 * @param trainerUrl address of the local trainer, if it is not the usual one
 * @throws TuneloopError ENVIRONMENT_INVALID where its key is missing
 */
export function connectProvider(choice: ProviderChoice, trainerUrl?: string): Provider {
  const profile = profileOf(choice, trainerUrl);
  return DIALECTS[profile.dialect](profile, keyOf(profile));
}
