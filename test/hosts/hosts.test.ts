import { describeInference } from '../../src/testing/inference.ts';
import { describeServing } from '../../src/testing/serving.ts';
import { describeTraining } from '../../src/testing/training.ts';
import { type Played, play } from './playing.ts';
import { hasSpecs, NO_SPECS } from './schemas.ts';
import { FRONTS, type HostName } from './start-host.ts';
import { tunedModel } from './tuned-model.ts';

const SLOW_JOB_SECONDS = 120;

if (!hasSpecs) console.warn(NO_SPECS);

/** All hosts, and further ways to serve, by the options that choose them. */
const TABLE: readonly { title: string; name: HostName; options?: Record<string, unknown> }[] = [
  ...(Object.keys(FRONTS) as HostName[]).map((name) => ({ title: name, name })),
  { title: 'crusoe with machines of its own', name: 'crusoe', options: { serving: 'deployment' } },
];

/** A host that, when it is closed, has to have seen requests and answers as documented only. */
async function open(...of: Parameters<typeof play>): Promise<Played> {
  const played = await play(...of);
  const close = async () => {
    await played.close();
    expect(played.violations()).toEqual([]);
  };
  return { ...played, close };
}

describe.each(TABLE)('$title', ({ title, name, options }) => {
  if (options === undefined) {
    describeTraining(`the host ${title}`, async (pace) => {
      const { connected, ...host } = await open(name, pace === 'slow' ? { jobSeconds: SLOW_JOB_SECONDS } : {});
      const { training, profile } = connected;
      return { ...host, training, choosesIds: profile.jobs.identity === 'id' };
    });

    describeInference(`the host ${title}`, async () => {
      const { connected, baseModelId: model, close } = await open(name);
      return { inference: connected.inference, model, close };
    });
  }

  if (FRONTS[name].profile.serving.lease === null) return;

  // One host for all tests, because each needs the same two models; leases that a test leaves behind are an error.
  let host: Promise<Played & { models: [string, string] }> | undefined;
  const withModels = async () => {
    const opened = await open(name, {}, options);
    const { training } = opened.connected;
    const models = [1, 2].map((seed) => tunedModel(training, opened.baseModel, seed));
    const [one = '', other = ''] = await Promise.all(models);
    return { ...opened, models: [one, other] as [string, string] };
  };
  afterAll(async () => (await host)?.close());

  describeServing(`the host ${title}`, async () => {
    host ??= withModels();
    const { connected, baseModel, models, host: played } = await host;
    const { serving, inference } = connected;
    if (!serving) throw new Error(`${name} has no serving leases`);
    const close = async () => expect(played.leases.list()).toEqual([]);
    return { serving, inference, baseModel, models, keepsNames: title !== 'crusoe', close };
  });
});
