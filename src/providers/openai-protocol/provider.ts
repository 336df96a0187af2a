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

export interface OpenAIProtocolOptions extends Partial<Pick<Provider, 'serving' | 'estimateJob'>> {
  /** How long a request may take; an upload may take 15 minutes. */
  timeoutMs?: number;
  /** What differs from OpenAI. @param api the client of the address of training */
  variant?: (api: OpenAIApi) => Partial<ProtocolVariant>;
  /** Lists the models that can be tuned, where it is not the list of the protocol. */
  catalogue?: () => Promise<Model[]>;
}

/**
 * Any server that speaks the OpenAI protocol, or nearly.
 *
 * @param apiKey the key, or any word for a server whose profile names no variable for one
 */
export function openAIProtocolProvider(
  profile: ProviderProfile,
  apiKey: string,
  {
    timeoutMs = REQUEST_TIMEOUT_MS,
    variant,
    catalogue,
    serving = null,
    estimateJob = null,
  }: OpenAIProtocolOptions = {},
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
  const asked = inferenceAddress(profile);
  const inferenceApi = asked === profile.address ? api : apiAt(asked);
  const listTunable = inferenceApi === api ? catalogue : (catalogue ?? (() => listModelsAt(api)));
  return {
    profile,
    training: new OpenAITraining(api, profile, variant?.(api)),
    inference: new OpenAIInference(inferenceApi, profile, listTunable),
    serving,
    estimateJob,
    storedLog: profile.storesCompletions ? new OpenAIStoredLog(api) : null,
  };
}
