import { inferenceApiOf } from '../../openai-protocol/api.ts';
import { OpenAIInference } from '../../openai-protocol/inference.ts';
import type { ProviderProfile } from '../../profile.ts';
import type { Provider } from '../../provider.ts';
import { FireworksApi } from './api.ts';
import { withModelsOf } from './inference.ts';
import { FireworksServing } from './serving.ts';
import { FireworksTraining } from './training.ts';

const REQUEST_TIMEOUT_MS = 60_000;
const LOOK_MS = 500;

export interface FireworksOptions {
  /** How long a request may take; an upload may take 15 minutes. */
  timeoutMs?: number;
  /** The time between the first two looks at an uploaded file. */
  lookMs?: number;
  /** Larger files are uploaded by a signed address. */
  largestFormBytes?: number;
}

/** Fireworks: training and serving by its own protocol, questions by OpenAI's. */
export function fireworksProvider(
  profile: ProviderProfile,
  apiKey: string,
  { timeoutMs = REQUEST_TIMEOUT_MS, lookMs = LOOK_MS, largestFormBytes }: FireworksOptions = {},
): Provider {
  const api = new FireworksApi({ profile, apiKey, timeoutMs });
  const models = inferenceApiOf(profile, apiKey, timeoutMs);
  const upload = { lookMs, ...(largestFormBytes === undefined ? {} : { largestFormBytes }) };
  return {
    profile,
    training: new FireworksTraining(api, profile, upload),
    inference: withModelsOf(api, new OpenAIInference(models, profile)),
    serving: new FireworksServing(api, profile),
    estimateJob: null,
    storedLog: null,
  };
}
