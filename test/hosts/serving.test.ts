import { describeServing } from '../../src/testing/serving.ts';
import { type Played, playStrictly } from './playing.ts';
import { hasSpecs, NO_SPECS } from './schemas.ts';
import { FRONTS, HOST_NAMES, type HostName } from './start-host.ts';
import { tunedModel } from './tuned-model.ts';

if (!hasSpecs) console.warn(NO_SPECS);

const LEASING = HOST_NAMES.filter((name) => FRONTS[name].profile.serving.lease !== null);

/** All hosts with leases, and further ways to serve, by the options that choose them. */
const TABLE: readonly { title: string; name: HostName; options?: Record<string, unknown>; keepsNames?: boolean }[] = [
  // The adapters of Crusoe have no name of ours.
  ...LEASING.map((name) => ({ title: name, name, keepsNames: name !== 'crusoe' })),
  { title: 'crusoe with machines of its own', name: 'crusoe', options: { serving: 'deployment' } },
];

describe.each(TABLE)('$title', ({ title, name, options, keepsNames = true }) => {
  // One host for all tests, because each needs the same two models.
  let host: Promise<Played & { models: [string, string] }> | undefined;
  afterAll(async () => (await host)?.close());

  const playWithModels = async () => {
    const played = await playStrictly(name, {}, options);
    const { training } = played.connected;
    const [one = '', other = ''] = await Promise.all(
      [1, 2].map((seed) => tunedModel(training, played.baseModel, seed)),
    );
    return { ...played, models: [one, other] as [string, string] };
  };

  describeServing(`the host ${title}`, async () => {
    host ??= playWithModels();
    const { connected, baseModel, models, host: played } = await host;
    const { serving, inference } = connected;
    if (!serving) throw new Error(`${name} has no serving leases`);
    // A lease that a test leaves behind is an error.
    const close = async () => expect(played.leases.list()).toEqual([]);
    return { serving, inference, baseModel, models, keepsNames, close };
  });
});
