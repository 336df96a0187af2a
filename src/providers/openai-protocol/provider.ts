import { inferenceAddress, keyHeaders } from '../endpoint.ts';
import type { Model } from '../inference.ts';
import type { ProviderProfile } from '../profile.ts';
import type { Provider } from '../provider.ts';
import { OpenAIApi } from './api.ts';
import { listModelsAt, OpenAIInference } from './inference.ts';
import { OpenAIStoredLog } from './stored-log.ts';
import { OpenAITraining } from './training.ts';
import type { ProtocolVariant } from './variant.ts';

export const REQUEST_TIMEOUT_MS = 60_000;

/** What differs from OpenAI in code; what is left out is as there. */
export interface Differences extends Partial<Pick<Provider, 'serving' | 'estimateJob'>> {
  variant?: Partial<ProtocolVariant>;
  /** Lists the models that can be tuned, where the protocol's list does not name them. */
  catalogue?: () => Promise<Model[]>;
}

export interface OpenAIProtocolOptions {
  /** How long a request may take; an upload may take 15 minutes. */
  timeoutMs?: number;
}

/**
 * Any server that speaks the OpenAI protocol, or nearly.
 *
 * @param apiKey the key, or any word for a server whose profile names no variable for one
 * @param differencesAt gets the client for the address of training
 */
export function openAIProtocolProvider(
  profile: ProviderProfile,
  apiKey: string,
  { timeoutMs = REQUEST_TIMEOUT_MS }: OpenAIProtocolOptions = {},
  differencesAt: (api: OpenAIApi) => Differences = () => ({}),
): Provider {
  const apiAt = (baseURL: string) =>
    new OpenAIApi({
      baseURL,
      apiKey,
      keyIsSecret: profile.keyVariable !== null,
      keyHeaders: keyHeaders(profile, apiKey),
      timeoutMs,
    });
  const api = apiAt(profile.address);
  const { variant, catalogue, serving = null, estimateJob = null } = differencesAt(api);
  const asked = inferenceAddress(profile);
  const inferenceApi = asked === profile.address ? api : apiAt(asked);
  const listTunable = inferenceApi === api ? catalogue : (catalogue ?? (() => listModelsAt(api)));
  return {
    profile,
    training: new OpenAITraining(api, profile, variant),
    inference: new OpenAIInference(inferenceApi, profile, listTunable),
    serving,
    estimateJob,
    storedLog: profile.storesCompletions ? new OpenAIStoredLog(api) : null,
  };
}
