import OpenAI from 'openai';
import { startTrainer } from '../../packages/local-trainer/src/server.ts';
import { describeInference } from '../../src/testing/inference.ts';
import { describeStoredLog } from '../../src/testing/stored-log.ts';
import { describeTraining } from '../../src/testing/training.ts';
import { temporaryFolder } from '../local-trainer/sample-data.ts';
import { providerAt } from './provider-at.ts';

const SLOW_JOB_SECONDS = 120;

/** The provider of a trainer of its own. */
async function open({ jobSeconds }: { jobSeconds?: number } = {}) {
  const folder = temporaryFolder();
  const trainer = await startTrainer({ dir: folder.dir, ...(jobSeconds === undefined ? {} : { jobSeconds }) });
  const close = async () => {
    await trainer.close();
    folder.remove();
  };
  return { baseURL: trainer.baseURL, provider: providerAt(trainer.baseURL, { settlingMs: 1000 }), close };
}

describeTraining('a server of the OpenAI protocol', async (pace) => {
  const { provider, close } = await open(pace === 'slow' ? { jobSeconds: SLOW_JOB_SECONDS } : {});
  return { training: provider.training, baseModel: 'local-nano', close };
});

describeInference('a server of the OpenAI protocol', async () => {
  const { provider, close } = await open();
  return { inference: provider.inference, model: 'local-base', close };
});

describeStoredLog('a server of the OpenAI protocol', async () => {
  const { baseURL, provider, close } = await open();
  const { storedLog } = provider;
  if (!storedLog) throw new Error('the profile keeps no completions');
  const client = new OpenAI({ baseURL, apiKey: 'any', maxRetries: 0 });
  return {
    storedLog,
    store: async (content, metadata) => {
      const messages = [{ role: 'user' as const, content }];
      return (await client.chat.completions.create({ model: 'local-base', messages, store: true, metadata })).id;
    },
    close,
  };
});
