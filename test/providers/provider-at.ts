import { connectProvider } from '../../src/providers/connect.ts';
import { openAIProtocolProvider } from '../../src/providers/openai-protocol/provider.ts';
import type { ProviderProfile } from '../../src/providers/profile.ts';
import { GENERIC } from '../../src/providers/profiles/generic.ts';
import type { Provider } from '../../src/providers/provider.ts';

export interface ProviderAtOptions {
  apiKey?: string;
  settlingMs?: number;
  timeoutMs?: number;
  /** The differences from a generic server. */
  profile?: Partial<ProviderProfile>;
}

/** A provider that speaks the OpenAI protocol at an address of a test. Its list shows a new job at once unless told otherwise. */
export function providerAt(baseURL: string, options: ProviderAtOptions = {}): Provider {
  const { apiKey = 'key', settlingMs = 0, timeoutMs, profile } = options;
  return openAIProtocolProvider(
    {
      ...GENERIC,
      address: baseURL,
      keyVariable: 'TUNELOOP_TEST_PROVIDER_KEY',
      jobs: { ...GENERIC.jobs, settlingMs },
      ...profile,
    },
    apiKey,
    timeoutMs === undefined ? {} : { timeoutMs },
  );
}

/** A local trainer at an address of a test. */
export function localTrainerAt(baseURL: string): Provider {
  return connectProvider('local', baseURL);
}
