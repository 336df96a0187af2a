/** Tests a server of your own against the rules that Tuneloop relies on: `node --test provider.test.ts` in this folder. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { startTrainer } from '@tuneloop/local-trainer';
import { connectProvider, describeInference, describeTraining } from 'tuneloop/testing';

const runner = { describe, test, beforeAll: before, afterAll: after, beforeEach, afterEach };
process.env.OWN_PROVIDER_KEY ??= 'any';

/** Starts your server, or one that answers as it does. Here the local trainer stands in for it. */
async function startServer(pace: 'fast' | 'slow') {
  const dir = mkdtempSync(path.join(tmpdir(), 'own-provider-'));
  const trainer = await startTrainer({ dir, ...(pace === 'slow' ? { jobSeconds: 120 } : {}) });
  const close = async () => {
    await trainer.close();
    rmSync(dir, { recursive: true });
  };
  // The section `provider` of pipeline.yaml.
  const settings = {
    profile: 'generic' as const,
    baseURL: trainer.baseURL,
    apiKeyEnv: 'OWN_PROVIDER_KEY',
    settling_seconds: 1,
  };
  return { provider: connectProvider(settings), close };
}

describeInference(
  'my server',
  async () => {
    const { provider, close } = await startServer('fast');
    return { inference: provider.inference, model: 'local-base', close };
  },
  runner,
);

describeTraining(
  'my server',
  async (pace) => {
    const { provider, close } = await startServer(pace);
    return { training: provider.training, baseModel: 'local-nano', close };
  },
  runner,
);
