import { readAzureLogin } from '../../config/environment.ts';
import { HttpApi } from '../http-api.ts';
import { toCheckpoints } from '../openai-protocol/job-mapping.ts';
import { type OpenAIProtocolOptions, openAIProtocolProvider, REQUEST_TIMEOUT_MS } from '../openai-protocol/provider.ts';
import { type ProviderProfile, settingsFor } from '../profile.ts';
import type { Provider } from '../provider.ts';
import { AzureDeployments } from './azure-deployments.ts';
import { EntraToken } from './entra-token.ts';

/** Azure's guide asks for training files with a byte order mark. */
const BYTE_ORDER_MARK = '\uFEFF';
/** Only the last checkpoints of a job can be deployed. */
const CHECKPOINTS_KEPT = 3;

/** Azure OpenAI: trains by OpenAI's protocol with one more field, and deploys through Azure Resource Manager, which takes another token. */
export function azureProvider(profile: ProviderProfile, apiKey: string, options: OpenAIProtocolOptions = {}): Provider {
  const { login = '', management = '' } = profile.addresses;
  const { timeoutMs = REQUEST_TIMEOUT_MS } = options;
  const token = new EntraToken(login, management, readAzureLogin, timeoutMs);
  const serving = new AzureDeployments(
    new HttpApi({ baseURL: management, headers: () => token.headers(), secrets: token.secrets, timeoutMs }),
    profile,
  );
  return openAIProtocolProvider(profile, apiKey, options, () => ({
    serving,
    variant: {
      // Without deployments nothing that is trained could be called.
      check: () => serving.list(''),
      filePrefix: BYTE_ORDER_MARK,
      readCheckpoints: (checkpoints) => toCheckpoints(checkpoints).slice(-CHECKPOINTS_KEPT),
      jobBody: (usual) => ({ ...usual, trainingType: settingsFor(profile, 'job').training_type }),
    },
  }));
}
