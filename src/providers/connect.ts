import { readApiKey } from '../config/environment.ts';
import type { ProviderChoice } from '../config/pipeline.ts';
import { OpenAIProtocolProvider } from './openai-protocol.ts';
import type { Provider } from './provider.ts';

/** The port at which the local trainer listens unless told otherwise. */
export const TRAINER_PORT = 8484;
export const DEFAULT_TRAINER_URL = `http://127.0.0.1:${TRAINER_PORT}/v1`;

/**
 * How long a new job may be missing from the list, unless the pipeline says otherwise. OpenAI documents no figure: half a
 * minute is a cautious guess. The local trainer lists a job before it answers.
 */
const SETTLING_MS = 30_000;
const LOCAL_SETTLING_MS = 1000;

/** Makes the provider that a pipeline names. @throws TuneloopError ENVIRONMENT_INVALID where its key is missing. */
export function connectProvider(choice: ProviderChoice, trainerUrl: string = DEFAULT_TRAINER_URL): Provider {
  if (choice === 'local') {
    const apiKey = 'local';
    return new OpenAIProtocolProvider({ baseURL: trainerUrl, apiKey, local: true, settlingMs: LOCAL_SETTLING_MS });
  }
  if (choice === 'openai') {
    const apiKey = readApiKey('OPENAI_API_KEY');
    const baseURL = 'https://api.openai.com/v1';
    return new OpenAIProtocolProvider({ baseURL, apiKey, local: false, settlingMs: SETTLING_MS });
  }
  const { baseURL, apiKeyEnv, settling_seconds: seconds } = choice;
  const settlingMs = seconds === undefined ? SETTLING_MS : seconds * 1000;
  return new OpenAIProtocolProvider({ baseURL, apiKey: readApiKey(apiKeyEnv), local: false, settlingMs });
}
