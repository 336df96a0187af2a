import { keyHeaders } from '../../endpoint.ts';
import { HttpApi } from '../../http-api.ts';
import type { Inference } from '../../inference.ts';
import { inferenceApiOf } from '../../openai-protocol/api.ts';
import { OpenAIInference } from '../../openai-protocol/inference.ts';
import type { ProviderProfile } from '../../profile.ts';
import type { Provider } from '../../provider.ts';
import { MODELS } from './answers.ts';
import { TogetherFiles } from './files.ts';
import { TogetherServing } from './serving.ts';
import { TogetherTraining } from './training.ts';

const REQUEST_TIMEOUT_MS = 60_000;
const POLL_MS = 2000;

/**
 * Together. Its own client for Node is not used, because its upload ends the process.
 *
 * @param options.pollMs the longest wait between two questions whether an uploaded file has been checked
 */
export function togetherProvider(
  profile: ProviderProfile,
  apiKey: string,
  { timeoutMs = REQUEST_TIMEOUT_MS, pollMs = POLL_MS }: { timeoutMs?: number; pollMs?: number } = {},
): Provider {
  const api = new HttpApi({
    baseURL: profile.address,
    headers: () => keyHeaders(profile, apiKey),
    secrets: [apiKey],
    timeoutMs,
  });
  const training = new TogetherTraining(api, new TogetherFiles(api, { secret: apiKey, pollMs }), profile);
  return {
    profile,
    training,
    inference: togetherInference(api, profile, apiKey, timeoutMs),
    serving: new TogetherServing(api, profile),
    estimateJob: (job) => training.estimate(job),
    storedLog: null,
  };
}

/** Questions go by OpenAI's protocol; the list of models is a bare array. */
function togetherInference(api: HttpApi, profile: ProviderProfile, apiKey: string, timeoutMs: number): Inference {
  const client = inferenceApiOf(profile, apiKey, timeoutMs);
  const inference = new OpenAIInference(client, profile);
  return {
    address: inference.address,
    settings: inference.settings,
    complete: (request) => inference.complete(request),
    listModels: async () => {
      const models = await api.send({ path: '/models', answer: MODELS });
      return models.map(({ id }) => ({ id, shutdownDate: null }));
    },
  };
}
