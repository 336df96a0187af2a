import { connectProvider } from '../../src/providers/connect.ts';
import { describeInference } from '../../src/testing/inference.ts';
import { describeTraining } from '../../src/testing/training.ts';
import type { HostOptions } from './host.ts';
import { hasSpecs, NO_SPECS } from './schemas.ts';
import { FRONTS, type HostName, startHost } from './start-host.ts';

const SLOW_JOB_SECONDS = 120;

if (!hasSpecs) console.warn(NO_SPECS);

/** A host with the product's own client of it. */
async function open(name: HostName, options: Partial<HostOptions> = {}) {
  const running = await startHost(name, options);
  Object.assign(process.env, running.env);
  const provider = connectProvider(running.provider);
  const close = async () => {
    await running.close();
    expect(running.violations()).toEqual([]);
  };
  const baseModel = provider.profile.models[0]?.name ?? 'gpt-4.1-nano';
  return { ...running, provider, baseModel, close };
}

for (const name of Object.keys(FRONTS) as HostName[]) {
  describeTraining(`the host ${name}`, async (pace) => {
    const { provider, baseModel, close } = await open(name, pace === 'slow' ? { jobSeconds: SLOW_JOB_SECONDS } : {});
    return { training: provider.training, baseModel, close };
  });

  describeInference(`the host ${name}`, async () => {
    const { provider, baseModel, close } = await open(name);
    return { inference: provider.inference, model: baseModel, close };
  });
}
