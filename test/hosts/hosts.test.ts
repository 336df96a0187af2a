import { describeInference } from '../../src/testing/inference.ts';
import { describeTraining } from '../../src/testing/training.ts';
import { playStrictly } from './playing.ts';
import { hasSpecs, NO_SPECS } from './schemas.ts';
import { HOST_NAMES } from './start-host.ts';

const SLOW_JOB_SECONDS = 120;

if (!hasSpecs) console.warn(NO_SPECS);

for (const name of HOST_NAMES) {
  describeTraining(`the host ${name}`, async (pace) => {
    const jobSeconds = pace === 'slow' ? SLOW_JOB_SECONDS : undefined;
    const { connected, ...host } = await playStrictly(name, { modelLateMs: 0, jobSeconds });
    const { training, profile } = connected;
    return { ...host, training, choosesIds: profile.jobs.identity === 'id' };
  });

  describeInference(`the host ${name}`, async () => {
    const { connected, baseModelId: model, close } = await playStrictly(name);
    return { inference: connected.inference, model, close };
  });
}
