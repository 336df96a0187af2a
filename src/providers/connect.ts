import { readApiKey } from '../config/environment.ts';
import type { ProviderChoice } from '../config/pipeline.ts';
import { OpenAIProtocolProvider } from './openai-protocol.ts';
import type { Provider } from './provider.ts';

/** The port at which the local trainer listens unless told otherwise. */
export const TRAINER_PORT = 8484;
export const DEFAULT_TRAINER_URL = `http://127.0.0.1:${TRAINER_PORT}/v1`;

/** Makes the provider that a pipeline names. @throws TuneloopError ENVIRONMENT_INVALID where its key is missing. */
export function connectProvider(choice: ProviderChoice, trainerUrl: string = DEFAULT_TRAINER_URL): Provider {
  if (choice === 'local') return new OpenAIProtocolProvider({ baseURL: trainerUrl, apiKey: 'local', local: true });
  if (choice === 'openai') {
    return new OpenAIProtocolProvider({
      baseURL: 'https://api.openai.com/v1',
      apiKey: readApiKey('OPENAI_API_KEY'),
      local: false,
    });
  }
  return new OpenAIProtocolProvider({ baseURL: choice.baseURL, apiKey: readApiKey(choice.apiKeyEnv), local: false });
}
