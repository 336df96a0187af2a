import type { RunJson } from '../../src/client/runs.ts';
import { readPipelineFile } from '../../src/config/pipeline-file.ts';
import { LEASE_PREFIX } from '../../src/contract/ids.ts';
import { connectProvider } from '../../src/providers/connect.ts';
import type { Serving } from '../../src/providers/serving.ts';
import { cli, lastJson, temporaryHome } from '../setup/cli.ts';
import { LIVE_HOSTS, type LiveHost, switchOf, writeSmokePipeline } from './smoke.ts';

// A host may let a job wait for hours.
jest.setTimeout(6 * 3_600_000);

/**
 * Runs one job of one epoch at a host, with an account and money of yours: `TUNELOOP_LIVE_FIREWORKS=1` turns it on for Fireworks, and its
 * key has to be in the environment. `TUNELOOP_LIVE_SETTINGS` is what `provider` needs besides, as JSON:
 *
 *     TUNELOOP_LIVE_FIREWORKS=1 TUNELOOP_LIVE_SETTINGS='{"options":{"account":"my-team"}}' npx jest test/live
 *
 * NOBODY HAS RUN THIS YET: it was written from documents, without an account at any host.
 */
const wanted = LIVE_HOSTS.filter((host) => process.env[switchOf(host)] === '1');
if (wanted.length > 1) throw new Error('name one host at a time, because TUNELOOP_LIVE_SETTINGS is of one');

test.each(wanted)('a run at $name trains a model, asks it, and leaves no lease', async (host) => {
  console.warn(
    `This test spends up to ${host.budgetUsd} USD at ${host.name}. Nobody has run it yet. If it fails, look at the provider's own page ` +
      'for jobs and deployments whose names begin with `tuneloop` or `tl-`, and delete them.',
  );
  const { home, remove } = temporaryHome();
  const file = writeSmokePipeline(home, withSettings(host));
  const { provider } = await readPipelineFile(file);
  const { serving } = connectProvider(provider);
  const before = await leasesAt(serving);
  const ended = await cli(home, ['demo', '--json', '--pipeline', file]);
  // The home stays where something went wrong: it has the names of jobs and leases.
  if (ended.code !== 0) throw new Error(`${ended.stdout}\n${ended.stderr}\nSee ${home}.`);
  const run = lastJson<RunJson>(ended);
  expect(run.candidates).toMatchObject([{ status: 'succeeded' }]);
  expect(run.winnerJudged?.n).toBeGreaterThan(0);
  expect(run.spent?.usd).toBeLessThanOrEqual(host.budgetUsd);
  expect((await leasesAt(serving)).filter((name) => !before.includes(name))).toEqual([]);
  remove();
});

async function leasesAt(serving: Serving | null | undefined): Promise<string[]> {
  return ((await serving?.list(LEASE_PREFIX)) ?? []).map(({ name }) => name);
}

function withSettings(host: LiveHost): LiveHost {
  const given: LiveHost['settings'] = JSON.parse(process.env.TUNELOOP_LIVE_SETTINGS ?? '{}');
  const options = { ...host.settings.options, ...given.options };
  return { ...host, settings: { ...host.settings, ...given, options } };
}
