import type { ProviderProfile } from '../profile.ts';
import type { Provider } from '../provider.ts';
import { OpenAIApi } from './api.ts';
import { OpenAIInference } from './inference.ts';
import { OpenAIStoredLog } from './stored-log.ts';
import { OpenAITraining } from './training.ts';

const REQUEST_TIMEOUT_MS = 60_000;

/**
 * Any server that speaks the OpenAI protocol.
 *
 * @param apiKey the key, or any word for a server whose profile names no variable for one
 * @param options.timeoutMs how long a request may take; an upload may take 15 minutes
 */
export function openAIProtocolProvider(
  profile: ProviderProfile,
  apiKey: string,
  { timeoutMs = REQUEST_TIMEOUT_MS }: { timeoutMs?: number } = {},
): Provider {
  const api = new OpenAIApi({
    baseURL: profile.address,
    apiKey,
    keyIsSecret: profile.keyVariable !== null,
    timeoutMs,
  });
  return {
    profile,
    training: new OpenAITraining(api, profile),
    inference: new OpenAIInference(api, profile),
    serving: null,
    estimateJob: null,
    storedLog: profile.storesCompletions ? new OpenAIStoredLog(api) : null,
  };
}
